/**
 * Tokens that the server gives out and takes back: of workflow tasks, activity tasks, queries and pages. Callers treat them as opaque bytes.
 *
 *   version (1 byte) · kind (1 byte) · fields of the kind · MAC over all before it (16 bytes)
 *
 * A token that this cluster did not make, or that was changed, is refused before a field of it is read: forged tokens have been a
 * vulnerability elsewhere. The MAC is the caller's, so that this file needs no cryptography of its own.
 */

export interface WorkflowTaskToken {
  readonly kind: "workflow";
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly scheduledEventId: number;
  readonly startedEventId: number;
  readonly attempt: number;
  readonly stamp: number;
}

export interface ActivityTaskToken {
  readonly kind: "activity";
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly scheduledEventId: number;
  readonly attempt: number;
  readonly activityId: string;
  /** Tells apart two attempts of one number. Absent where it is the number itself, as in tokens of versions that knew no stamps. */
  readonly stamp?: number | undefined;
}

export interface QueryTaskToken {
  readonly kind: "query";
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly queryId: string;
}

/** A request to the handler of a Nexus operation, given to a worker. */
export interface NexusTaskToken {
  readonly kind: "nexus";
  readonly namespaceId: string;
  readonly taskQueue: string;
  readonly taskId: string;
}

/** What a handler gives back when it tells of the end of a Nexus operation: the operation of the caller's run. */
export interface CallbackToken {
  readonly kind: "callback";
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly scheduledEventId: number;
  readonly requestId: string;
}

/** Lets whoever has it answer for one attempt of an activity, until it expires. */
export interface ActivityLinkToken extends Omit<ActivityTaskToken, "kind"> {
  readonly kind: "activityLink";
  readonly expiresAtMs: number;
}

export type PageValue = string | number | null | Uint8Array;

/** Where a list goes on. `of` names the list, so that the page of one is no page of another; `values` are its own. */
export interface PageToken {
  readonly kind: "page";
  readonly of: string;
  /** "" where the list is not of one namespace. */
  readonly namespaceId: string;
  readonly values: readonly PageValue[];
}

export type Token =
  | WorkflowTaskToken
  | ActivityTaskToken
  | QueryTaskToken
  | NexusTaskToken
  | CallbackToken
  | ActivityLinkToken
  | PageToken;
export type TokenOf<K extends Token["kind"]> = Extract<Token, { kind: K }>;

export interface TokenMac {
  /** The first 16 bytes of a keyed hash. */
  sign(bytes: Uint8Array): Uint8Array;
  /** Takes the same time whether or not they match, and wherever they differ. */
  verify(bytes: Uint8Array, mac: Uint8Array): boolean;
}

const version = 1;
const macBytes = 16;
/** A kind's place is part of each token: append only. */
const kinds = [
  "workflow",
  "activity",
  "query",
  "page",
  "nexus",
  "callback",
  "activityLink",
] as const satisfies readonly Token["kind"][];

export function encodeToken(token: Token, mac: TokenMac): Uint8Array {
  const out = new TokenWriter();
  out.byte(version);
  out.byte(kinds.indexOf(token.kind));
  writeFields(token, out);
  const body = out.take(macBytes);
  body.set(mac.sign(body.subarray(0, -macBytes)), body.length - macBytes);
  return body;
}

/** `undefined` for anything that `encodeToken` did not make with the same key and kind. Never throws. */
export function decodeToken<K extends Token["kind"]>(
  kind: K,
  bytes: Uint8Array,
  mac: TokenMac,
): TokenOf<K> | undefined {
  if (bytes.length < 2 + macBytes || bytes[0] !== version || kinds[bytes[1]!] !== kind) return undefined;
  const body = bytes.subarray(0, -macBytes);
  if (!mac.verify(body, bytes.subarray(-macBytes))) return undefined;
  const from = new TokenReader(body.subarray(2));
  // The MAC says that the fields are ours, so they can be read; a reader that runs past the end gives undefined all the same.
  const token = readFields(kind, from);
  return from.isAtEnd ? (token as TokenOf<K>) : undefined;
}

function writeFields(token: Token, out: TokenWriter): void {
  if (token.kind === "page") {
    out.text(token.of);
    out.text(token.namespaceId);
    out.number(token.values.length);
    for (const value of token.values) out.value(value);
    return;
  }
  out.text(token.namespaceId);
  if (token.kind === "nexus") {
    out.text(token.taskQueue);
    return out.text(token.taskId);
  }
  out.text(token.workflowId);
  out.text(token.runId);
  if (token.kind === "query") return out.text(token.queryId);
  out.number(token.scheduledEventId);
  if (token.kind === "callback") return out.text(token.requestId);
  out.number(token.attempt);
  if (token.kind !== "workflow") {
    out.text(token.activityId);
    if (token.kind === "activityLink") out.number(token.expiresAtMs);
    if (token.stamp !== undefined) out.number(token.stamp);
    return;
  }
  out.number(token.startedEventId);
  out.number(token.stamp);
}

