/** Text of the server's own where the API has payloads, as SDKs decode it: JSON. */
import type { common } from "@pawl/protocol";

const encoder = new TextEncoder();

export function textPayloads(text: string): common.Payloads {
  const metadata = { encoding: encoder.encode("json/plain") };
  return { payloads: [{ metadata, data: encoder.encode(JSON.stringify(text)), externalPayloads: [] }] };
}
