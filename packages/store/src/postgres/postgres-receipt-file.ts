/**
 * What this server was last told is committed, in a small file of its own, so that the one that is started after it finds out whether the database has gone back
 * in between (F4 of `postgres-primary.ts`).
 *
 * It is written with each commit, and never synced: it outlives the process, however that ends, and not the power of its machine. Whoever loses both that and a
 * primary whose standby lacked something is told nothing.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { StoreUnusable } from "../store.ts";

/** The last receipts of a writer, and when they were acknowledged. */
export interface Remembered {
  readonly writer: string;
  readonly acknowledged: readonly number[];
  readonly atMs: number;
}

/** Room for a writer's name and some numbers: each time the same bytes are written, so that the file is never half of two. */
const recordLength = 256;
/** Receipts are kept for a day (`postgres.ts`); the clocks of server and database may differ. */
const rememberedMsMax = 20 * 3_600_000;

export class ReceiptFile {
  readonly #path: string;
  readonly #file: number;
  /** Of the server before this one; null when there is none, or nothing can be said of it any more. */
  readonly before: Remembered | null;

  private constructor(path: string, file: number, before: Remembered | null) {
    this.#path = path;
    this.#file = file;
    this.before = before;
  }

  /** Throws `StoreUnusable` for what is no such file, or cannot be written. */
  static open(path: string, nowMs: number): ReceiptFile {
    try {
      const file = openSync(path, "a+", 0o600);
      closeSync(file);
      const before = readRecord(path);
      return new ReceiptFile(
        path,
        openSync(path, "r+"),
        before && nowMs - before.atMs < rememberedMsMax ? before : null,
      );
    } catch (error) {
      if (error instanceof StoreUnusable) throw error;
      throw new StoreUnusable(
        `${path} cannot keep receipts: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  write(record: Remembered): void {
    writeSync(
      this.#file,
      JSON.stringify(record)
        .padEnd(recordLength - 1)
        .concat("\n"),
      0,
    );
  }

  close(): void {
    closeSync(this.#file);
  }

  /** The loss has been said: who is started next goes on from what there is. */
  forget(): void {
    rmSync(this.#path, { force: true });
  }
}

function readRecord(path: string): Remembered | null {
  const text = readFileSync(path, "utf8").slice(0, recordLength);
  if (text === "") return null;
  const refused = new StoreUnusable(`${path} holds something else than the receipts of a server`);
  let record: Partial<Remembered>;
  try {
    record = JSON.parse(text) as Partial<Remembered>;
  } catch {
    throw refused;
  }
  const { writer, acknowledged, atMs } = record;
  const isWhole = typeof writer === "string" && typeof atMs === "number" && Array.isArray(acknowledged);
  if (!isWhole || !acknowledged.every(Number.isSafeInteger)) throw refused;
  return { writer, acknowledged, atMs };
}
