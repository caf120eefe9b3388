/** Metrics as Prometheus reads them: text over HTTP, on a port of its own. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Metric, MetricTags } from "../value/metrics.ts";
import type { Family, MetricRegistry, Series } from "./metric-registry.ts";

export interface ExpositionOptions {
  /** Counters end in `_total`. */
  readonly countersTotalSuffix: boolean;
  /** Names end in their unit, such as `_seconds`. */
  readonly unitSuffix: boolean;
  /** On every series. */
  readonly globalTags: MetricTags;
}

const contentType = "text/plain; version=0.0.4; charset=utf-8";
const unitNames: Readonly<Record<string, string>> = { s: "seconds", ms: "milliseconds", By: "bytes" };

export function expose(families: readonly Family[], options: ExpositionOptions): string {
  const lines: string[] = [];
  for (const { metric, buckets, series } of families) {
    const name = exposedName(metric, options);
    if (metric.description)
      lines.push(`# HELP ${name} ${metric.description.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`);
    lines.push(`# TYPE ${name} ${metric.kind === "up-down-counter" ? "gauge" : metric.kind}`);
    for (const each of series.values()) {
      const tags = { ...options.globalTags, ...each.tags };
      if (metric.kind === "histogram") lines.push(...histogramLines(name, tags, each, buckets));
      else lines.push(`${name}${labels(tags)} ${each.value}`);
    }
  }
  return lines.length > 0 ? `${lines.join("\n")}\n` : "";
}

function histogramLines(
  name: string,
  tags: MetricTags,
  { inBucket, value, count }: Series,
  buckets: readonly number[],
) {
  let below = 0;
  const lines = buckets.map((bound, i) => {
    below += inBucket[i]!;
    return `${name}_bucket${labels({ ...tags, le: String(bound) })} ${below}`;
  });
  lines.push(`${name}_bucket${labels({ ...tags, le: "+Inf" })} ${count}`);
  lines.push(`${name}_sum${labels(tags)} ${value}`, `${name}_count${labels(tags)} ${count}`);
  return lines;
}

function exposedName({ name, unit, kind }: Metric, { unitSuffix, countersTotalSuffix }: ExpositionOptions): string {
  const plain = valid(name);
  const withUnit = unitSuffix && unit ? `${plain}_${valid(unitNames[unit] ?? unit)}` : plain;
  return countersTotalSuffix && kind === "counter" ? `${withUnit}_total` : withUnit;
}

function valid(name: string): string {
  return name.replace(/[^a-zA-Z0-9_:]/g, "_").replace(/^(?=\d)/, "_");
}

function labels(tags: MetricTags): string {
  const escaped = (value: unknown) =>
    String(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const parts = Object.entries(tags).map(([name, value]) => `${valid(name)}="${escaped(value)}"`);
  return parts.length > 0 ? `{${parts.join(",")}}` : "";
}

export class PrometheusEndpoint {
  readonly #server: Server;
  readonly #listening: Promise<void>;

  /** `bindAddress`: `host:port`. The endpoint does not keep the process alive. */
  constructor(bindAddress: string, registry: MetricRegistry, options: ExpositionOptions) {
    const { host, port } = parseAddress(bindAddress);
    this.#server = createServer((request, response) => {
      if (request.method !== "GET" || new URL(request.url ?? "/", "http://x").pathname !== "/metrics") {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "content-type": contentType }).end(expose(registry.families(), options));
    });
    this.#listening = new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(port, host, resolve);
    });
    this.#listening.catch(() => undefined);
    this.#server.unref();
  }

  /** Where it listens. Throws when it could not. */
  async address(): Promise<string> {
    await this.#listening;
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function parseAddress(bindAddress: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(bindAddress) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new TypeError(`telemetryOptions.metrics.prometheus.bindAddress must be "host:port", not "${bindAddress}"`);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
