/** Types and lint are part of the tests, so that CI needs one command. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function runTool(tool: "tsc" | "biome", args: readonly string[]): { exitCode: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync(`${root}node_modules/.bin/${tool}`, args, {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (error) throw error;
  return { exitCode: status, output: `\n${stdout}${stderr}` };
}

test("every TypeScript file passes the type check", () => {
  const { exitCode, output } = runTool("tsc", ["-p", "tsconfig.json", "--pretty", "false"]);
  assert.equal(exitCode, 0, output);
});

test("every file of the web UI passes the type check, which knows browsers", () => {
  const { exitCode, output } = runTool("tsc", ["-p", "packages/ui", "--pretty", "false"]);
  assert.equal(exitCode, 0, output);
});

test("every file passes Biome's rules and is formatted", () => {
  const { exitCode, output } = runTool("biome", ["check", "--error-on-warnings", "--colors=off", "."]);
  assert.equal(exitCode, 0, output);
});
