/**
 * Stored history on its way out, as bytes: `events` fields of a `temporal.api.history.v1.History`, which concatenate. Nothing is decoded; where
 * single events are needed, their frames are cut out.
 *
 *   frame = tag 0x0a (field 1, length-delimited) · length as a varint · the event
 */
import type { Located } from "@pawl/engine";
import type { Store, StoredBatch } from "@pawl/store";
import { limits } from "../../limits.ts";

export interface EventRange {
  readonly fromEventId: number;
  /** Inclusive. */
  readonly toEventId: number;
}

/** Some events of a range, in the order of the read. */
export interface EventPage {
  readonly events: Uint8Array;
  /** The event furthest from where the read began: the next page goes on after it. */
  readonly furthestEventId: number;
}

const noBytes = new Uint8Array(0);

/**
 * The first events of a range, by whole batches: after `eventCountMax` events or `pageBytesMax` bytes no further batch follows. Undefined when the
 * store has none of them.
 */
export async function readEvents(
  store: Store,
  runId: string,
  range: EventRange & { readonly eventCountMax: number },
): Promise<EventPage | undefined> {
  const batches = fitting(await store.readHistory(runId, { ...range, bytesMax: limits.pageBytesMax }));
  const last = batches.at(-1);
  if (!last) return undefined;
  const events = concat(batches.map((batch) => within(batch, range)));
  return { events, furthestEventId: Math.min(last.lastEventId, range.toEventId) };
}

/** Like `readEvents`, newest first. */
export async function readEventsReverse(
  store: Store,
  runId: string,
  range: EventRange & { readonly eventCountMax: number },
): Promise<EventPage | undefined> {
  const batches = fitting(await store.readHistoryReverse(runId, { ...range, bytesMax: limits.pageBytesMax }));
  const last = batches.at(-1);
  if (!last) return undefined;
  const events = concat(batches.flatMap((batch) => frames(within(batch, range)).reverse()));
  return { events, furthestEventId: Math.max(last.firstEventId, range.fromEventId) };
}

/** One event, as an `events` field. */
export async function readEvent(store: Store, runId: string, eventId: number): Promise<Uint8Array | undefined> {
  const range = { fromEventId: eventId, toEventId: eventId };
  const [batch] = await store.readHistory(runId, { ...range, eventCountMax: 1, bytesMax: limits.pageBytesMax });
  return batch && within(batch, range);
}

/** The last event of a run that has ended, as an `events` field. Who waits for that end asks when it has just been committed, and finds it in memory. */
export async function readClosingEvent(store: Store, located: Located): Promise<Uint8Array | undefined> {
  const { runId, lastEventId, closingEvents } = located;
  return closingEvents ? frames(closingEvents).at(-1) : readEvent(store, runId, lastEventId);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  let length = 0;
  for (const part of parts) length += part.length;
  if (length === 0) return noBytes;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The events of a batch one by one, each with its frame. Throws when the bytes are no `events` fields: the store is damaged. */
export function frames(events: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let start = 0; start < events.length; ) {
    const end = frameEnd(events, start);
    found.push(events.subarray(start, end));
    start = end;
  }
  return found;
}

const eventsTag = 0x0a;
const varintBytesMax = 5;

function frameEnd(events: Uint8Array, start: number): number {
  let at = start + 1;
  let length = 0;
  for (let shift = 0; events[start] === eventsTag && shift < 7 * varintBytesMax; shift += 7) {
    const byte = events[at++];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte >= 0x80) continue;
    if (at + length <= events.length) return at + length;
    break;
  }
  throw new Error(`stored history is damaged: no event at byte ${start} of ${events.length}`);
}

/** The part of a batch that lies in the range. Batches end where workflow tasks begin, so that mostly it is the whole batch. */
function within(
  { events, firstEventId, lastEventId }: StoredBatch,
  { fromEventId, toEventId }: EventRange,
): Uint8Array {
  if (firstEventId >= fromEventId && lastEventId <= toEventId) return events;
  const kept = frames(events).slice(Math.max(0, fromEventId - firstEventId), toEventId - firstEventId + 1);
  return concat(kept);
}

/** Without the batch that would make the page larger than clients take, unless it is the only one. */
function fitting(batches: readonly StoredBatch[]): readonly StoredBatch[] {
  if (batches.length < 2) return batches;
  const bytes = batches.reduce((sum, { events }) => sum + events.length, 0);
  return bytes > limits.pageBytesMax ? batches.slice(0, -1) : batches;
}
