/**
 * The writer thread: one connection, one transaction for each group of commits.
 *
 *   W1. Each commit of a group succeeds or fails on its own: one without its lease, with a name that is taken, or with a setting that is not as
 *       expected, writes nothing, and its neighbours are committed.
 *   W2. A full disk fails the whole group with nothing written; the connection stays, and works again when there is room.
 *   W3. After any other error of the transaction its outcome is unknown: its frames may be whole in the WAL file, and would come back with
 *       the next recovery. The connection is opened anew, and nothing may be read or written before a further commit (`settle`) has
 *       reached the disk, behind which an earlier one can no longer appear or vanish.
 *   W4. What moves from the journal to the lists is in transactions that nobody waits for, and that are not synced: one that is lost with the power is
 *       still in the journal, and the next group that is synced is behind it.
 */

import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { type JournalLimits, type JournalState, journalLimits, ListJournal } from "./list-journal.ts";
import { openWriter, type Pragmas, primaryCode, sqliteCodes } from "./sqlite-connection.ts";
import { answer, type ListAnswer, type ListRequest, SqliteLists } from "./sqlite-lists.ts";
import { SqliteTables } from "./sqlite-tables.ts";
import { decodeFrame, type FramedOperation } from "./write-frame.ts";

export interface WriterData {
  readonly path: string;
  readonly pragmas: Pragmas;
  /** What differs from `journalLimits`. */
  readonly journal: Partial<JournalLimits>;
}

export type WriterRequest =
  | { readonly type: "group"; readonly buffer: ArrayBuffer; readonly byteLength: number }
  | { readonly type: "settle" }
  /** A slice of the journal goes to the lists. */
  | { readonly type: "move" }
  /** Lists as they will be when the whole journal has been moved, for which the disk has no room. */
  | { readonly type: "list"; readonly request: ListRequest }
  | { readonly type: "close" };

/** What an operation came to that was not simply written; `at` is its place in the group. */
export type Outcome =
  | { readonly at: number; readonly type: "acquired"; readonly rangeId: number }
  | { readonly at: number; readonly type: "leaseLost" }
  | { readonly at: number; readonly type: "nameTaken" | "settingChanged"; readonly name: string }
  | { readonly at: number; readonly type: "full" | "unknown" | "rejected"; readonly message: string };

export interface WriterReply {
  readonly outcomes: readonly Outcome[];
  /** W3: while this is set nothing may be read; says what went wrong. */
  readonly unsettled: string | null;
  readonly journal: JournalState;
  /** Of `list`. */
  readonly answer?: ListAnswer;
  /** Given back to be filled again. */
  readonly buffer: ArrayBuffer | null;
}

/** A statement that SQLite or its binding refuses whatever the state of the disk: the fault of one commit. */
const rejectionCodes: readonly (number | null)[] = [
  null,
  sqliteCodes.error,
  sqliteCodes.tooBig,
  sqliteCodes.constraint,
  sqliteCodes.mismatch,
  sqliteCodes.range,
];

/** As many as SQLite allows. */
const pagesMax = 4_294_967_294;
/** `PRAGMA synchronous = NORMAL`, in a WAL. */
const unsynced = 1;

interface Attempt {
  /** Of operations in the transaction. */
  readonly count: number;
  /** Runs each of them by itself. */
  readonly alone?: () => Outcome[];
}

function outcomes(count: number, type: "full" | "unknown" | "rejected", message: string): Outcome[] {
  return Array.from({ length: count }, (_, at) => ({ at, type, message }));
}

class Writer {
  readonly #data: WriterData;
  readonly #journal: ListJournal;
  #db: DatabaseSync;
  #tables: SqliteTables;
  #unsettled: string | null = null;
  /** Of groups, as the connection was opened. */
  readonly #synchronous: number;

  constructor(data: WriterData) {
    this.#data = data;
    this.#journal = new ListJournal({ ...journalLimits, ...data.journal });
    this.#db = openWriter(data.path, data.pragmas);
    this.#tables = new SqliteTables(this.#db, this.#journal);
    this.#journal.open(this.#db);
    this.#synchronous = Number(this.#db.prepare("PRAGMA synchronous").get()?.["synchronous"]);
  }

  get unsettled(): string | null {
    return this.#unsettled;
  }

  get journal(): JournalState {
    return this.#journal.state;
  }

  runGroup(operations: readonly FramedOperation[]): Outcome[] {
    const alone = () => operations.flatMap((one, at) => this.runGroup([one]).map((outcome) => ({ ...outcome, at })));
    // Where there is no room to move anything there may be some for what the group deletes.
    while (this.#journal.isFull && this.move().length === 0);
    return this.#transact({ count: operations.length, alone }, (committing) => {
      this.#tables.begin();
      const outcomes = operations.flatMap((operation, at) => this.#run(operation, at) ?? []);
      this.#tables.complete();
      committing();
      this.#tables.commit();
      return outcomes;
    });
  }

