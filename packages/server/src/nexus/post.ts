/** One HTTP request to somebody else, as far as that is allowed. */
import { type LookupAddress, type LookupOptions, lookup as lookUp } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { AddressRules } from "../address-rules.ts";
import { limits } from "../limits.ts";
import type { Content, HttpAnswer } from "./http-form.ts";

const userAgent = "pawl";

/** How a message is sent is this server's business, not that of who asked for it. */
const connectionHeaders = new Set([
  ...["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "expect"],
  ...["proxy-connection", "proxy-authorization"],
]);

/** Why there is no answer. `final`: there will be none another time either. */
export class NoAnswer {
  readonly message: string;
  readonly final: boolean;
  constructor(message: string, { final = false } = {}) {
    this.message = message;
    this.final = final;
  }
}

type Asked = Content & { readonly signal: AbortSignal };

/** Follows no redirect: where it leads to, nobody has allowed. */
export async function post(addresses: AddressRules, url: string, asked: Asked): Promise<HttpAnswer | NoAnswer> {
  const problem = addresses.problemOf(url);
  if (problem !== undefined) return new NoAnswer(problem, { final: true });
  try {
    const response = await send(addresses, new URL(url), asked);
    const data = await readBody(response);
    if (!data) return new NoAnswer("http: response body too large", { final: true });
    const { statusCode: status = 0, statusMessage: statusText = "" } = response;
    const headers = Object.entries(response.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
    );
    return { status, statusText, headers: Object.fromEntries(headers), data };
  } catch (error) {
    if (isUnsendable(error)) return new NoAnswer(`the headers cannot be sent: ${textOf(error)}`, { final: true });
    return new NoAnswer(`Post ${JSON.stringify(url)}: ${textOf(error)}`);
  }
}

function send(addresses: AddressRules, url: URL, { headers, data, signal }: Asked): Promise<IncomingMessage> {
  const given = Object.entries(headers).filter(([name]) => !connectionHeaders.has(name.toLowerCase()));
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const all = { ...Object.fromEntries(given), "user-agent": userAgent, "content-length": data.length };
    const lookup = lookupWithin(addresses, url);
    const sent = request(url, { method: "POST", headers: all, signal, lookup });
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end(data);
  });
}

/** The connection is made to the very addresses that were judged: a name that leads elsewhere a moment later leads nowhere. */
function lookupWithin(addresses: AddressRules, url: URL): LookupFunction {
  return (hostname, options, callback) => {
    lookUp(hostname, { ...(options as LookupOptions), all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, "", 0);
      const allowed = found.filter(({ address }) => addresses.mayConnect(url, address));
      const [first] = allowed;
      if (!first) return callback(new Error(`${hostname} does not lead to a public address`), "", 0);
      if ((options as LookupOptions).all) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}

/** Undefined when it is larger than what a value may be. */
async function readBody(response: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limits.blobBytesMax) return undefined;
  }
  return Buffer.concat(chunks, length);
}

/** A header's name or value that HTTP has no way to write. */
function isUnsendable(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return /^ERR_(INVALID_HTTP_TOKEN|INVALID_CHAR|HTTP_INVALID_HEADER_VALUE)$/.test(code);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
