/** One HTTP request to somebody else, as far as that is allowed. */
import type { AddressRules } from "../address-rules.ts";
import { limits } from "../limits.ts";
import type { Content, HttpAnswer } from "./http-form.ts";

const userAgent = "pawl";

/** Why there is no answer. `final`: there will be none another time either. */
export class NoAnswer {
  readonly message: string;
  readonly final: boolean;
  constructor(message: string, { final = false } = {}) {
    this.message = message;
    this.final = final;
  }
}

/** Follows no redirect: where it leads to, nobody has allowed. */
export async function post(
  addresses: AddressRules,
  url: string,
  { headers, data, signal }: Content & { readonly signal: AbortSignal },
): Promise<HttpAnswer | NoAnswer> {
  const problem = addresses.problemOf(url);
  if (problem !== undefined) return new NoAnswer(problem, { final: true });
  let given: Headers;
  try {
    given = new Headers({ ...headers, "user-agent": userAgent });
  } catch (error) {
    return new NoAnswer(`the headers cannot be sent: ${textOf(error)}`, { final: true });
  }
  try {
    const body = data.length > 0 ? Uint8Array.from(data) : null;
    const response = await fetch(url, { method: "POST", redirect: "manual", headers: given, body, signal });
    const read = await readBody(response);
    if (!read) return new NoAnswer("http: response body too large", { final: true });
    const { status, statusText } = response;
    return { status, statusText, headers: Object.fromEntries(response.headers), data: read };
  } catch (error) {
    return new NoAnswer(`Post ${JSON.stringify(url)}: ${textOf(error)}`);
  }
}

/** Undefined when it is larger than what a value may be. */
async function readBody({ body }: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limits.blobBytesMax) return undefined;
  }
  return Buffer.concat(chunks, length);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
