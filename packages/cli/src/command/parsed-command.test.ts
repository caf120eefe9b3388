import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommand } from "./parsed-command.ts";

test("a command line is read as it would be run, and nothing is done", async () => {
  const { path, flags } = await parseCommand(["workflow", "signal", "-w", "w", "--name", "approve", "--input", "1"]);
  assert.equal(path, "workflow signal");
  assert.deepEqual([flags["workflowId"], flags["name"], flags["input"]], ["w", "approve", ["1"]]);
});

for (const [line, yes] of [
  ["workflow terminate w", false],
  ["workflow terminate w --yes", true],
  ["workflow terminate w --yes=true", true],
  ["workflow terminate w --yes=false", false],
  ["workflow terminate w --yes --yes=false", false],
  // Of the command below.
  ["workflow reset with-workflow-update-options w --versioning-override-behavior auto_upgrade --yes=true", true],
] as const)
  test(`a switch may have a word: ${line}`, async () => {
    assert.equal((await parseCommand(line.split(" "))).flags["yes"], yes);
  });

for (const [line, refusal] of [
  ["workflow terminate w --yes=perhaps", /unknown option/],
  ["workflow sing", /unknown command/],
  ["workflow signal --name approve --loudly", /unknown option/],
  ["schedule delete", /needs -s, --schedule-id/],
  ["schedule backfill -s s --start-time noon --end-time 2030-01-01", /A time is written like/],
  ["", /no command|usage|outputHelp/],
] as const)
  test(`what the parser refuses is thrown: ${line || "nothing"}`, async () => {
    await assert.rejects(parseCommand(line.split(" ").filter((word) => word !== "")), (error: Error) =>
      refusal.test(`${error.message} ${"code" in error ? String(error.code) : ""}`),
    );
  });
