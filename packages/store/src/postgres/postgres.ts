/**
 * The store in a PostgreSQL database, for one server, or for the nodes of a cluster (`PostgresOptions.node`).
 *
 *   one connection   writes: one transaction for each group of commits (`postgres-writer.ts`), with the fence inside (`postgres-statement.ts`)
 *   a few more       read (`postgres-reads.ts`)
 *
 * `synchronous_commit=on` or more: a commit that resolved survives the loss of power, and of the primary where there is a synchronous standby.
 * What is read was committed before, as reads go to the primary too.
 */

import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { Membership } from "../membership.ts";
import {
  type HistoryRange,
  type Lease,
  needsLease,
  StateLost,
  type Store,
  StoreError,
  StoreUnusable,
  type Write,
} from "../store.ts";
import {
  messageOf,
  openWriter,
  type PostgresNode,
  type PostgresOptions,
  type WriterConnection,
  withSchemaLock,
} from "./postgres-connection.ts";
import { PostgresMembership } from "./postgres-membership.ts";
import { Primary, Receipts } from "./postgres-primary.ts";
import { PostgresReads } from "./postgres-reads.ts";
import { ReceiptFile } from "./postgres-receipt-file.ts";
import { migrate } from "./postgres-schema.ts";
import { PostgresWriter } from "./postgres-writer.ts";

export type { PostgresNode, PostgresOptions };

const readConnectionsDefault = 4;

export class PostgresStore implements Store {
  readonly kind = "postgres";
  readonly #writer: PostgresWriter;
  readonly #reads: PostgresReads;
  readonly #members: PostgresMembership | undefined;
  readonly #file: ReceiptFile | undefined;
  #closing: Promise<void> | null = null;

  private constructor(
    writer: PostgresWriter,
    reads: PostgresReads,
    members: PostgresMembership | undefined,
    file: ReceiptFile | undefined,
  ) {
    this.#file = file;
    this.#writer = writer;
    this.#reads = reads;
    this.#members = members;
  }

  /** Makes the tables, or brings them to the newest schema. Throws `StoreUnusable`. */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    const { url, node, readConnections = readConnectionsDefault, fewRowsMax } = options;
    const file = options.receiptFile === undefined ? undefined : ReceiptFile.open(options.receiptFile, Date.now());
    const primary = new Primary(url);
    const writerId = node?.id ?? randomUUID();
    const own = new Receipts(writerId, 1, (acknowledged) => {
      file?.write({ writer: writerId, acknowledged, atMs: Date.now() });
    });
    const members = node && new PostgresMembership(primary, node);
    const writing = { primary, node, own, receipts: members ? [own, members.receipts] : [own] };
    let connection: WriterConnection | undefined;
    try {
      connection = await openWriter({
        ...writing,
        receipts: [...writing.receipts, ...(file?.before ? [file.before] : [])],
      });
      const { db } = connection;
      await withSchemaLock(db, async () => {
        await migrate(db, primary.name);
        await forgetWriters(db);
      });
      const writer = new PostgresWriter(writing, connection);
      const reads = new PostgresReads({
        ...{ primary, node, connections: readConnections, watch: writer, fewRowsMax },
      });
      members?.follow(writer);
      void writer.lost.then(() => file?.forget());
      return new PostgresStore(writer, reads, members, file);
    } catch (error) {
      await connection?.db.end().catch(() => {});
      await members?.close();
      if (error instanceof StateLost) file?.forget();
      file?.close();
      if (error instanceof StoreError) throw error;
      throw new StoreUnusable(`cannot open ${primary.name}: ${messageOf(error)}`, { cause: error });
    }
  }

  get lost(): Promise<StateLost> {
    return this.#writer.lost;
  }

  get membership(): Membership | undefined {
    return this.#members;
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    this.#requireOpen();
    if (owner === "") throw new Error("an owner has a name");
    // Not behind the commits of this node, nor they behind it: the shard may still be locked by who had it before.
    if (this.#members) return this.#members.acquire(shardId, owner);
    return this.#writer.acquire(shardId, owner);
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    this.#requireOpen();
    if (lease === null && writes.some(needsLease)) throw new Error("a write of a shard needs its lease");
    await this.#writer.commit(lease, writes);
    if (this.#members && !writes.every(needsLease)) await this.#members.onChange();
  }

  async loadCurrent(keys: Parameters<Store["loadCurrent"]>[0]): ReturnType<Store["loadCurrent"]> {
    return this.#readable().loadCurrent(keys);
  }

  async loadRuns(runIds: readonly string[]): ReturnType<Store["loadRuns"]> {
    return this.#readable().loadRuns(runIds);
  }

  async readHistory(runId: string, range: HistoryRange): ReturnType<Store["readHistory"]> {
    return this.#readable().readHistory(runId, range, "ascending");
  }

  async readHistoryReverse(runId: string, range: HistoryRange): ReturnType<Store["readHistory"]> {
    return this.#readable().readHistory(runId, range, "descending");
  }

  async wakingRuns(...page: Parameters<Store["wakingRuns"]>): ReturnType<Store["wakingRuns"]> {
    return this.#readable().wakingRuns(...page);
  }

  async undispatchedRuns(...page: Parameters<Store["undispatchedRuns"]>): ReturnType<Store["undispatchedRuns"]> {
    return this.#readable().undispatchedRuns(...page);
  }

  async listVisibility(...query: Parameters<Store["listVisibility"]>): ReturnType<Store["listVisibility"]> {
    return this.#readable().listVisibility(...query);
  }

  async countVisibility(...query: Parameters<Store["countVisibility"]>): ReturnType<Store["countVisibility"]> {
    return this.#readable().countVisibility(...query);
  }

  async namespaces(): ReturnType<Store["namespaces"]> {
    return this.#readable().namespaces();
  }

  async setting(name: string): ReturnType<Store["setting"]> {
    return this.#readable().setting(name);
  }

  async settings(prefix: string): ReturnType<Store["settings"]> {
    return this.#readable().settings(prefix);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    await Promise.all([this.#reads.close(), this.#members?.close()]);
    this.#file?.close();
  }

  #requireOpen(): void {
    if (this.#closing !== null) throw new StoreUnusable("the store is closed");
  }

  #readable(): PostgresReads {
    this.#requireOpen();
    return this.#reads;
  }
}

/**
 * Receipts of processes that are no more, and that no file tells of any longer (F4): all but those of a day, and those of nodes that are alive, or too young to
 * have given a sign of life.
 */
async function forgetWriters(db: pg.Client): Promise<void> {
  await db.query(`
    DELETE FROM receipt WHERE made_at < now() - interval '1 day' AND split_part(writer, ' ', 1) NOT IN (SELECT node_id FROM node)`);
}
