/**
 * The writing connection: whatever is committed while one transaction is under way becomes the next one.
 *
 *   P1. One transaction at a time, in the order of the calls, so that two commits to one row cannot overtake each other.
 *   P2. Each commit of a group succeeds or fails on its own: a group that was refused is tried one by one.
 *   P3. After an error whose outcome is not known nothing is read or written before there is a new connection with the claim on the database: the
 *       old session has ended then, and what it had under way can no longer appear (`postgres-connection.ts`).
 *   P4. What waits for a connection gives up after a while; a caller is better told than kept.
 */

import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import {
  CommitUnknown,
  type Lease,
  LeaseLost,
  type NamespaceWrite,
  NameTaken,
  SettingChanged,
  type SettingWrite,
  StateLost,
  StoreError,
  StoreFull,
  StoreUnusable,
  type Write,
} from "../store.ts";
import {
  messageOf,
  openWriter,
  outcomeOf,
  sqlStateOf,
  type WriterConnection,
  type WriterOptions,
} from "./postgres-connection.ts";
import type { Receipts } from "./postgres-primary.ts";
import { answered, destroy } from "./postgres-silence.ts";
import { type PlainWrite, Segment } from "./postgres-statement.ts";
import { storedText } from "./postgres-text.ts";

/** A group that has reached this size is closed: one transaction, and what a failure takes with it, stays bounded. */
const groupBytesMax = 8 * 1024 * 1024;
const groupCommitsMax = 1_000;
/** P4. Above what a restart of PostgreSQL takes, below the time that callers give a request. */
const reconnectMsMax = 5_000;
const reconnectMsFirst = 20;
const reconnectMsBetweenMax = 500;
/** After so many transactions the receipts before are removed, as nobody asks for any but the last. */
const receiptsMax = 1_000;

type Request =
  | { readonly type: "acquire"; readonly shardId: number; readonly owner: string }
  /** Of plain writes only, so that it can share a transaction. */
  | {
      readonly type: "plain";
      readonly lease: Lease;
      readonly writes: readonly PlainWrite[];
      readonly byteCount: number;
    }
  /** With names or settings, which are looked at first. */
  | { readonly type: "named"; readonly lease: Lease | null; readonly writes: readonly Write[] };

interface Operation {
  readonly request: Request;
  readonly resolve: (rangeId: number | null) => void;
  readonly reject: (error: Error) => void;
}

type PlainOperation = Operation & { readonly request: Request & { type: "plain" } };

/** Nothing was written: one of the leases of the statement is void. */
class FenceClosed extends Error {}

export interface PostgresWriterOptions extends WriterOptions {
  /** Of `receipts`, those of this connection. */
  readonly own: Receipts;
}

export class PostgresWriter {
  /** Resolves when the database has gone back (F3 of `postgres-primary.ts`). */
  readonly lost: Promise<StateLost>;
  readonly #options: PostgresWriterOptions;
  #tellLost: (error: StateLost) => void = () => {};
  #loss: StateLost | null = null;
  #connection: WriterConnection | null;
  /** Ended when a new connection is made. */
  #predecessor: number | undefined;
  #reconnecting: Promise<WriterConnection> | null = null;
  readonly #queue: Operation[] = [];
  #isBusy = false;
  #isClosed = false;
  #idle: (() => void)[] = [];