function readFields(kind: Token["kind"], from: TokenReader): Token {
  if (kind === "page") {
    const page = { kind, of: from.text(), namespaceId: from.text() };
    const values: PageValue[] = [];
    for (let left = from.number(); left > 0 && !from.isBroken; left--) values.push(from.value());
    return { ...page, values };
  }
  if (kind === "nexus") return { kind, namespaceId: from.text(), taskQueue: from.text(), taskId: from.text() };
  const task = { namespaceId: from.text(), workflowId: from.text(), runId: from.text() };
  if (kind === "query") return { kind, ...task, queryId: from.text() };
  if (kind === "callback") return { kind, ...task, scheduledEventId: from.number(), requestId: from.text() };
  const attempt = { scheduledEventId: from.number(), attempt: from.number() };
  if (kind === "activity" || kind === "activityLink") {
    const activity = { ...task, ...attempt, activityId: from.text() };
    const kept = kind === "activity" ? { kind, ...activity } : { kind, ...activity, expiresAtMs: from.number() };
    return from.isAtEnd ? kept : { ...kept, stamp: from.number() };
  }
  return { kind, ...task, ...attempt, startedEventId: from.number(), stamp: from.number() };
}

/** Lower-case UUIDs are 16 bytes instead of 36; a length cannot tell, so their first byte is one that no length has. */
const uuidMark = 0;
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const uuidDashes = [4, 6, 8, 10];
const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hexDigit = (code: number) => (code < 58 ? code - 48 : code - 87);

const valueTags = { null: 0, text: 1, number: 2, negative: 3, fraction: 4, bytes: 5 } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

class TokenWriter {
  #bytes = new Uint8Array(160);
  #length = 0;

  /** A copy of what was written, with room for `extra` bytes after it. */
  take(extra: number): Uint8Array {
    const taken = new Uint8Array(this.#length + extra);
    taken.set(this.#bytes.subarray(0, this.#length));
    return taken;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. Throws `RangeError` for others: a caller's mistake. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number for a token`);
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  text(value: string): void {
    if (value.length === 36 && uuidShape.test(value)) return this.#uuid(value);
    this.bytes(encoder.encode(value));
  }

  /** Length plus one, because 0 marks a UUID. */
  bytes(value: Uint8Array): void {
    this.number(value.length + 1);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  value(value: PageValue): void {
    if (value === null) return this.byte(valueTags.null);
    if (typeof value === "string") {
      this.byte(valueTags.text);
      this.text(value);
    } else if (value instanceof Uint8Array) {
      this.byte(valueTags.bytes);
      this.bytes(value);
    } else if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.byte(valueTags.fraction);
      const eight = new Uint8Array(8);
      new DataView(eight.buffer).setFloat64(0, value);
      this.bytes(eight);
    } else {
      this.byte(value < 0 ? valueTags.negative : valueTags.number);
      this.number(Math.abs(value));
    }
  }

  #uuid(value: string): void {
    this.#room(17);
    this.#bytes[this.#length++] = uuidMark;
    for (let at = 0; at < 36; at += 2) {
      if (value.charCodeAt(at) === 45) at++;
      this.#bytes[this.#length++] = (hexDigit(value.charCodeAt(at)) << 4) | hexDigit(value.charCodeAt(at + 1));
    }
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

class TokenReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** All was read and nothing was missing. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Something was missing. */
  get isBroken(): boolean {
    return this.#at > this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  number(): number {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 49; unit *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    return this.#break(0);
  }

  text(): string {
    if (this.#bytes[this.#at] === uuidMark) {
      this.#at++;
      return this.#uuid();
    }
    return decoder.decode(this.bytes());
  }

  bytes(): Uint8Array {
    const length = this.number() - 1;
    if (length < 0 || length > this.#bytes.length - this.#at) return this.#break(new Uint8Array(0));
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  value(): PageValue {
    const tag = this.byte();
    if (tag === valueTags.text) return this.text();
    if (tag === valueTags.bytes) return this.bytes();
    if (tag === valueTags.number) return this.number();
    if (tag === valueTags.negative) return -this.number();
    if (tag !== valueTags.fraction) return tag === valueTags.null ? null : this.#break(null);
    const eight = this.bytes();
    return eight.length === 8 ? new DataView(eight.buffer).getFloat64(0) : this.#break(null);
  }

  #uuid(): string {
    let text = "";
    for (let index = 0; index < 16; index++) {
      if (uuidDashes.includes(index)) text += "-";
      text += hexByte[this.byte()];
    }
    return text;
  }

  #break<T>(instead: T): T {
    this.#at = this.#bytes.length + 1;
    return instead;
  }
}
