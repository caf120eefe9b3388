/**
 * How writes cross from the main thread to the writer thread: one `ArrayBuffer` for a whole group of commits, moved, not copied.
 *
 *   frame     = operation …
 *   operation = kind u8 · length u32 of what follows · body
 *   body      = commit: shard id f64, range id f64, write …  |  commit without a lease: write …  |  acquire: shard id f64, owner text
 *   text, bytes = length u32 (0xffffffff = null) · the bytes          number = f64 (NaN = null)
 *   visibility  = tag u8 · length u32 of what follows · fields
 *
 * Both ends are always of one build, so the format carries no version. But writes of `visibility` and `deleteRun` go to the file as they are here
 * (`list-journal.ts`), and a later build reads them: whoever changes one of them gives it a new tag, and reads the old one, too.
 */

import {
  type ExecutionKey,
  executionKinds,
  type Lease,
  type SearchValue,
  type VisibilityWrite,
  type Write,
} from "../store.ts";
import { attributesJson } from "../visibility/visibility-attributes.ts";

const nullLength = 0xffff_ffff;
const kinds = { commit: 0, commitWithoutLease: 1, acquire: 2 } as const;
const tags = {
  current: 0,
  run: 1,
  part: 2,
  history: 3,
  visibility: 4,
  deleteRun: 5,
  namespace: 6,
  setting: 7,
} as const satisfies Record<Write["table"], number>;
/** Longer texts are encoded by the runtime; shorter ones byte by byte, which is cheaper than the call into it. */
const shortTextLengthMax = 48;

/** A row of a list, `encoded` from its tag on: the writer puts it by, and looks into it when it moves it to the lists. */
export interface FramedVisibility {
  readonly table: "visibility";
  readonly runId: string;
  readonly encoded: Uint8Array;
}

/** What `encoded` says: search attributes are already the JSON text that is stored. */
export type ListRow = Omit<VisibilityWrite, "searchAttributes"> & { readonly searchAttributes: string };

/** A write as the writer thread sees it. */
export type FramedWrite = Exclude<Write, VisibilityWrite> | FramedVisibility;

export type FramedOperation =
  | { readonly kind: "commit"; readonly lease: Lease | null; readonly writes: readonly FramedWrite[] }
  | { readonly kind: "acquire"; readonly shardId: number; readonly owner: string };