  constructor(options: PostgresWriterOptions, connection: WriterConnection) {
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve;
    });
    this.#options = options;
    this.#connection = connection;
    this.#watch(connection);
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    const rangeId = await this.#add({ type: "acquire", shardId, owner });
    if (rangeId === null) throw new Error(`shard ${shardId}: no range id came back`);
    return { shardId, rangeId };
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    if (lease === null && writes.length === 0) return;
    const plain = writes.filter(isPlain);
    if (lease === null || plain.length < writes.length) await this.#add({ type: "named", lease, writes });
    else await this.#add({ type: "plain", lease, writes: plain, byteCount: plain.reduce(addBytes, 0) });
  }

  /** null when nothing may come back or vanish behind a read that starts now (P3); otherwise a promise of it, which may reject with `CommitUnknown`. */
  settled(): Promise<unknown> | null {
    return this.#connection === null ? this.#connected() : null;
  }

  /** The server cannot be reached by others: perhaps another one has taken its place, which a new connection finds out. */
  doubt(): void {
    const { primary } = this.#options;
    if (primary.urls.length > 1 && !this.#isBusy && this.#connection !== null) this.#abandon(this.#connection);
  }

  /** Resolves when every operation so far has its outcome and the connection has ended. */
  async close(): Promise<void> {
    if (this.#isBusy || this.#queue.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#isClosed = true;
    const connection = this.#connection ?? (await this.#reconnecting?.catch(() => null));
    await connection?.db.end().catch(() => {});
  }

  #add(request: Request): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      if (!this.#isBusy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#queue.length > 0) {
      // What comes up to the end of this turn of the event loop, and what follows from the commits just answered, shares the transaction.
      await new Promise((resolve) => setImmediate(resolve));
      const group = this.#nextGroup();
      if (group !== null) await this.#runGroup(group);
      else await this.#runAlone(this.#queue.shift()!);
    }
    this.#isBusy = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** The plain commits at the head of the queue; null when something else is there. */
  #nextGroup(): PlainOperation[] | null {
    const group: PlainOperation[] = [];
    for (let byteCount = 0; byteCount < groupBytesMax && group.length < groupCommitsMax; ) {
      const [next] = this.#queue;
      if (next === undefined || !isPlainOperation(next)) break;
      byteCount += next.request.byteCount;
      group.push(next);
      this.#queue.shift();
    }
    return group.length === 0 ? null : group;
  }

  async #runGroup(group: readonly PlainOperation[]): Promise<void> {
    try {
      const segments = segmentsOf(group.map(({ request }) => request));
      await this.#transaction((db, receipt) => {
        segments[0]!.addReceipt(this.#options.own.writer, receipt);
        return write(db, segments);
      }, segments.length > 1);
    } catch (error) {
      const [only, ...others] = group;
      if (only === undefined) return;
      const isRefusal = error instanceof FenceClosed || outcomeOf(error) === "rejected";
      // P2: which of them it was is not said.
      if (isRefusal && others.length > 0) for (const operation of group) await this.#runGroup([operation]);
      else for (const { reject, request } of group) reject(errorOf(error, request.lease));
      return;
    }
    for (const { resolve } of group) resolve(null);
  }

  async #runAlone({ request, resolve, reject }: Operation): Promise<void> {
    try {
      const { writer } = this.#options.own;
      if (request.type === "acquire")
        resolve(await this.#transaction((db, receipt) => acquire(db, { ...request, writer, receipt }), false));
      else if (request.type === "named")
        resolve(await this.#transaction((db, receipt) => this.#writeNamed(db, request, receipt), true));
    } catch (error) {
      reject(errorOf(error, request.type === "named" ? request.lease : null));
    }
  }

  /** Of several nodes each must notice what another has changed. */
  async #writeNamed(db: pg.Client, request: Request & { type: "named" }, receipt: number): Promise<null> {
    await writeNamed(db, request);
    await db.query("INSERT INTO receipt (writer, number) VALUES ($1, $2)", [this.#options.own.writer, receipt]);
    if (this.#options.node !== undefined) await db.query("UPDATE change SET version = version + 1");
    return null;
  }

  /** Runs `work` in one transaction: its only statement is one by itself. What it throws was rolled back, or is of unknown outcome. */
  async #transaction<T>(work: (db: pg.Client, receipt: number) => Promise<T>, isExplicit: boolean): Promise<T> {
    const connection = this.#connection ?? (await this.#connected());
    const { db } = connection;
    const { own, primary } = this.#options;
    const receipt = own.next();
    try {
      const result = await answered(db, primary.url, async () => {
        if (receipt % receiptsMax === 0) await forgetReceipts(db, own);
        if (isExplicit) await db.query("BEGIN");
        const done = await work(db, receipt);
        if (isExplicit) await db.query("COMMIT");
        return done;
      });
      own.acknowledge(receipt);
      return result;
    } catch (error) {
      if (isKnown(error)) {
        try {
          if (isExplicit) await db.query("ROLLBACK");
          throw error;
        } catch (rollbackError) {
          if (rollbackError === error) throw error;
        }
      }
      this.#abandon(connection);
      throw error;
    }
  }

  /** A connection that is lost while nothing is under way is no reason for the next commit to fail. */
  #watch(connection: WriterConnection): void {
    connection.db.once("end", () => {
      if (!this.#isBusy && this.#connection === connection) this.#abandon(connection);
    });
  }

  #abandon({ db, processId }: WriterConnection): void {
    this.#connection = null;
    this.#predecessor = processId;
    // Not awaited: the other side may never answer.
    db.end().catch(() => {});
    destroy(db);
  }

  /** A connection with the claim, made anew if need be. Rejects with `CommitUnknown` when that takes too long; the next call tries again. */
  async #connected(): Promise<WriterConnection> {
    if (this.#connection !== null) return this.#connection;
    if (this.#isClosed) throw new StoreUnusable("the store is closed");
    if (this.#loss !== null) throw this.#loss;
    this.#reconnecting ??= this.#reconnect().finally(() => {
      this.#reconnecting = null;
    });
    return this.#reconnecting;
  }

  async #reconnect(): Promise<WriterConnection> {
    const giveUpAtMs = performance.now() + reconnectMsMax;
    for (let waitMs = reconnectMsFirst; ; waitMs = Math.min(waitMs * 2, reconnectMsBetweenMax)) {
      try {
        const connection = await openWriter(this.#options, this.#predecessor);
        this.#connection = connection;
        this.#watch(connection);
        return connection;
      } catch (error) {
        if (error instanceof StateLost) {
          this.#loss = error;
          this.#tellLost(error);
          throw error;
        }
        if (performance.now() + waitMs > giveUpAtMs || this.#isClosed)
          throw new CommitUnknown(`PostgreSQL cannot be reached: ${messageOf(error)}`);
      }
      await delay(waitMs);
    }
  }
}

function isPlain(write: Write): write is PlainWrite {
  return write.table !== "namespace" && write.table !== "setting";
}

function isPlainOperation(operation: Operation): operation is PlainOperation {
  return operation.request.type === "plain";
}

function addBytes(sum: number, write: PlainWrite): number {
  if (write.table === "run") return sum + write.snapshot.byteLength;
  if (write.table === "history") return sum + write.events.byteLength;
  if (write.table === "visibility") return sum + write.info.byteLength;
  return sum + (write.table === "part" ? (write.bytes?.byteLength ?? 0) : 0);
}

/** Whether PostgreSQL said, or we did, that nothing was written. */
function isKnown(error: unknown): boolean {
  return error instanceof FenceClosed || error instanceof StoreError || outcomeOf(error) !== "unknown";
}

function errorOf(error: unknown, lease: Lease | null): Error {
  if (error instanceof FenceClosed) return new LeaseLost(lease ?? { shardId: -1, rangeId: -1 });
  if (error instanceof StoreError) return error;
  const outcome = outcomeOf(error);
  const message = messageOf(error);
  switch (outcome) {
    case "rejected":
      return new Error(`a write that cannot be stored: ${message}`, { cause: error });
    case "full":
      return new StoreFull(`nothing was written: ${message}`);
    case "unknown":
      return new CommitUnknown(`the commit may or may not be there: ${message}`);
    default:
      return outcome satisfies never;
  }
}

function segmentsOf(commits: readonly { readonly lease: Lease; readonly writes: readonly PlainWrite[] }[]): Segment[] {
  let segment = new Segment();
  const segments = [segment];
  for (const { lease, writes } of commits) {
    const next = () => {
      segment = new Segment();
      segment.addLease(lease);
      segments.push(segment);
    };
    if (!segment.addLease(lease)) next();
    for (const each of writes) {
      if (segment.add(each, lease.shardId)) continue;
      next();
      segment.add(each, lease.shardId);
    }
  }
  return segments;
}

/** In a transaction of its own, which nobody waits for to be acknowledged. */
async function forgetReceipts(db: pg.Client, { writer, acknowledged }: Receipts): Promise<void> {
  await db.query("DELETE FROM receipt WHERE writer = $1 AND number < $2", [writer, acknowledged[0] ?? 0]);
}

/** Throws `FenceClosed`. */
async function write(db: pg.Client, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) {
    const { name, text, values } = segment.statement();
    const { rows } = await db.query({ name: shortName(name), text, values: [...values] });
    if (rows[0]?.holds !== true) throw new FenceClosed();
  }
}

