import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { DefaultLogger } from "./logger.ts";

test("a line has errors of any realm with their texts, and what JSON has no form for costs its field alone", (t) => {
  const { mock } = t.mock.method(console, "error", () => {});
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const error = runInNewContext("new TypeError('elsewhere')");
  new DefaultLogger().warn("told", { order: 7, circle, error });
  const [line] = mock.calls.map(({ arguments: [text] }) => String(text));
  assert.match(line!, /\[WARN\] told \{"order":7,"circle":"\(Converting circular.*","error":"TypeError: elsewhere\\n/);
});
