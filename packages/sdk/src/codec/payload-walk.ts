/**
 * Finds every payload of a message, whatever the message is: payloads look like nothing else on the wire. Headers and search attributes are left
 * alone, because the server and other tools read them, and so is what the SDK itself writes into markers.
 */
import { history, update } from "@pawl/protocol";
import type { Payload } from "../value/payload.ts";

/** Payloads that belong together (the arguments of one call), and where what becomes of them goes. */
export interface PayloadGroup {
  readonly payloads: readonly Payload[];
  put(changed: readonly Payload[]): void;
}

export interface Walk<T> {
  /** A copy of the message as deep as its payloads lie; complete once all groups were put and `finish` was called. */
  readonly copy: T;
  readonly groups: readonly PayloadGroup[];
  finish(): void;
}

interface Found {
  readonly groups: PayloadGroup[];
  /** Messages inside messages that travel as bytes are written when their payloads are. */
  readonly after: (() => void)[];
}

type Fields = Record<string, unknown>;

const leftAlone: ReadonlySet<string> = new Set(["header", "headers", "searchAttributes", "indexedFields"]);
const markers: ReadonlySet<string> = new Set(["recordMarkerCommandAttributes", "markerRecordedEventAttributes"]);
const ownDetails: ReadonlySet<string> = new Set(["data", "patch-data"]);

/** Messages that travel as `google.protobuf.Any` and hold payloads. */
const wrapped: Readonly<Record<string, { decode(bytes: Uint8Array): unknown; encode(message: never): Uint8Array }>> = {
  "type.googleapis.com/temporal.api.update.v1.Request": update.Request,
  "type.googleapis.com/temporal.api.update.v1.Acceptance": update.Acceptance,
  "type.googleapis.com/temporal.api.update.v1.Rejection": update.Rejection,
  "type.googleapis.com/temporal.api.update.v1.Response": update.Response,
};

export function walkPayloads<T>(message: T): Walk<T> {
  const found: Found = { groups: [], after: [] };
  const copy = copyOf(message, "", found) as T;
  return {
    copy,
    groups: found.groups,
    // Inside out: what lies deepest was found last.
    finish: () => {
      for (const each of found.after.toReversed()) each();
    },
  };
}

function copyOf(value: unknown, name: string, found: Found): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || leftAlone.has(name)) return value;
  if (Array.isArray(value)) return value.map((each) => copyOf(each, "", found));
  const copy = { ...(value as Fields) };
  for (const [key, inner] of Object.entries(copy)) {
    if (isPayload(inner)) one(copy, key, inner, found);
    else if (key === "payloads" && Array.isArray(inner)) {
      if (inner.length > 0) found.groups.push({ payloads: inner, put: (changed) => (copy[key] = changed) });
    } else if (key === "history" && inner instanceof Uint8Array) bytes(copy, key, history.History, found);
    else if (markers.has(key)) copy[key] = copyOfMarker(inner as Fields, found);
    else copy[key] = copyOf(inner, key, found);
  }
  const inside = typeof copy["type_url"] === "string" ? wrapped[copy["type_url"]] : undefined;
  if (inside) bytes(copy, "value", inside, found);
  return copy;
}

function one(copy: Fields, key: string, payload: Payload, { groups }: Found): void {
  groups.push({ payloads: [payload], put: ([changed]) => (copy[key] = changed) });
}

function bytes(
  copy: Fields,
  key: string,
  codec: { decode(bytes: Uint8Array): unknown; encode(message: never): Uint8Array },
  found: Found,
): void {
  const inner = copyOf(codec.decode(copy[key] as Uint8Array), "", found);
  found.after.push(() => {
    copy[key] = codec.encode(inner as never);
  });
}

function copyOfMarker(marker: Fields | undefined, found: Found): unknown {
  if (!marker) return marker;
  const { details, ...rest } = marker;
  const kept = Object.entries((details as Fields | undefined) ?? {});
  const copied = kept.map(([key, value]) => [key, ownDetails.has(key) ? value : copyOf(value, "", found)]);
  return { ...(copyOf(rest, "", found) as Fields), details: Object.fromEntries(copied) };
}

function isPayload(value: unknown): value is Payload {
  if (typeof value !== "object" || value === null) return false;
  const { metadata, data } = value as Partial<Payload>;
  return typeof metadata === "object" && metadata !== null && data instanceof Uint8Array;
}
