/** What is compiled of the command is kept in the user's folder of caches, and it goes without. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { repository } from "../rig/toolchain.ts";

const pawl = join(repository, "packages/cli/bin/pawl.cjs");
const folder = await mkdtemp(join(tmpdir(), "caches-"));
after(() => rm(folder, { recursive: true, force: true }));

function version(cacheHome: string): string {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  return execFileSync(process.execPath, [pawl, "--version"], {
    env: { ...env, XDG_CACHE_HOME: cacheHome },
    encoding: "utf8",
    timeout: 60_000,
  });
}

test("the command leaves what it has compiled for the next time", async () => {
  version(folder);
  assert.equal((await readdir(join(folder, "pawl", "compiled"))).length, 1);
});

test("where nothing can be kept, the command does without", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  // In the last of them each name is missing, and none can be made.
  for (const cacheHome of [file, join(folder, "not", "there"), "/proc/not-there"])
    assert.match(version(cacheHome), /^pawl /);
});
