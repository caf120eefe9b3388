import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { member, Output, words } from "./output.ts";
import { hasColors, paint, printable, progressLine } from "./terminal.ts";
import { durationText, timeText } from "./time-text.ts";

test("times as one asks for them", () => {
  const time = "2030-01-01T00:00:10Z";
  const nowMs = Date.parse("2030-01-01T00:00:20Z");
  assert.equal(timeText(time, "relative", nowMs), "10s ago");
  assert.equal(timeText(time, "iso", nowMs), "2030-01-01T00:00:10.000Z");
  assert.equal(timeText(time, "raw", nowMs), time);
  assert.equal(durationText("5400s"), "1h 30m");
});

test("members are found by their paths, also names with dots", () => {
  const value = { execution: { workflowId: "w" }, indexedFields: { "a.b": 1 } };
  assert.equal(member(value, "execution.workflowId"), "w");
  assert.equal(member(value, "indexedFields.a.b"), 1);
  assert.equal(member(value, "execution.toString"), undefined);
  assert.equal(words("WORKFLOW_EXECUTION_STATUS_TIMED_OUT", "WORKFLOW_EXECUTION_STATUS_"), "TimedOut");
});

test("fields show payloads as what they hold, and search attributes by their names", async () => {
  const payload = (text: string, encoding = "json/plain") => ({
    metadata: { encoding: btoa(encoding), type: btoa("Keyword") },
    data: btoa(text),
  });
  const other = payload("x", "binary/plain");
  const fields = { Customer: payload('"Ada"'), Tags: payload('["a","b"]'), Id: payload('"hidden"'), other };
  const narrowed = async (value: object) => {
    let text = "";
    const stream = { write: (more: string) => (text += more) } as unknown as NodeJS.WriteStream;
    const flags = { output: "json", fields: "Id,Customer,Tags,other,Missing" };
    new Output(flags as never, stream).thing([{ heading: "Id", path: "id" }], { id: "1", ...value });
    return JSON.parse(text);
  };
  const shown = { Id: "1", Customer: "Ada", Tags: ["a", "b"], other, Missing: null };
  const searchAttributes = { indexedFields: fields };
  assert.deepEqual(await narrowed({ searchAttributes }), shown);
  assert.deepEqual(await narrowed({ info: { searchAttributes } }), shown);
  assert.deepEqual(await narrowed({ workflowExecutionInfo: { searchAttributes } }), shown);
});

describe("a terminal", () => {
  test("has colours unless it is told otherwise", () => {
    const tty = { isTTY: true };
    for (const [choice, stream, environment, expected] of [
      ["auto", tty, {}, true],
      ["auto", tty, { NO_COLOR: "1" }, false],
      ["auto", tty, { TERM: "dumb" }, false],
      ["auto", {}, {}, false],
      ["auto", {}, { FORCE_COLOR: "1" }, true],
      ["always", {}, { NO_COLOR: "1" }, true],
      ["never", tty, {}, false],
    ] as const)
      assert.equal(
        hasColors(choice, stream, environment as NodeJS.ProcessEnv),
        expected,
        JSON.stringify([choice, stream, environment]),
      );
    assert.equal(paint("x", "red", true), "\u001b[31mx\u001b[0m");
  });

  test("gets no orders from what a server sends", () => {
    assert.equal(printable("a\u001b[31mb\u0007\tc\n\u202e"), "a\ufffd[31mb\ufffd\tc\n\ufffd");
  });

  test("is shown a row for each thing, and no orders, whatever things are called", async () => {
    const id = "a\n\u001b[8mCompleted  b\u009b2J";
    const columns = [{ heading: "Id", path: "id" }];
    const shown = async (format: "text" | "json" | "jsonl", show: (output: Output) => unknown) => {
      let text = "";
      const stream = { write: (more: string) => (text += more) } as unknown as NodeJS.WriteStream;
      await show(new Output({ output: format, color: "always" } as never, stream));
      return text;
    };
    const list = (output: Output) => output.list(columns, [[{ id }]] as never);
    const cell = "a↵\ufffd[8mCompleted  b\ufffd2J";
    assert.deepEqual((await shown("text", list)).trimEnd().split("\n").slice(1), [cell]);
    assert.equal((await shown("text", (output) => output.facts(columns, { id }))).split("\n").length, 2);
    assert.equal(
      await shown("text", (output) => output.say(`${output.paint("x", "red")}${id}`)),
      `\u001b[31mx\u001b[0m${printable(id)}\n`,
    );
    for (const format of ["json", "jsonl"] as const) {
      const json = await shown(format, list);
      assert.equal(printable(json), json);
      assert.deepEqual([JSON.parse(json)].flat(), [{ id }]);
    }
  });

  test("has a bar", () => {
    assert.equal(progressLine(1, 2, "done"), `${"█".repeat(15)}${"░".repeat(15)} 50% 1/2 done`);
    assert.match(progressLine(0, 0, "done"), /^░{30} 0% 0\/0 done$/);
  });
});
