import type { common } from "@pawl/protocol";

/** The size that counts against limits: data and metadata of every payload. */
export function payloadsBytes(payloads: common.Payloads | undefined): number {
  let bytes = 0;
  for (const payload of payloads?.payloads ?? []) bytes += payloadBytes(payload);
  return bytes;
}

export function payloadBytes(payload: common.Payload): number {
  let bytes = payload.data.length;
  for (const [key, value] of Object.entries(payload.metadata)) bytes += key.length + value.length;
  return bytes;
}

export function payloadMapBytes(fields: Record<string, common.Payload> | undefined): number {
  let bytes = 0;
  for (const [key, payload] of Object.entries(fields ?? {})) bytes += key.length + payloadBytes(payload);
  return bytes;
}
