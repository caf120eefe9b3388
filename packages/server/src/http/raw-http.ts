/** An HTTP client for tests, as raw as Node allows: any verb, any Host, any path, any body. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** Empty for what is no JSON. */
  readonly json: Record<string, unknown>;
}

export interface Asked {
  readonly body?: string | Uint8Array;
  readonly headers?: OutgoingHttpHeaders;
  readonly signal?: AbortSignal;
}

/** `line`: `GET /path`. Throws when the connection breaks or the signal aborts. */
export async function askHttp(port: number, line: string, { body, headers, signal }: Asked = {}): Promise<HttpAnswer> {
  const [method, path] = line.split(" ");
  const target = { host: "127.0.0.1", port, method, path, agent: false };
  const request = httpRequest({ ...target, ...(headers && { headers }), ...(signal && { signal }) });
  request.end(body);
  const [response] = await once(request, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = /^application\/(problem\+)?json/.test(response.headers["content-type"] ?? "");
  const json = isJson && text !== "" ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.statusCode, headers: response.headers, text, json };
}

export interface ReadEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Reads server-sent events as they come; comments are passed over. */
export class EventReader {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly #response: IncomingMessage;
  readonly #events: AsyncIterator<ReadEvent>;

  private constructor(response: IncomingMessage) {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers as Record<string, string | undefined>;
    this.#response = response;
    this.#events = eventsOf(response);
  }

  static async open(port: number, path: string, headers: OutgoingHttpHeaders = {}): Promise<EventReader> {
    const asked = { host: "127.0.0.1", port, path, agent: false, headers: { accept: "text/event-stream", ...headers } };
    const request = httpRequest(asked);
    request.end();
    const [response] = await once(request, "response");
    response.on("error", () => {}); // the test ends it
    return new EventReader(response);
  }

  /** `undefined` once the stream has ended. */
  async next(): Promise<ReadEvent | undefined> {
    const { value, done } = await this.#events.next();
    return done ? undefined : value;
  }

  get isDestroyed(): boolean {
    return this.#response.destroyed;
  }

  /** The raw response, for a reader that does not read. */
  get response(): IncomingMessage {
    return this.#response;
  }

  close(): void {
    this.#response.destroy();
  }
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<ReadEvent> {
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = new Map(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      text = text.slice(end + 2);
      const data = fields.get("data");
      if (data === undefined) continue;
      const type = fields.get("event") ?? "message";
      yield { id: fields.get("id"), type, data: JSON.parse(data) as Record<string, unknown> };
    }
  }
}
