/** Values of the server's own where the API has payloads, as SDKs decode them: JSON. */
import type { common } from "@pawl/protocol";

const encoder = new TextEncoder();

export function textPayloads(text: string): common.Payloads {
  return { payloads: [jsonPayload(text)] };
}

/** Search attributes say of which type they are. */
export function keywordPayload(text: string): common.Payload {
  return jsonPayload(text, "Keyword");
}

export function timePayload(atMs: number): common.Payload {
  return jsonPayload(new Date(atMs).toISOString().replace(".000Z", "Z"), "Datetime");
}

export function boolPayload(value: boolean): common.Payload {
  return jsonPayload(value, "Bool");
}

export function intPayload(value: number): common.Payload {
  return jsonPayload(value, "Int");
}

function jsonPayload(value: string | boolean | number, type?: string): common.Payload {
  const encoding = encoder.encode("json/plain");
  const metadata = type === undefined ? { encoding } : { encoding, type: encoder.encode(type) };
  return { metadata, data: encoder.encode(JSON.stringify(value)), externalPayloads: [] };
}
