import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { SqliteStore } from "../sqlite/sqlite.ts";
import { exerciseEquivalence } from "./conformance-equivalence.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-equivalence-"));
after(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
exerciseEquivalence("sqlite", () => {
  fileCount += 1;
  // So short that rows move to the lists at any point of the sequence.
  const journal = { runsDue: 3, runsMax: 6, sliceRuns: 1 };
  return SqliteStore.open({ filename: join(folder, `${fileCount}.db`), pragmas: { synchronous: "OFF" }, journal });
});
