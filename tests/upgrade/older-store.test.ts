/** A file that an older server has written is opened by today's, and all work in it goes on. The older servers are in the names of the files. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { mustBeSound } from "../rig/doctor.ts";
import { startPawl } from "../rig/server.ts";
import { closedId, countOf, end, memoOfCompleted, workflowIds } from "./unfinished.ts";

const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".db.gz"));

describe("a file of an older server", {
  skip: process.env["PAWL_TEST_DB_URL"] !== undefined && "is no database",
}, () => {
  test("there are some", () => assert.ok(files.length > 0));

  for (const file of files)
    test(`${file}: what it holds is there, and goes on to its end`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "pawl-upgrade-"));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const dbFilename = join(folder, "older.db");
      await writeFile(dbFilename, gunzipSync(await readFile(join(import.meta.dirname, file))));
      const server = await startPawl({ dbFilename });
      t.after(() => server.kill9());
      assert.equal(await countOf(server.address, "ExecutionStatus = 'Running'"), workflowIds.length);
      await end(server.address);
      for (const workflowId of [...workflowIds, closedId])
        assert.equal(await memoOfCompleted(server.address, workflowId), "kept");
      assert.equal(await countOf(server.address, "ExecutionStatus = 'Completed'"), workflowIds.length + 1);
      assert.equal(await server.stop(), 0);
      await mustBeSound(dbFilename);
    });
});
