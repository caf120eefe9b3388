/**
 * The store in one SQLite file, for one process at a time.
 *
 *   calling thread   encodes commits; short reads on a read-only connection
 *   writer thread    one connection, one transaction for each group of commits (`group-commit.ts`, `sqlite-writer.ts`); rows of lists wait for those who
 *                    read them (`list-journal.ts`)
 *   reader thread    lists and counts (`sqlite-reader.ts`)
 *
 * WAL with `synchronous=FULL`: a commit that resolved survives the loss of power, and readers never wait for the writer.
 */

import {
  type HistoryRange,
  type Lease,
  needsLease,
  type Store,
  type StoredBatch,
  StoreFull,
  StoreUnusable,
  type Write,
} from "../store.ts";
import { Turns } from "../turns.ts";
import { GroupCommit } from "./group-commit.ts";
import type { JournalLimits } from "./list-journal.ts";
import { openReader, type Pragmas } from "./sqlite-connection.ts";
import { claimFile, type SqliteFile } from "./sqlite-file.ts";
import type { ListAnswer, ListCalls, ListRequest } from "./sqlite-lists.ts";
import type { ReaderData, ReaderRequest } from "./sqlite-reader.ts";
import { SqliteReads } from "./sqlite-reads.ts";
import type { WriterData, WriterReply, WriterRequest } from "./sqlite-writer.ts";
import { Thread } from "./thread.ts";

/** The next one lies ready when the reader thread has answered one. */
const listsAtOnce = 2;

export interface SqliteOptions {
  /** Created if it is not there; its folder must exist. */
  readonly filename: string;
  /** Settings of the writing connection that differ from ours, e.g. `{ synchronous: "NORMAL" }`. The journal stays a WAL. */
  readonly pragmas?: Pragmas;
  /** How much of what lists show may wait to be put there, where that differs from `journalLimits`. */
  readonly journal?: Partial<JournalLimits>;
}

interface Parts {
  readonly file: SqliteFile;
  readonly writer: Thread<WriterRequest, WriterReply>;
  readonly reader: Thread<ReaderRequest, ListAnswer>;
  readonly reads: SqliteReads;
}

export class SqliteStore implements Store {
  readonly kind = "sqlite";
  readonly #parts: Parts;
  readonly #commits: GroupCommit;
  readonly #turns = new Turns(listsAtOnce);
  #closing: Promise<void> | null = null;

  private constructor(parts: Parts, commits: GroupCommit) {
    this.#parts = parts;
    this.#commits = commits;
  }

  /** Throws `StoreUnusable`. */
  static async open({ filename, pragmas = {}, journal = {} }: SqliteOptions): Promise<SqliteStore> {
    const file = claimFile(filename, pragmas);
    const { path } = file;
    const data: WriterData = { path, pragmas, journal };
    const writer = new Thread<WriterRequest, WriterReply>("sqlite-writer", data);
    const reader = new Thread<ReaderRequest, ListAnswer>("sqlite-reader", { path } satisfies ReaderData);
    try {
      const [ready] = await Promise.all([writer.ready, reader.ready]);
      const parts = { file, writer, reader, reads: new SqliteReads(openReader(path)) };
      return new SqliteStore(parts, new GroupCommit(writer, ready));
    } catch (error) {
      await Promise.all([writer.terminate(), reader.terminate()]);
      file.release();
      throw new StoreUnusable(`cannot open ${file.path}: ${error instanceof Error ? error.message : error}`);
    }
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    this.#requireOpen();
    return this.#commits.acquire(shardId, owner);
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    this.#requireOpen();
    if (lease === null && writes.some(needsLease)) throw new Error("a write of a shard needs its lease");
    return this.#commits.commit(lease, writes);
  }

  async loadCurrent(keys: Parameters<Store["loadCurrent"]>[0]): Promise<(string | null)[]> {
    return (await this.#readable()).loadCurrent(keys);
  }

  async loadRuns(runIds: readonly string[]): ReturnType<Store["loadRuns"]> {
    return (await this.#readable()).loadRuns(runIds);
  }

  async readHistory(runId: string, range: HistoryRange): Promise<StoredBatch[]> {
    return (await this.#readable()).readHistory(runId, range, "ascending");
  }

  async readHistoryReverse(runId: string, range: HistoryRange): Promise<StoredBatch[]> {
    return (await this.#readable()).readHistory(runId, range, "descending");
  }

  async namespaces(): ReturnType<Store["namespaces"]> {
    return (await this.#readable()).namespaces();
  }

  async setting(name: string): Promise<Uint8Array | null> {
    return (await this.#readable()).setting(name);
  }

  async settings(prefix: string): ReturnType<Store["settings"]> {
    return (await this.#readable()).settings(prefix);
  }

  async wakingRuns(...page: Parameters<Store["wakingRuns"]>): ReturnType<Store["wakingRuns"]> {
    return (await this.#readable()).wakingRuns(...page);
  }

  async undispatchedRuns(...page: Parameters<Store["undispatchedRuns"]>): ReturnType<Store["undispatchedRuns"]> {
    return (await this.#readable()).undispatchedRuns(...page);
  }

  listVisibility: Store["listVisibility"] = (...values) => this.#list("listVisibility", values);
  countVisibility: Store["countVisibility"] = (...values) => this.#list("countVisibility", values);

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { file, writer, reader, reads } = this.#parts;
    await this.#commits.drained();
    // The writer goes last: the last connection of a file writes its WAL back and removes it. A thread that has died has nothing to close.
    await reader.ask({ method: "close" }).catch(() => null);
    reads.close();
    await writer.ask({ type: "close" }).catch(() => null);
    await Promise.all([reader.terminate(), writer.terminate()]);
    file.release();
  }

  #requireOpen(): void {
    if (this.#closing !== null) throw new StoreUnusable("the store is closed");
  }

  async #readable(): Promise<SqliteReads> {
    this.#requireOpen();
    const settled = this.#commits.settled();
    if (settled !== null) await settled;
    return this.#parts.reads;
  }

  async #list<Method extends keyof ListCalls>(
    method: Method,
    values: Parameters<Store[Method]>,
  ): Promise<Awaited<ReturnType<Store[Method]>>> {
    await this.#readable();
    const [{ namespaceId }] = values;
    const reply = await this.#turns.take(namespaceId, () => this.#answer({ method, arguments: values }));
    if ("error" in reply) throw new Error(`${method}: ${reply.error}`);
    return reply.value as Awaited<ReturnType<Store[Method]>>;
  }

  async #answer(request: ListRequest): Promise<ListAnswer> {
    const listed = this.#commits.listed();
    try {
      if (listed !== null) await listed;
    } catch (error) {
      // A full disk takes nothing from what can be read.
      if (error instanceof StoreFull) return this.#commits.listedInPassing(request);
      throw error;
    }
    this.#requireOpen();
    return this.#parts.reader.ask(request);
  }
}