/** Appends operations to a buffer that grows as needed. After `take` it is empty and needs a buffer again. */
export class FrameEncoder {
  #buffer: ArrayBuffer;
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
    this.#bytes = Buffer.from(buffer);
    this.#view = new DataView(buffer);
  }

  get byteLength(): number {
    return this.#at;
  }

  /** The buffer to send; only its first `byteLength` bytes count. The encoder is of no use afterwards. */
  take(): ArrayBuffer {
    return this.#buffer;
  }

  /** Nothing is appended when it throws. */
  commit(lease: Lease | null, writes: readonly Write[]): void {
    this.#operation(lease === null ? kinds.commitWithoutLease : kinds.commit, () => {
      if (lease !== null) {
        this.#number(lease.shardId);
        this.#number(lease.rangeId);
      }
      // At once: growing step by step would copy a large commit again and again, each time into memory that is new to the process.
      this.#reserve(writes.reduce((sum, write) => sum + idsBytes + dataBytes(write), 0));
      for (const write of writes) this.#write(write);
    });
  }

  acquire(shardId: number, owner: string): void {
    this.#operation(kinds.acquire, () => {
      this.#number(shardId);
      this.#text(owner);
    });
  }

  #operation(kind: number, body: () => void): void {
    const start = this.#at;
    try {
      this.#byte(kind);
      this.#reserve(4);
      this.#at += 4;
      body();
      this.#view.setUint32(start + 1, this.#at - start - 5, true);
    } catch (error) {
      this.#at = start;
      throw error;
    }
  }

  #write(write: Write): void {
    this.#byte(tags[write.table]);
    switch (write.table) {
      case "current":
        this.#key(write);
        return this.#text(write.runId);
      case "run":
        this.#text(write.runId);
        this.#key(write);
        this.#data(write.snapshot);
        this.#number(write.wakeAtMs);
        return this.#byte(write.undispatched ? 1 : 0);
      case "part":
        this.#text(write.runId);
        this.#text(write.part);
        return this.#data(write.bytes);
      case "history":
        this.#text(write.runId);
        this.#number(write.firstEventId);
        this.#number(write.lastEventId);
        return this.#data(write.events);
      case "visibility":
        return this.#visibility(write);
      case "deleteRun":
        return this.#text(write.runId);
      case "namespace":
        this.#text(write.id);
        this.#text(write.name);
        return this.#data(write.bytes);
      case "setting":
        this.#text(write.name);
        this.#data(write.bytes);
        this.#byte(write.expected === undefined ? 0 : 1);
        return write.expected === undefined ? undefined : this.#data(write.expected);
      default:
        write satisfies never;
    }
  }

  #visibility(write: VisibilityWrite): void {
    const start = this.#at;
    this.#reserve(4);
    this.#at += 4;
    this.#text(write.runId);
    this.#key(write);
    this.#text(write.type);
    this.#text(write.taskQueue);
    this.#integer(write.status);
    this.#integer(write.startTimeMs);
    this.#integer(write.executionTimeMs);
    this.#integer(write.closeTimeMs);
    this.#integer(write.historyLength);
    this.#integer(write.historySizeBytes);
    this.#integer(write.executionDurationMs);
    this.#integer(write.stateTransitionCount);
    for (const text of [write.parentWorkflowId, write.parentRunId, write.rootWorkflowId, write.rootRunId])
      this.#text(text);
    this.#text(attributesJson(write.searchAttributes satisfies Readonly<Record<string, SearchValue>>));
    this.#data(write.info);
    this.#view.setUint32(start, this.#at - start - 4, true);
  }

  /** The lists refuse any other number, and would do so when it is too late to tell who has written it. */
  #integer(value: number | null): void {
    if (value !== null && !Number.isSafeInteger(value))
      throw new Error(`a write that cannot be stored: ${value} is no integer`);
    this.#number(value);
  }

  #key({ kind, namespaceId, businessId }: ExecutionKey): void {
    this.#byte(executionKinds.indexOf(kind));
    this.#text(namespaceId);
    this.#text(businessId);
  }

  #reserve(byteCount: number): void {
    const needed = this.#at + byteCount;
    if (needed <= this.#buffer.byteLength) return;
    this.#buffer = this.#buffer.transfer(Math.max(needed, this.#buffer.byteLength * 2));
    this.#bytes = Buffer.from(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  #number(value: number | null): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value ?? Number.NaN, true);
    this.#at += 8;
  }

  #text(text: string | null): void {
    if (text === null) return this.#null();
    this.#reserve(4 + text.length * 3);
    const start = this.#at + 4;
    let length = text.length <= shortTextLengthMax ? this.#ascii(text, start) : -1;
    if (length < 0) length = this.#bytes.write(text, start, "utf8");
    this.#view.setUint32(this.#at, length, true);
    this.#at = start + length;
  }

  /** The length written, or -1 for a text that is not pure ASCII. */
  #ascii(text: string, start: number): number {
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return -1;
      this.#bytes[start + i] = code;
    }
    return text.length;
  }

  #data(bytes: Uint8Array | null): void {
    if (bytes === null) return this.#null();
    this.#reserve(4 + bytes.byteLength);
    this.#view.setUint32(this.#at, bytes.byteLength, true);
    this.#bytes.set(bytes, this.#at + 4);
    this.#at += 4 + bytes.byteLength;
  }

  #null(): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, nullLength, true);
    this.#at += 4;
  }
}

/** About what ids and numbers of a write take. */
const idsBytes = 256;

/** Of what makes commits large. */
function dataBytes(write: Write): number {
  if (write.table === "history") return write.events.byteLength;
  if (write.table === "part") return write.bytes?.byteLength ?? 0;
  return write.table === "run" ? write.snapshot.byteLength : 0;
}

/** The operations of a frame, in order. Byte values are views of the buffer: they live as long as it does. */
export function decodeFrame(buffer: ArrayBuffer, byteLength: number): FramedOperation[] {
  const reader = new FrameReader(Buffer.from(buffer));
  const operations: FramedOperation[] = [];
  while (reader.at < byteLength) {
    const kind = reader.byte();
    const length = reader.length();
    const end = reader.at + length;
    if (kind === kinds.acquire) {
      operations.push({ kind: "acquire", shardId: reader.number(), owner: reader.text() });
    } else {
      const lease = kind === kinds.commit ? { shardId: reader.number(), rangeId: reader.number() } : null;
      const writes: FramedWrite[] = [];
      while (reader.at < end) writes.push(readWrite(reader));
      operations.push({ kind: "commit", lease, writes });
    }
    if (reader.at !== end) throw new Error(`frame: operation ends at ${reader.at}, expected ${end}`);
  }
  return operations;
}

