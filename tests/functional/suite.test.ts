import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomesOf } from "./suite.ts";

test("of tests with parts the parts count, and what never ended has failed", () => {
  const output = [
    "=== RUN   TestA",
    "=== RUN   TestA/one",
    "=== RUN   TestA/two",
    "=== RUN   TestA/two/half",
    "    --- PASS: TestA/one (0.01s)",
    "    --- FAIL: TestA/two (0.02s)",
    "        --- SKIP: TestA/two/half (0.02s)",
    "--- FAIL: TestA (0.03s)",
    "=== RUN   TestB",
    "panic: the end",
  ].join("\n");
  assert.deepEqual(Object.fromEntries(outcomesOf(output)), {
    "TestA/one": "passed",
    "TestA/two": "failed",
    "TestA/two/half": "skipped",
    TestB: "failed",
  });
});