/** PostgreSQL cuts the names of statements at 63 bytes. */
function shortName(name: string): string {
  let number = statementNumbers.get(name);
  if (number === undefined) {
    number = statementNumbers.size;
    statementNumbers.set(name, number);
  }
  return `write ${number}`;
}
const statementNumbers = new Map<string, number>();

export interface Acquisition {
  readonly shardId: number;
  readonly owner: string;
  readonly writer: string;
  readonly receipt: number;
}

/** Takes a shard over; gives its new range id. */
export async function acquire(
  db: pg.ClientBase | pg.Pool,
  { shardId, owner, writer, receipt }: Acquisition,
): Promise<number> {
  const { rows } = await db.query({
    name: "acquire",
    text: `WITH receipted AS (INSERT INTO receipt (writer, number) VALUES ($3, $4))
      INSERT INTO shard (shard_id, range_id, owner) VALUES ($1, 1, $2)
      ON CONFLICT (shard_id) DO UPDATE SET range_id = shard.range_id + 1, owner = excluded.owner RETURNING range_id`,
    values: [shardId, storedText(owner), writer, receipt],
  });
  return rows[0].range_id;
}

/** In the order of the writes, as a write may make way for a later one; the fence before all. */
async function writeNamed(db: pg.Client, { lease, writes }: Request & { type: "named" }): Promise<void> {
  let plain: PlainWrite[] = [];
  const writePlain = async () => {
    if (lease !== null) await write(db, segmentsOf([{ lease, writes: plain }]));
    plain = [];
  };
  await writePlain();
  for (const each of writes) {
    if (isPlain(each)) {
      plain.push(each);
      continue;
    }
    if (plain.length > 0) await writePlain();
    if (each.table === "namespace") await writeNamespace(db, each);
    else await writeSetting(db, each);
  }
  if (plain.length > 0) await writePlain();
}

