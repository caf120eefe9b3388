/** One kept-alive HTTP/2 connection to a server, and unary gRPC calls on it with every header and byte under the caller's control. */
import { constants } from "node:http2";
import { isRefused, resendsMax, Session } from "../rig/session.ts";

/** How a call ended. `body` is empty unless `status` is 0 (OK). */
export interface Answer {
  readonly status: number;
  readonly message: string;
  /** `grpc-status-details-bin`, decoded from base64: a `google.rpc.Status`. */
  readonly details: Uint8Array | undefined;
  readonly body: Uint8Array;
}

export interface CallOptions {
  /** Default: 15 s. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const frameHead = 5;

/** How a story speaks to a server. */
export interface Calls {
  unary(path: string, message: Uint8Array, options?: CallOptions): Promise<Answer>;
}

export class Connection implements Calls {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  static async open(address: string): Promise<Connection> {
    return new Connection(await Session.open(address));
  }

  close(): void {
    this.#session.close();
  }

  /** Throws when the stream ends without a gRPC status. */
  unary(path: string, message: Uint8Array, options: CallOptions = {}, resends = 0): Promise<Answer> {
    const { timeoutMs = 15_000, headers = {} } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": `${timeoutMs}m`,
      ...headers,
    });
    stream.setTimeout(timeoutMs + 2_000, () => stream.close(constants.NGHTTP2_CANCEL));
    const seen: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on("response", (head) => Object.assign(seen, head));
    stream.on("trailers", (trailers) => Object.assign(seen, trailers));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    let error: Error | undefined;
    stream.on("error", (thrown: Error) => {
      error = thrown;
    });
    stream.on("close", () => {
      const status = seen["grpc-status"];
      if (status === undefined && isRefused(stream) && resends < resendsMax)
        return resolve(this.unary(path, message, options, resends + 1));
      if (status === undefined) return reject(error ?? new Error(`${path}: the stream closed without a status`));
      const details = seen["grpc-status-details-bin"];
      resolve({
        status: Number(status),
        message: decodeURIComponent(String(seen["grpc-message"] ?? "")),
        details: typeof details === "string" ? Buffer.from(details, "base64") : undefined,
        body: Buffer.concat(chunks).subarray(frameHead),
      });
    });
    const head = Buffer.alloc(frameHead);
    head.writeUInt32BE(message.byteLength, 1);
    stream.end(Buffer.concat([head, message]));
    return promise;
  }
}
