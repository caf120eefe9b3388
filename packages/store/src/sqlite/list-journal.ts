/**
 * Rows of lists that are durable and not yet in the lists. A row of `visibility` has nine indexes, and most runs are written there twice, at their start
 * and at their end, with nobody asking in between. So a commit appends such rows to `list_journal`, one row for its whole group. They are moved to the lists
 * later, each run once, in slices between the commits, and at the latest before a list is read.
 *
 *   J1. What a list lacks is in the journal, in the order in which it was written, and moving it is idempotent: moved again from the first to the last row, it
 *       comes to the same.
 *   J2. Rows of the journal go in the transaction that moves the last of them. Until then a deletion of a run that they may name is one of them, or a
 *       later opening would bring the run's row back.
 *   J3. Memory changes after the commit: `written` and `moved` are for transactions that have ended well, and `rolledBack` for all others.
 *
 * Knows no transaction; the caller owns it.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { encodedDeletion, type FramedVisibility, type FramedWrite, readWrites } from "./write-frame.ts";

/** How much may wait in the journal. */
export interface JournalLimits {
  /** With so many runs, or bytes, what is there is moved slice by slice. Their work is put off so that it is done for many at once, and for most once. */
  readonly runsDue: number;
  readonly bytesDue: number;
  /** With so many, or so many bytes, no group of commits is written before some have been moved. */
  readonly runsMax: number;
  readonly bytesMax: number;
  /** A slice: so many runs, or bytes, hold up a commit that comes meanwhile. */
  readonly sliceRuns: number;
  readonly sliceBytes: number;
}

export const journalLimits: JournalLimits = {
  runsDue: 1_000,
  bytesDue: 1024 * 1024,
  runsMax: 2_000,
  bytesMax: 4 * 1024 * 1024,
  sliceRuns: 64,
  sliceBytes: 128 * 1024,
};

/** Rows of the journal up to `throughSeq`, and the last write of each run in them; null when there is nothing to move: it is moved, written later, or deleted. */
interface Stretch {
  readonly runs: Map<string, Uint8Array | null>;
  bytes: number;
  throughSeq: number;
}

/** What one transaction moves. */
export interface Slice {
  readonly writes: readonly FramedVisibility[];
  /** The rows of the journal that are not needed after it. */
  readonly clears: number | undefined;
}

/** `written` counts groups of commits with rows of lists; the lists have all up to `moved`. */
export interface JournalState {
  readonly written: number;
  readonly moved: number;
  /** So much is there that it should be moved, whether somebody asks for lists or not. */
  readonly isDue: boolean;
}

const emptyStretch = (throughSeq: number): Stretch => ({ runs: new Map(), bytes: 0, throughSeq });

export class ListJournal {
  readonly #limits: JournalLimits;
  #append: StatementSync | undefined;
  #clear: StatementSync | undefined;
  /** Of the transaction that is open. */
  #batch: { readonly runId: string; readonly encoded: Uint8Array; readonly isRow: boolean }[] = [];
  #batchBytes = Buffer.alloc(0);
  /** Being moved, from the first run to the last. */
  #moving: Stretch | undefined;
  #newer = emptyStretch(0);
  #moved = 0;

  constructor(limits: JournalLimits) {
    this.#limits = limits;
  }

  /** What an earlier connection has left is what there is to move. */
  open(db: DatabaseSync): void {
    this.#append = db.prepare("INSERT INTO list_journal (seq, writes) VALUES (?, ?)");
    this.#clear = db.prepare("DELETE FROM list_journal WHERE seq <= ?");
    this.#moving = undefined;
    this.#newer = emptyStretch(this.#newer.throughSeq);
    const rows = readJournal(db);
    this.#moved = rows[0] === undefined ? this.#newer.throughSeq : rows[0].seq - 1;
    for (const { seq, writes, bytes } of rows) {
      for (const [runId, encoded] of writes) this.#newer.runs.set(runId, encoded);
      this.#newer.bytes += bytes;
      this.#newer.throughSeq = Math.max(this.#newer.throughSeq, seq);
    }
  }

