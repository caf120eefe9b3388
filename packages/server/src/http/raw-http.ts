/** An HTTP client for tests, as raw as Node allows: any verb, any Host, any path, any body. */
import { once } from "node:events";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";

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
