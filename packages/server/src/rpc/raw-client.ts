/** A gRPC client that is not ours (grpc-js), without messages of its own: bytes out, bytes or a status in. For tests. */
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";

export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly bytes: Buffer | undefined;
  /** `grpc-status-details-bin` */
  readonly details: Buffer | undefined;
}

export interface Asked {
  readonly answer: Promise<Answer>;
  cancel(): void;
}

const asIs = (bytes: Buffer) => bytes;

export class RawClient implements Disposable {
  readonly #client: Client;

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  ask(
    path: string,
    request: Uint8Array,
    options: { deadlineMs?: number; headers?: Record<string, string> } = {},
  ): Asked {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
    const deadline = options.deadlineMs === undefined ? {} : { deadline: options.deadlineMs };
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const ended = (error: ServiceError | null, bytes?: Buffer) => {
      const details = error?.metadata.get("grpc-status-details-bin")[0] as Buffer | undefined;
      resolve({ code: error?.code ?? 0, text: error?.details ?? "", bytes, details });
    };
    const call = this.#client.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), metadata, deadline, ended);
    return { answer: promise, cancel: () => call.cancel() };
  }

  async call(path: string, request: Uint8Array, options?: Parameters<RawClient["ask"]>[2]): Promise<Answer> {
    return this.ask(path, request, options).answer;
  }

  /** A call with many messages both ways. */
  converse(path: string) {
    return this.#client.makeBidiStreamRequest(path, asIs, asIs, new Metadata(), {});
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** HTTP/2 by hand, for what no gRPC client would send. */
export class RawConnection implements Disposable {
  readonly session: ClientHttp2Session;
  readonly goaways: number[] = [];

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`);
    this.session.on("error", () => {});
    this.session.on("goaway", (code) => this.goaways.push(code));
  }

  /** Sends the chunks as they are and, unless `open`, ends the request. Resolves with headers and trailers together. */
  async send(
    path: string,
    chunks: readonly Uint8Array[],
    { headers = {}, open = false }: { headers?: Record<string, string>; open?: boolean } = {},
  ): Promise<RawResponse> {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let status = 0;
    const seen: Record<string, string | undefined> = {};
    stream.on("response", (response) => {
      status = response[":status"] ?? 0;
      Object.assign(seen, response);
    });
    stream.on("trailers", (trailers) => Object.assign(seen, trailers));
    const body: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    for (const chunk of chunks) stream.write(chunk);
    const ended = once(stream, "end");
    if (!open) stream.end();
    await ended;
    if (open) stream.end();
    return { status, headers: seen, body: Buffer.concat(body) };
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}