class FrameReader {
  at = 0;
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  between(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  byte(): number {
    const value = this.#view.getUint8(this.at);
    this.at += 1;
    return value;
  }

  length(): number {
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  number(): number {
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  numberOrNull(): number | null {
    const value = this.number();
    return Number.isNaN(value) ? null : value;
  }

  text(): string {
    return this.textOrNull() ?? missing("text");
  }

  textOrNull(): string | null {
    const length = this.length();
    if (length === nullLength) return null;
    this.at += length;
    return this.#bytes.toString("utf8", this.at - length, this.at);
  }

  key(): ExecutionKey {
    const kind = executionKinds[this.byte()] ?? missing("a kind");
    return { kind, namespaceId: this.text(), businessId: this.text() };
  }

  data(): Uint8Array {
    return this.dataOrNull() ?? missing("bytes");
  }

  dataOrNull(): Uint8Array | null {
    const length = this.length();
    if (length === nullLength) return null;
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

function missing(what: string): never {
  throw new Error(`frame: null where ${what} must be`);
}

/** Object literals are evaluated in order of their lines, which is the order of `FrameEncoder`. */
function readWrite(reader: FrameReader): FramedWrite {
  const tag = reader.byte();
  switch (tag) {
    case tags.current:
      return { table: "current", ...reader.key(), runId: reader.textOrNull() };
    case tags.run:
      return {
        table: "run",
        runId: reader.text(),
        ...reader.key(),
        snapshot: reader.data(),
        wakeAtMs: reader.numberOrNull(),
        undispatched: reader.byte() === 1,
      };
    case tags.part:
      return { table: "part", runId: reader.text(), part: reader.text(), bytes: reader.dataOrNull() };
    case tags.history:
      return {
        table: "history",
        runId: reader.text(),
        firstEventId: reader.number(),
        lastEventId: reader.number(),
        events: reader.data(),
      };
    case tags.visibility:
      return readVisibility(reader);
    case tags.deleteRun:
      return { table: "deleteRun", runId: reader.text() };
    case tags.namespace:
      return { table: "namespace", id: reader.text(), name: reader.text(), bytes: reader.dataOrNull() };
    case tags.setting:
      return {
        ...{ table: "setting", name: reader.text(), bytes: reader.dataOrNull() },
        ...(reader.byte() === 1 && { expected: reader.dataOrNull() }),
      };
    default:
      throw new Error(`frame: unknown write ${tag}`);
  }
}

function readVisibility(reader: FrameReader): FramedWrite {
  const start = reader.at - 1;
  const length = reader.length();
  const end = reader.at + length;
  const runId = reader.text();
  reader.at = end;
  return { table: "visibility", runId, encoded: reader.between(start, end) };
}

/** The fields of a row; bytes are views of `encoded`. */
export function listRow({ encoded }: FramedVisibility): ListRow {
  const reader = new FrameReader(encoded);
  reader.at = rowAt;
  return {
    table: "visibility",
    runId: reader.text(),
    ...reader.key(),
    type: reader.text(),
    taskQueue: reader.text(),
    status: reader.number(),
    startTimeMs: reader.number(),
    executionTimeMs: reader.number(),
    closeTimeMs: reader.numberOrNull(),
    historyLength: reader.numberOrNull(),
    historySizeBytes: reader.numberOrNull(),
    executionDurationMs: reader.numberOrNull(),
    stateTransitionCount: reader.numberOrNull(),
    parentWorkflowId: reader.textOrNull(),
    parentRunId: reader.textOrNull(),
    rootWorkflowId: reader.text(),
    rootRunId: reader.text(),
    searchAttributes: reader.text(),
    info: reader.data(),
  };
}

/** Behind the tag and the length of a row. */
const rowAt = 5;

/** The writes that `bytes` are put together from, each from its tag on. */
export function readWrites(bytes: Uint8Array): FramedWrite[] {
  const reader = new FrameReader(bytes);
  const writes: FramedWrite[] = [];
  while (reader.at < reader.byteLength) writes.push(readWrite(reader));
  if (reader.at !== reader.byteLength)
    throw new Error(`frame: writes end at ${reader.at}, expected ${reader.byteLength}`);
  return writes;
}

/** A `deleteRun` as a frame has it. */
export function encodedDeletion(runId: string): Uint8Array {
  const text = Buffer.from(runId, "utf8");
  const bytes = Buffer.alloc(5 + text.byteLength);
  bytes[0] = tags.deleteRun;
  bytes.writeUInt32LE(text.byteLength, 1);
  bytes.set(text, 5);
  return bytes;
}
