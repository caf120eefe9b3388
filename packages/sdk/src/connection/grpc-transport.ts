/** gRPC over a socket. */
import * as grpc from "@grpc/grpc-js";
import { CallFailed, type TlsConfig, type Transport, type TransportCall } from "./transport.ts";

export interface GrpcOptions {
  readonly address?: string | undefined;
  readonly tls?: TlsConfig | boolean | null | undefined;
  readonly apiKey?: unknown;
  readonly channelArgs?: grpc.ChannelOptions | undefined;
}

/** Where a server is by default. */
export const LOCAL_TARGET = "localhost:7233";
const defaultPort = 7233;
const messageBytesMax = 128 * 1024 * 1024;

export class GrpcTransport implements Transport {
  readonly #client: grpc.Client;

  constructor({ address = LOCAL_TARGET, tls, apiKey, channelArgs }: GrpcOptions) {
    const secure = tls ?? apiKey !== undefined;
    const config = typeof secure === "object" ? secure : {};
    const target = /:\d+$|^unix:/.test(address) ? address : `${address}:${defaultPort}`;
    this.#client = new grpc.Client(
      target,
      secure === false ? grpc.credentials.createInsecure() : tlsCredentials(config),
      {
        "grpc.max_receive_message_length": messageBytesMax,
        "grpc.max_send_message_length": -1,
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 15_000,
        "grpc.keepalive_permit_without_calls": 1,
        // A server that restarts is tried again soon, not after minutes.
        "grpc.initial_reconnect_backoff_ms": 50,
        "grpc.max_reconnect_backoff_ms": 2_000,
        "grpc.use_local_subchannel_pool": 1,
        ...(config.serverNameOverride === undefined
          ? {}
          : {
              "grpc.ssl_target_name_override": config.serverNameOverride,
              "grpc.default_authority": config.serverNameOverride,
            }),
        ...channelArgs,
      },
    );
  }

  call({ path, message, metadata, timeoutMs, signal }: TransportCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new CallFailed(grpc.status.CANCELLED, "the call was aborted"));
      const headers = new grpc.Metadata();
      for (const [key, value] of Object.entries(metadata)) headers.set(key, value);
      const cancel = () => call.cancel();
      const deadline = Date.now() + timeoutMs;
      const call = this.#client.makeUnaryRequest(
        path,
        asBuffer,
        asIs,
        message,
        headers,
        { deadline },
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (!error) return resolve(answer!);
          const [status] = error.metadata?.get("grpc-status-details-bin") ?? [];
          reject(new CallFailed(error.code, error.details, typeof status === "string" ? undefined : status));
        },
      );
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asIs(bytes: Buffer): Uint8Array {
  return bytes;
}

function tlsCredentials(config: TlsConfig): grpc.ChannelCredentials {
  const { serverRootCACertificate, clientCertPair, disableHostVerification } = config;
  const pem = (bytes: Uint8Array | undefined) => (bytes === undefined ? null : Buffer.from(bytes));
  const verify = disableHostVerification ? { rejectUnauthorized: false, checkServerIdentity: () => undefined } : {};
  return grpc.credentials.createSsl(
    pem(serverRootCACertificate),
    pem(clientCertPair?.key),
    pem(clientCertPair?.crt),
    verify,
  );
}
