/**
 * The store in a PostgreSQL database, for one server at a time.
 *
 *   one connection   writes: one transaction for each group of commits (`postgres-writer.ts`), with the fence inside (`postgres-statement.ts`)
 *   a few more       read (`postgres-reads.ts`)
 *
 * `synchronous_commit=on` or more: a commit that resolved survives the loss of power, and of the primary where there is a synchronous standby.
 * What is read was committed before, as reads go to the primary too.
 */

import { messageOf, nameOf, openWriter, type PostgresOptions, type WriterConnection } from "./postgres-connection.ts";
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

export type { PostgresOptions };

const readConnectionsDefault = 4;

export class PostgresStore implements Store {
  readonly kind = "postgres";
  readonly #writer: PostgresWriter;
  readonly #reads: PostgresReads;
  #closing: Promise<void> | null = null;

  private constructor(writer: PostgresWriter, reads: PostgresReads) {
    this.#writer = writer;
    this.#reads = reads;
  }

  /** Makes the tables, or brings them to the newest schema. Throws `StoreUnusable`. */
  static async open({ url, readConnections = readConnectionsDefault }: PostgresOptions): Promise<PostgresStore> {
    if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
      throw new StoreUnusable("the database is given as postgres://user:password@host:port/database");
    let connection: WriterConnection | undefined;
    try {
      connection = await openWriter(url);
      await migrate(connection.db, nameOf(url));
      return new PostgresStore(new PostgresWriter(url, connection), new PostgresReads(url, readConnections));
    } catch (error) {
      await connection?.db.end().catch(() => {});
      if (error instanceof StoreError) throw error;
      throw new StoreUnusable(`cannot open ${nameOf(url)}: ${messageOf(error)}`, { cause: error });
    }
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    this.#requireOpen();
    if (owner === "") throw new Error("an owner has a name");
    return this.#writer.acquire(shardId, owner);
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    this.#requireOpen();
    if (lease === null && writes.some(needsLease)) throw new Error("a write of a shard needs its lease");
    return this.#writer.commit(lease, writes);
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
    await Promise.all([this.#writer.close(), this.#reads.close()]);
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
