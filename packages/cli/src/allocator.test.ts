import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const pawl = fileURLToPath(new URL("../bin/pawl.cjs", import.meta.url));
const flag = "--max-semi-space-size=";

async function started(t: TestContext, flags: readonly string[], env: Record<string, string>): Promise<ChildProcess> {
  const server = ["server", "--port", "0", "--headless", "--log-level", "error"];
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, [...flags, pawl, ...server], {
    stdio: [...stdio],
    env: { ...plain(), ...env },
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = await once(createInterface(child.stdout!), "line");
  assert.match(String(line), /^Pawl is ready/);
  return child;
}

/** The environment of this test without what another server may have put there. */
function plain(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("MALLOC_")));
}

function processFile({ pid }: ChildProcess, name: string): string[] {
  return readFileSync(`/proc/${pid}/${name}`, "utf8").split("\0");
}

describe("the memory of a server's process", { skip: process.platform !== "linux" && "it needs /proc" }, () => {
  test("a server that is started plainly gets its flags and variables, in the process that was started", async (t) => {
    const server = await started(t, [], {});
    assert.equal(processFile(server, "cmdline").filter((each) => each.startsWith(flag)).length, 1);
    assert.ok(processFile(server, "environ").includes("MALLOC_ARENA_MAX=1"));
    server.kill("SIGTERM");
    assert.deepEqual(await once(server, "exit"), [0, null]);
  });

  test("what the command line says of its memory comes last, and so holds", async (t) => {
    const server = await started(t, [`${flag}32`], {});
    assert.equal(
      processFile(server, "cmdline").findLast((each) => each.startsWith(flag)),
      `${flag}32`,
    );
  });

  test("an environment that has the variables already is left as it is", async (t) => {
    const server = await started(t, [], { MALLOC_ARENA_MAX: "4" });
    assert.deepEqual(
      processFile(server, "cmdline").filter((each) => each.startsWith(flag)),
      [],
    );
    assert.ok(processFile(server, "environ").includes("MALLOC_ARENA_MAX=4"));
  });
});