async function writeNamespace(db: pg.Client, { id, name, bytes }: NamespaceWrite): Promise<void> {
  if (bytes === null) {
    await db.query("DELETE FROM namespace WHERE id = $1", [storedText(id)]);
    return;
  }
  try {
    await db.query(
      "INSERT INTO namespace (id, name, bytes) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name, bytes = excluded.bytes",
      [storedText(id), storedText(name), asBuffer(bytes)],
    );
  } catch (error) {
    const isTaken = sqlStateOf(error) === "23505" && (error as pg.DatabaseError).constraint === "namespace_name";
    throw isTaken ? new NameTaken(name) : error;
  }
}

/** What is expected is part of the statement, so that nobody can come between. */
async function writeSetting(db: pg.Client, { name, bytes, expected }: SettingWrite): Promise<void> {
  const value = bytes && asBuffer(bytes);
  const run = async (text: string, ...values: unknown[]) =>
    ((await db.query(text, [storedText(name), ...values])).rowCount ?? 0) > 0;
  let isDone = true;
  if (expected === undefined && value === null) await run("DELETE FROM setting WHERE name = $1");
  else if (expected === undefined)
    await run(
      "INSERT INTO setting (name, bytes) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
      value,
    );
  else if (expected === null && value === null) isDone = !(await run("SELECT FROM setting WHERE name = $1"));
  else if (expected === null)
    isDone = await run("INSERT INTO setting (name, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING", value);
  else if (value === null) isDone = await run("DELETE FROM setting WHERE name = $1 AND bytes = $2", asBuffer(expected));
  else isDone = await run("UPDATE setting SET bytes = $2 WHERE name = $1 AND bytes = $3", value, asBuffer(expected));
  if (!isDone) throw new SettingChanged(name);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
