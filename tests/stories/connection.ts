/** One kept-alive HTTP/2 connection to a server, and unary gRPC calls on it with every header and byte under the caller's control. */
import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";

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
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    // The error also ends every stream, whose caller then hears of it.
    session.on("error", () => undefined);
  }

  static async open(address: string): Promise<Connection> {
    const session = connect(`http://${address}`);
    await once(session, "connect");
    return new Connection(session);
  }

  close(): void {
    this.#session.destroy();
  }

  /** Throws when the stream ends without a gRPC status. */
  unary(path: string, message: Uint8Array, { timeoutMs = 15_000, headers = {} }: CallOptions = {}): Promise<Answer> {
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
    stream.on("error", reject);
    stream.on("close", () => {
      const status = seen["grpc-status"];
      if (status === undefined) return reject(new Error(`${path}: the stream closed without a status`));
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
