/** A codec server: payloads go to it to be encoded, and come from it decoded, as the official tools have it. */
import type { common } from "@pawl/sdk/proto";
import { Failure } from "./failure.ts";

type Payload = common.Payload;

export interface RemoteCodecOptions {
  /** `{namespace}` in it stands for the namespace. */
  readonly endpoint: string;
  readonly namespace: string;
  /** The Authorization header. */
  readonly auth: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

interface PayloadJson {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly data?: string;
}

export class RemoteCodec {
  readonly #options: RemoteCodecOptions;
  readonly #base: string;

  /** Throws {@link Failure} for an endpoint that is no HTTP address. */
  constructor(options: RemoteCodecOptions) {
    this.#options = options;
    this.#base = options.endpoint.replaceAll("{namespace}", encodeURIComponent(options.namespace)).replace(/\/$/, "");
    if (!URL.canParse(this.#base) || !/^https?:$/.test(new URL(this.#base).protocol))
      throw new Failure(
        "usage",
        `the codec server is such as https://codec.example.org, not ${JSON.stringify(options.endpoint)}`,
      );
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return this.#ask("encode", payloads);
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return this.#ask("decode", payloads);
  }

  async #ask(what: "encode" | "decode", payloads: readonly Payload[]): Promise<Payload[]> {
    const { auth, headers, namespace, timeoutMs } = this.#options;
    const url = `${this.#base}/${what}`;
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        ...{ "content-type": "application/json", "x-namespace": namespace },
        ...(auth !== undefined && { authorization: auth }),
        ...headers,
      },
      body: JSON.stringify({ payloads: payloads.map(jsonOf) }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: Error) => {
      const { cause } = error;
      throw new Failure(
        "environment",
        `the codec server ${url} cannot be reached: ${cause instanceof Error ? cause.message : error.message}`,
      );
    });
    const text = await answer.text();
    if (!answer.ok) throw new Failure("environment", `the codec server ${url} answered with ${answer.status}`);
    const decoded = payloadsOf(text);
    if (decoded?.length !== payloads.length)
      throw new Failure("environment", `the codec server ${url} did not answer with ${payloads.length} payloads`);
    return decoded;
  }
}

function jsonOf({ metadata, data }: Payload): PayloadJson {
  const entries = Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString("base64")] as const);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data).toString("base64") };
}

/** Undefined for anything else. */
function payloadsOf(text: string): Payload[] | undefined {
  try {
    const { payloads } = JSON.parse(text) as { readonly payloads: readonly PayloadJson[] };
    return payloads.map(({ metadata = {}, data = "" }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata).map(([key, value]) => [key, new Uint8Array(Buffer.from(value, "base64"))]),
      ),
      data: new Uint8Array(Buffer.from(data, "base64")),
      externalPayloads: [],
    }));
  } catch {
    return undefined;
  }
}
