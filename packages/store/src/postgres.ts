/**
 * The store in a PostgreSQL database, for one server, or for the nodes of a cluster (`PostgresOptions.node`).
 *
 *   one connection   writes: one transaction for each group of commits (`postgres-writer.ts`), with the fence inside (`postgres-statement.ts`)
 *   a few more       read (`postgres-reads.ts`)
 *
 * `synchronous_commit=on` or more: a commit that resolved survives the loss of power, and of the primary where there is a synchronous standby.
 * What is read was committed before, as reads go to the primary too.
 */

import type { Membership } from "./membership.ts";
import {
  messageOf,
  nameOf,
  openWriter,
  type PostgresNode,
  type PostgresOptions,
  type WriterConnection,
  withSchemaLock,
} from "./postgres-connection.ts";
import { PostgresMembership } from "./postgres-membership.ts";
import { PostgresReads } from "./postgres-reads.ts";
import { migrate } from "./postgres-schema.ts";
import { PostgresWriter } from "./postgres-writer.ts";
import {
  type HistoryRange,
  type Lease,
  needsLease,
  type Store,
  StoreError,
  StoreUnusable,
  type Write,
} from "./store.ts";

export type { PostgresNode, PostgresOptions };

const readConnectionsDefault = 4;

export class PostgresStore implements Store {
  readonly kind = "postgres";
  readonly #writer: PostgresWriter;
  readonly #reads: PostgresReads;
  readonly #members: PostgresMembership | undefined;
  #closing: Promise<void> | null = null;

  private constructor(writer: PostgresWriter, reads: PostgresReads, members: PostgresMembership | undefined) {
    this.#writer = writer;
    this.#reads = reads;
    this.#members = members;
  }

  /** Makes the tables, or brings them to the newest schema. Throws `StoreUnusable`. */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    const { url, node, readConnections = readConnectionsDefault } = options;
    if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
      throw new StoreUnusable("the database is given as postgres://user:password@host:port/database");
    let connection: WriterConnection | undefined;
    try {
      connection = await openWriter(options);
      const { db } = connection;
      await withSchemaLock(db, () => migrate(db, nameOf(url)));
      const reads = new PostgresReads(options, readConnections);
      const members = node && new PostgresMembership(url, node);
      return new PostgresStore(new PostgresWriter(options, connection), reads, members);
    } catch (error) {
      await connection?.db.end().catch(() => {});
      if (error instanceof StoreError) throw error;
      throw new StoreUnusable(`cannot open ${nameOf(url)}: ${messageOf(error)}`, { cause: error });
    }
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

  async loadCurrent(...keys: Parameters<Store["loadCurrent"]>): ReturnType<Store["loadCurrent"]> {
    return (await this.#readable()).loadCurrent(...keys);
  }

  async loadRuns(...runIds: Parameters<Store["loadRuns"]>): ReturnType<Store["loadRuns"]> {
    return (await this.#readable()).loadRuns(...runIds);
  }

  async readHistory(runId: string, range: HistoryRange): ReturnType<Store["readHistory"]> {
    return (await this.#readable()).readHistory(runId, range, "ascending");
  }

  async readHistoryReverse(runId: string, range: HistoryRange): ReturnType<Store["readHistory"]> {
    return (await this.#readable()).readHistory(runId, range, "descending");
  }

  async wakingRuns(...page: Parameters<Store["wakingRuns"]>): ReturnType<Store["wakingRuns"]> {
    return (await this.#readable()).wakingRuns(...page);
  }

  async undispatchedRuns(...page: Parameters<Store["undispatchedRuns"]>): ReturnType<Store["undispatchedRuns"]> {
    return (await this.#readable()).undispatchedRuns(...page);
  }

  async listVisibility(...query: Parameters<Store["listVisibility"]>): ReturnType<Store["listVisibility"]> {
    return (await this.#readable()).listVisibility(...query);
  }

  async countVisibility(...query: Parameters<Store["countVisibility"]>): ReturnType<Store["countVisibility"]> {
    return (await this.#readable()).countVisibility(...query);
  }

  async namespaces(): ReturnType<Store["namespaces"]> {
    return (await this.#readable()).namespaces();
  }

  async setting(name: string): ReturnType<Store["setting"]> {
    return (await this.#readable()).setting(name);
  }

  async settings(prefix: string): ReturnType<Store["settings"]> {
    return (await this.#readable()).settings(prefix);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#writer.close(), this.#reads.close(), this.#members?.close()]);
  }

  #requireOpen(): void {
    if (this.#closing !== null) throw new StoreUnusable("the store is closed");
  }

  async #readable(): Promise<PostgresReads> {
    this.#requireOpen();
    const settled = this.#writer.settled();
    if (settled !== null) await settled;
    return this.#reads;
  }
}
