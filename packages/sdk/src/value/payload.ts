import type { common } from "@pawl/protocol";

/** A value on its way: its bytes, and how to read them. */
export interface Payload {
  metadata: Record<string, Uint8Array>;
  data: Uint8Array;
  externalPayloads?: common.Payload_ExternalPayloadDetails[];
}
