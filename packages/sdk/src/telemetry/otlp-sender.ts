/** Ways to a collector of OpenTelemetry: OTLP over HTTP in JSON, or over gRPC. */
import { GrpcTransport } from "../transport/grpc-transport.ts";
import { encodeMetrics } from "./otlp-protobuf.ts";

export interface OtlpTarget {
  /** Of the collector's receiver: `http://localhost:4318/v1/metrics`, or for gRPC `http://localhost:4317`. With `https` or `grpcs` over TLS. */
  readonly url: string;
  readonly isHttp: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

export interface OtlpSender {
  /** An `ExportMetricsServiceRequest` as OTLP writes it in JSON. Throws when the collector has not taken it. */
  send(request: object): Promise<void>;
  close(): void;
}

/** A collector that does not answer must not hold a process that wants to end. */
const answerWithinMs = 5_000;
const grpcPort = 4317;
const grpcPath = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const plainSchemes = ["http:", "grpc:"];
const tlsSchemes = ["https:", "grpcs:"];

/** Throws `TypeError` with what is wrong with the address. */
export function openSender(target: OtlpTarget): OtlpSender {
  return target.isHttp ? httpSender(target) : grpcSender(target);
}

function httpSender({ url, headers }: OtlpTarget): OtlpSender {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new TypeError(`url must be an address of http or https, not ${JSON.stringify(url)}`);
  }
  return {
    async send(request) {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(answerWithinMs),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    },
    close: () => undefined,
  };
}

function grpcSender({ url, headers }: OtlpTarget): OtlpSender {
  const { protocol = "", hostname = "", port = "" } = URL.parse(url) ?? {};
  if (![...plainSchemes, ...tlsSchemes].includes(protocol) || hostname === "") {
    throw new TypeError(`url must be an address of http, https, grpc or grpcs, not ${JSON.stringify(url)}`);
  }
  const address = `${hostname}:${port || grpcPort}`;
  const transport = new GrpcTransport({ address, tls: tlsSchemes.includes(protocol) });
  return {
    async send(request) {
      const message = encodeMetrics(request);
      await transport.call({
        ...{ path: grpcPath, message, metadata: headers, timeoutMs: answerWithinMs, signal: undefined },
      });
    },
    close: () => transport.close(),
  };
}
