/**
 * The writer thread: one connection, one transaction for each group of commits.
 *
 *   W1. Each commit of a group succeeds or fails on its own: one without its lease, with a name that is taken, or with a setting that is not as
 *       expected, writes nothing, and its neighbours are committed.
 *   W2. A full disk fails the whole group with nothing written; the connection stays, and works again when there is room.
 *   W3. After any other error of the transaction its outcome is unknown: its frames may be whole in the WAL file, and would come back with
 *       the next recovery. The connection is opened anew, and nothing may be read or written before a further commit (`settle`) has
 *       reached the disk, behind which an earlier one can no longer appear or vanish.
 */

import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { openWriter, type Pragmas, primaryCode, sqliteCodes } from "./sqlite-connection.ts";
import { SqliteTables } from "./sqlite-tables.ts";
import { decodeFrame, type FramedOperation } from "./write-frame.ts";

export interface WriterData {
  readonly path: string;
  readonly pragmas: Pragmas;
}

export type WriterRequest =
  | { readonly type: "group"; readonly buffer: ArrayBuffer; readonly byteLength: number }
  | { readonly type: "settle" }
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

class Writer {
  readonly #data: WriterData;
  #db: DatabaseSync;
  #tables: SqliteTables;
  #unsettled: string | null = null;

  constructor(data: WriterData) {
    this.#data = data;
    this.#db = openWriter(data.path, data.pragmas);
    this.#tables = new SqliteTables(this.#db);
  }

  get unsettled(): string | null {
    return this.#unsettled;
  }

  runGroup(operations: readonly FramedOperation[]): Outcome[] {
    if (!this.settle()) {
      const message = this.#unsettled ?? "";
      return operations.map((_, at) => ({ at, type: "unknown", message }));
    }
    let isCommitting = false;
    try {
      this.#tables.begin();
      const outcomes = operations.flatMap((operation, at) => this.#run(operation, at) ?? []);
      isCommitting = true;
      this.#tables.commit();
      return outcomes;
    } catch (error) {
      return this.#failed(operations, error, isCommitting);
    }
  }

  /** Makes the outcome of earlier commits certain (W3). False when the disk does not let it. */
  settle(): boolean {
    if (this.#unsettled === null) return true;
    try {
      if (!this.#db.isOpen) {
        this.#db = openWriter(this.#data.path, this.#data.pragmas);
        this.#tables = new SqliteTables(this.#db);
      }
      this.#tables.settle();
      this.#unsettled = null;
      return true;
    } catch (error) {
      this.#abandon(error);
      return false;
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
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

  #failed(operations: readonly FramedOperation[], error: unknown, isCommitting: boolean): Outcome[] {
    const message = error instanceof Error ? error.message : String(error);
    const code = primaryCode(error);
    try {
      this.#tables.rollback();
    } catch (rollbackError) {
      return this.#unknown(operations, rollbackError);
    }
    if (code === sqliteCodes.full) return operations.map((_, at) => ({ at, type: "full", message })); // W2
    if (isCommitting || !rejectionCodes.includes(code)) return this.#unknown(operations, error);
    if (operations.length === 1) return [{ at: 0, type: "rejected", message }];
    // W1: one of them cannot be written, so each gets a transaction of its own.
    return operations.flatMap((operation, at) => this.runGroup([operation]).map((outcome) => ({ ...outcome, at })));
  }

  #unknown(operations: readonly FramedOperation[], error: unknown): Outcome[] {
    this.#abandon(error);
    const message = this.#unsettled ?? "";
    this.settle();
    return operations.map((_, at) => ({ at, type: "unknown", message }));
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
  const reply = (outcomes: Outcome[], buffer: ArrayBuffer | null) =>
    port.postMessage({ outcomes, unsettled: writer.unsettled, buffer } satisfies WriterReply, buffer ? [buffer] : []);
  port.on("message", (request: WriterRequest) => {
    switch (request.type) {
      case "group":
        return reply(writer.runGroup(decodeFrame(request.buffer, request.byteLength)), request.buffer);
      case "settle":
        writer.settle();
        return reply([], null);
      case "close":
        writer.close();
        reply([], null);
        return port.close();
      default:
        request satisfies never;
    }
  });
  reply([], null);
}

if (parentPort !== null) serve(parentPort);