  /** A slice of the journal goes to the lists. */
  move(): Outcome[] {
    try {
      return this.#transact({ count: 1 }, () => {
        this.#moveSlice();
        return [];
      });
    } finally {
      // Behind a rollback, too, within which it could not be set: a group that is not synced would be acknowledged too early.
      if (this.#db.isOpen) this.#db.exec(`PRAGMA synchronous = ${this.#synchronous}`);
    }
  }

  /** In a transaction that is never committed, and of which nothing is written before it would be: it needs no room. */
  list(request: ListRequest): ListAnswer {
    const pages = Number(this.#db.prepare("PRAGMA max_page_count").get()?.["max_page_count"]);
    this.#db.exec(`PRAGMA max_page_count = ${pagesMax}; PRAGMA cache_spill = OFF; BEGIN`);
    try {
      this.#tables.move({ writes: this.#journal.all(), clears: undefined });
      return answer(new SqliteLists(this.#db), request);
    } finally {
      this.#tables.rollback();
      this.#db.exec(`PRAGMA cache_spill = ON; PRAGMA max_page_count = ${pages}`);
    }
  }

  /** Makes the outcome of earlier commits certain (W3). False when the disk does not let it. */
  settle(): boolean {
    if (this.#unsettled === null) return true;
    try {
      if (!this.#db.isOpen) {
        this.#db = openWriter(this.#data.path, this.#data.pragmas);
        this.#tables = new SqliteTables(this.#db, this.#journal);
      }
      this.#tables.settle();
      this.#journal.open(this.#db);
      this.#unsettled = null;
      return true;
    } catch (error) {
      this.#abandon(error);
      return false;
    }
  }

  /** A file at rest has its lists whole, if there is room for them. */
  close(): void {
    while (this.#journal.state.moved < this.#journal.state.written && this.move().length === 0);
    if (this.#db.isOpen) this.#db.close();
  }

  #moveSlice(): void {
    const slice = this.#journal.slice();
    if (slice === undefined) return;
    this.#db.exec(`PRAGMA synchronous = ${Math.min(this.#synchronous, unsynced)}`); // W4
    this.#tables.begin();
    this.#tables.move(slice);
    this.#tables.commit();
    this.#journal.moved(slice);
  }

  /** null = written. */
  #run(operation: FramedOperation, at: number): Outcome | null {
    if (operation.kind === "acquire")
      return { at, type: "acquired", rangeId: this.#tables.acquire(operation.shardId, operation.owner) };
    const { lease, writes } = operation;
    if (lease !== null && !this.#tables.holds(lease)) return { at, type: "leaseLost" };
    // A name is known to be free only once the writes before it are done, so such a commit can fail half way: it gets a savepoint. So with settings.
    if (!writes.some(({ table }) => table === "namespace" || table === "setting")) {
      for (const write of writes) this.#tables.apply(write, lease);
      return null;
    }
    this.#tables.save();
    for (const write of writes) {
      const refused = this.#tables.refusalOf(write);
      if (refused !== null) {
        this.#tables.undo();
        return { at, ...refused };
      }
      this.#tables.apply(write, lease);
    }
    this.#tables.keep();
    return null;
  }

  /** `committing` is called before the commit, after which an error says nothing of its outcome. Without `alone`, nobody can tell whose fault an error is. */
  #transact({ count, alone }: Attempt, write: (committing: () => void) => Outcome[]): Outcome[] {
    if (!this.settle()) return outcomes(count, "unknown", this.#unsettled ?? "");
    let isCommitting = false;
    try {
      return write(() => {
        isCommitting = true;
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const code = primaryCode(error);
      try {
        this.#tables.rollback();
      } catch (rollbackError) {
        return this.#unknown(count, rollbackError);
      }
      if (code === sqliteCodes.full) return outcomes(count, "full", message); // W2
      if (isCommitting || alone === undefined || !rejectionCodes.includes(code)) return this.#unknown(count, error);
      // W1: one of them cannot be written, so each gets a transaction of its own.
      return count === 1 ? outcomes(1, "rejected", message) : alone();
    }
  }

  #unknown(count: number, error: unknown): Outcome[] {
    this.#abandon(error);
    const message = this.#unsettled ?? "";
    this.settle();
    return outcomes(count, "unknown", message);
  }

  #abandon(error: unknown): void {
    this.#unsettled = error instanceof Error ? error.message : String(error);
    try {
      this.#db.close();
    } catch {
      // It is given up anyway; the cause has been kept above.
    }
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const writer = new Writer(workerData as WriterData);
  const reply = (outcomes: Outcome[], more: { buffer?: ArrayBuffer; answer?: ListAnswer } = {}) => {
    const { unsettled, journal } = writer;
    const { buffer = null, answer } = more;
    const message: WriterReply = { outcomes, unsettled, journal, buffer, ...(answer && { answer }) };
    port.postMessage(message, buffer ? [buffer] : []);
  };
  port.on("message", (request: WriterRequest) => {
    switch (request.type) {
      case "group": {
        const { buffer } = request;
        return reply(writer.runGroup(decodeFrame(buffer, request.byteLength)), { buffer });
      }
      case "settle":
        writer.settle();
        return reply([]);
      case "move":
        return reply(writer.move());
      case "list":
        return reply([], { answer: writer.list(request.request) });
      case "close":
        writer.close();
        reply([]);
        return port.close();
      default:
        request satisfies never;
    }
  });
  reply([]);
}

if (parentPort !== null) serve(parentPort);
