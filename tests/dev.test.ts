import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { repository } from "./rig/toolchain.ts";

const main = join(repository, "packages/cli/src/main.ts");
const demo = join(repository, "examples/demo.ts");

/** Runs `pawl dev` until it prints a line that matches, presses Ctrl-C, and gives all lines and the exit code. */
async function devUntil(folder: string, pattern: RegExp): Promise<{ lines: string[]; code: number | null }> {
  const args = [main, "dev", "--port", "0", "--db-filename", join(folder, "state/pawl.db"), "--with", demo];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit") as Promise<[number | null]>;
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (pattern.test(line)) child.kill("SIGINT");
  }
  return { lines, code: (await exit)[0] };
}

test("pawl dev shows a workflow complete, ends cleanly on Ctrl-C, and remembers it the next time", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dev-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const first = await devUntil(folder, /demo-order-1 completed/);
  assert.equal(first.code, 0);
  assert.match(
    first.lines[0]!,
    /^Pawl is ready on 127\.0\.0\.1:\d+ \(state in .*pawl\.db\); HTTP on http:\/\/127\.0\.0\.1:\d+; web UI on http:\/\/127\.0\.0\.1:\d+$/,
  );
  const second = await devUntil(folder, /orders were placed before/);
  assert.equal(second.code, 0);
  assert(
    second.lines.some((line) => /1 orders? (was|were) placed before/.test(line)),
    second.lines.join("\n"),
  );
});

test("a program that cannot be run is named, before anything is left behind", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dev-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const empty = join(folder, "empty.mjs");
  writeFileSync(empty, "export const nothing = 1;");
  for (const file of [join(folder, "missing.mjs"), empty]) {
    const args = [main, "dev", "--port", "0", "--db-filename", join(folder, "a.db"), "--with", file];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(status, 2);
    assert(stderr.includes(file) && !stderr.includes("    at "), stderr);
  }
});
