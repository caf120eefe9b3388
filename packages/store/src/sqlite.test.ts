import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { exerciseStore } from "./conformance.ts";
import { SqliteStore } from "./sqlite.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-store-"));
after(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
exerciseStore("sqlite", () => {
  fileCount += 1;
  return SqliteStore.open({ filename: join(folder, `${fileCount}.db`) });
});