  get state(): JournalState {
    const isDue = this.#moving !== undefined || this.#isOver(this.#limits.runsDue, this.#limits.bytesDue);
    return { written: this.#newer.throughSeq, moved: this.#moved, isDue };
  }

  get isFull(): boolean {
    return this.#isOver(this.#limits.runsMax, this.#limits.bytesMax);
  }

  add({ runId, encoded }: FramedVisibility): void {
    this.#batch.push({ runId, encoded, isRow: true });
  }

  /** The run's row is deleted from the lists by the same transaction. */
  delete(runId: string): void {
    const isNamed = this.#batch.length > 0 || this.#newer.runs.has(runId) || this.#moving?.runs.has(runId);
    if (isNamed) this.#batch.push({ runId, encoded: encodedDeletion(runId), isRow: false }); // J2
  }

  /** For `undo`: what has been added since is forgotten. */
  get batchLength(): number {
    return this.#batch.length;
  }

  undo(batchLength: number): void {
    this.#batch.length = batchLength;
  }

  rolledBack(): void {
    this.#batch = [];
  }

  /** Within the transaction: the last thing before it is committed. */
  write(): void {
    if (this.#batch.length === 0) return;
    // A copy, too: what was added lives in a buffer that is filled again.
    this.#batchBytes = Buffer.concat(this.#batch.map(({ encoded }) => encoded));
    this.#append?.run(this.#newer.throughSeq + 1, this.#batchBytes);
  }

  written(): void {
    if (this.#batch.length === 0) return;
    let at = 0;
    for (const { runId, encoded, isRow } of this.#batch) {
      const end = at + encoded.byteLength;
      this.#newer.runs.set(runId, isRow ? this.#batchBytes.subarray(at, end) : null);
      if (this.#moving?.runs.has(runId)) this.#moving.runs.set(runId, null);
      at = end;
    }
    this.#newer.bytes += at;
    this.#newer.throughSeq += 1;
    this.#batch = [];
  }

  /** What is to be moved next; undefined when the lists have everything. */
  slice(): Slice | undefined {
    if (this.#moving === undefined && this.#newer.throughSeq === this.#moved) return undefined;
    if (this.#moving === undefined) {
      this.#moving = this.#newer;
      this.#newer = emptyStretch(this.#moving.throughSeq);
    }
    const { runs, throughSeq } = this.#moving;
    const writes: FramedVisibility[] = [];
    let bytes = 0;
    for (const [runId, encoded] of runs) {
      if (encoded === null) continue;
      if (writes.length >= this.#limits.sliceRuns || bytes >= this.#limits.sliceBytes)
        return { writes, clears: undefined };
      writes.push({ table: "visibility", runId, encoded });
      bytes += encoded.byteLength;
    }
    return { writes, clears: throughSeq };
  }

  /** Everything that the lists lack. */
  all(): FramedVisibility[] {
    return [...(this.#moving?.runs ?? []), ...this.#newer.runs].flatMap(([runId, encoded]) =>
      encoded === null ? [] : [{ table: "visibility", runId, encoded } as const],
    );
  }

  /** Within the transaction that moves it. */
  clear({ clears }: Slice): void {
    if (clears !== undefined) this.#clear?.run(clears);
  }

  moved({ writes, clears }: Slice): void {
    for (const { runId } of writes) this.#moving?.runs.set(runId, null);
    if (clears === undefined) return;
    this.#moving = undefined;
    this.#moved = clears;
  }

  #isOver(runs: number, bytes: number): boolean {
    const { runs: moving, bytes: movingBytes } = this.#moving ?? { runs: new Map(), bytes: 0 };
    return this.#newer.runs.size + moving.size >= runs || this.#newer.bytes + movingBytes >= bytes;
  }
}

interface JournalRow {
  readonly seq: number;
  readonly bytes: number;
  readonly writes: readonly (readonly [runId: string, encoded: Uint8Array | null])[];
}

function readJournal(db: DatabaseSync): JournalRow[] {
  const rows = db.prepare("SELECT seq, writes FROM list_journal ORDER BY seq").all();
  return rows.map((row): JournalRow => {
    const seq = Number(row["seq"]);
    const bytes = row["writes"] as Uint8Array;
    try {
      return { seq, bytes: bytes.byteLength, writes: readWrites(bytes).map(journalWrite) };
    } catch (error) {
      throw new Error(`row ${seq} of list_journal is damaged (${error instanceof Error ? error.message : error})`);
    }
  });
}

function journalWrite(write: FramedWrite): JournalRow["writes"][number] {
  if (write.table === "visibility") return [write.runId, write.encoded];
  if (write.table === "deleteRun") return [write.runId, null];
  throw new Error(`a write of ${write.table}`);
}

/** The rows that lists do not show yet, by run, from a connection that only reads; null for runs that have been deleted. */
export function journalled(db: DatabaseSync): ReadonlyMap<string, Uint8Array | null> {
  return new Map(readJournal(db).flatMap(({ writes }) => writes));
}
