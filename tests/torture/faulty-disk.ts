/** A disk that forgets what was not synced, or fails: a small C file, preloaded into the process whose files are on it (see disk.c). */
import { closeSync, existsSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LanguageMissing, type Prepared, prepare, run } from "../rig/toolchain.ts";

const source = join(import.meta.dirname, "disk.c");

/** The library to preload. Skipped where there is no C compiler, or no way to preload. */
export function prepareDisk(): Promise<Prepared<string>> {
  return prepare({
    name: "disk",
    pins: [source],
    async fingerprint() {
      if (process.platform !== "linux")
        throw new LanguageMissing("files are watched by a preloaded library, on Linux only");
      return run("cc", ["--version"]);
    },
    async prepare(folder) {
      const warnings = ["-Wall", "-Wextra", "-Werror"];
      await run("cc", [
        "-O1",
        "-fPIC",
        "-shared",
        ...warnings,
        "-o",
        join(folder, "disk.so"),
        source,
        "-ldl",
        "-pthread",
      ]);
    },
    use: (folder) => join(folder, "disk.so"),
  });
}

export interface DiskOptions {
  /** Files below this folder are on the disk. */
  readonly files: string;
  /** An empty folder, for what a power cut takes back. */
  readonly undo?: string;
}

/** The variables of a process that has its files on such a disk. */
export function onDisk(library: string, { files, undo }: DiskOptions): Record<string, string> {
  return {
    LD_PRELOAD: library,
    PAWL_DISK_FILES: files,
    ...(undo !== undefined && { PAWL_DISK_UNDO: undo }),
  };
}

interface Note {
  readonly offset: number;
  readonly written: number;
  readonly sizeBefore: number;
  readonly replaced: Buffer;
}

/**
 * Takes back what was written since the last sync of each file: all of it, or, with `keeps`, what that does not keep (a disk may write in any
 * order). The process must have been killed. Returns how many writes were taken back.
 */
export function cutPower({ files, undo }: { files: string; undo: string }, keeps: () => boolean = () => false): number {
  let takenBack = 0;
  for (const name of readdirSync(undo)) {
    const path = join(files, name);
    if (!existsSync(path)) continue; // deleted since, which needed no sync of its own
    const file = openSync(path, "r+");
    let keptEnd = 0;
    for (const { offset, written, sizeBefore, replaced } of notesOf(join(undo, name)).toReversed()) {
      if (keeps()) {
        keptEnd = Math.max(keptEnd, offset + written);
        continue;
      }
      if (replaced.length > 0) writeSync(file, replaced, 0, replaced.length, offset);
      ftruncateSync(file, Math.max(sizeBefore, keptEnd));
      takenBack++;
    }
    closeSync(file);
  }
  return takenBack;
}

const headBytes = 32;

function notesOf(path: string): Note[] {
  const bytes = readFileSync(path);
  const notes: Note[] = [];
  for (let at = 0; at < bytes.length; ) {
    const field = (index: number) => Number(bytes.readBigUInt64LE(at + 8 * index));
    const replaced = bytes.subarray(at + headBytes, at + headBytes + field(3));
    notes.push({ offset: field(0), written: field(1), sizeBefore: field(2), replaced });
    at += headBytes + replaced.length;
  }
  return notes;
}
