/** `Transport` is the seam between a connection and its server: one unary call, bytes in and out. */
import { googleRpc, statusCodes } from "@pawl/protocol";

/** One unary call. `message` is the encoded request, without gRPC's prefix; names of metadata are in lower case. */
export interface TransportCall {
  /** `/<service>/<method>` */
  readonly path: string;
  readonly message: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** How a connection reaches its server. Write one for another way than gRPC over TCP. */
export interface Transport {
  /** The server is in this process: to have many polls wait there costs nothing, and what it hands over gets lost with it or not at all. Default: false. */
  readonly isInProcess?: boolean;
  /** The response's bytes. Throws {@link CallFailed}, also when the signal or the deadline ends the call. */
  call(call: TransportCall): Promise<Uint8Array>;
  close(): void;
}

/** A call that ended with a status other than OK. */
export class CallFailed extends Error {
  /** The gRPC status, e.g. 5 = NOT_FOUND. */
  readonly code: number;
  /** The status message as the server wrote it. */
  readonly details: string;
  /** An encoded `google.rpc.Status`. */
  readonly statusDetails: Uint8Array | undefined;
  constructor(code: number, details: string, statusDetails?: Uint8Array) {
    super(`${code} ${statusName(code)}: ${details}`);
    this.name = "CallFailed";
    this.code = code;
    this.details = details;
    this.statusDetails = statusDetails;
  }

  /** The encoded detail message of this type that came with the status. */
  detail(typeName: string): Uint8Array | undefined {
    if (!this.statusDetails) return undefined;
    const { details } = googleRpc.Status.decode(this.statusDetails);
    return details.find(({ type_url }) => type_url.endsWith(`/${typeName}`))?.value;
  }
}

const dataLoss = 15;
const names = new Map<number, string>([
  ...Object.entries(statusCodes).map(([name, code]) => [code, name] as const),
  // No server of this API says it, but a proxy may.
  [dataLoss, "DATA_LOSS"],
]);

export function statusName(code: number): string {
  return names.get(code) ?? "UNKNOWN";
}

/** How a connection is encrypted, and who is on its two ends. */
export interface TlsConfig {
  /** PEM of the authorities that may sign the server's certificate. Default: those of the system. */
  serverRootCACertificate?: Uint8Array;
  /** The name that the server's certificate must carry, when it is not the host's. */
  serverNameOverride?: string;
  /** Any certificate will do, whoever shows it: for tests alone. */
  disableHostVerification?: boolean;
  /** PEM of this client's own certificate and key. */
  clientCertPair?: { crt: Uint8Array; key: Uint8Array };
}
