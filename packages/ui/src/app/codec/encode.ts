/** What people type here, encoded by the codec server, so that workers are given what their own clients would have sent. */
import { encodedPayloads, isPayload, payloadOf } from "../api/payload.ts";
import { askCodec } from "./server.ts";
import { codecSettings, encodingEndpoint } from "./settings.ts";

const timeoutMs = 30_000;

/**
 * JSON values as encoded payloads, in their order. Payloads that a codec has encoded already stay as they are, and so does everything when no codec
 * server is asked. Throws a sentence, and then nothing may be sent: what was to be encrypted would go out in the open.
 */
export async function encodedValues(namespace: string, values: readonly unknown[]): Promise<readonly unknown[]> {
  if (encodingEndpoint() === undefined) return values;
  const plain = values.filter((value) => !isEncoded(value));
  if (plain.length === 0) return values;
  const settings = codecSettings.get();
  const signal = AbortSignal.timeout(timeoutMs);
  const encoded = await askCodec("encode", plain.map(payloadOf), { namespace, settings, signal });
  let next = 0;
  return values.map((value) => (isEncoded(value) ? value : encoded[next++]));
}

/** The same for named values, as in memos. */
async function encodedFields(
  namespace: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const values = await encodedValues(namespace, Object.values(fields));
  return Object.fromEntries(Object.keys(fields).map((name, at) => [name, values[at]]));
}

/** What the body of a request that starts something gives it, encoded. */
export async function withEncoded<Body extends Startable>(namespace: string, body: Body): Promise<Body> {
  const { input, memo } = body;
  return {
    ...body,
    ...(input && { input: await encodedValues(namespace, input) }),
    ...(memo?.fields && { memo: { ...memo, fields: await encodedFields(namespace, memo.fields) } }),
  };
}

/** As much of it as is read here. */
export interface Startable {
  readonly [field: string]: unknown;
  readonly input?: readonly unknown[];
  readonly memo?: { readonly fields?: Readonly<Record<string, unknown>> };
}

function isEncoded(value: unknown): boolean {
  return isPayload(value) && encodedPayloads(value).length > 0;
}
