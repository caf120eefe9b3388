import assert from "node:assert/strict";
import { test } from "node:test";
import { withDescendants } from "./process-tree.ts";
import { inOrder, selected } from "./test-files.ts";

const shuffled = [
  "tests/torture/kill.test.ts",
  "tests/compat/go.test.ts",
  "packages/store/src/sqlite/sqlite.test.ts",
  "tests/stories/retry.test.ts",
  "tools/tidy.test.ts",
  "tests/upgrade/schema.test.ts",
  "packages/engine/src/workflow/timer.test.ts",
];

test("tools and units come first, then stories, then what is not named, then compat and torture", () => {
  assert.deepEqual(
    inOrder(shuffled).map(({ path }) => path),
    [
      "tools/tidy.test.ts",
      "packages/engine/src/workflow/timer.test.ts",
      "packages/store/src/sqlite/sqlite.test.ts",
      "tests/stories/retry.test.ts",
      "tests/upgrade/schema.test.ts",
      "tests/compat/go.test.ts",
      "tests/torture/kill.test.ts",
    ],
  );
});

test("files below tests/ run alone, after all that may run side by side", () => {
  const alone = inOrder(shuffled).map(({ startsProcesses }) => startsProcesses);
  assert.deepEqual(alone, [false, false, false, true, true, true, true]);
});

test("a selection is any part of a path; none selects everything", () => {
  const paths = (...wanted: string[]) => selected(inOrder(shuffled), wanted).map(({ path }) => path);
  assert.deepEqual(paths("tests/compat"), ["tests/compat/go.test.ts"]);
  assert.deepEqual(paths("./tools/tidy.test.ts", "torture"), ["tools/tidy.test.ts", "tests/torture/kill.test.ts"]);
  assert.equal(paths().length, shuffled.length);
  assert.deepEqual(paths("nowhere"), []);
});

test("all that a process has started is found, parents first, and nothing else", () => {
  const process = (pid: number, parentPid: number) => ({ pid, parentPid });
  const [init, shell, server, worker, stranger] = [
    process(1, 0),
    process(10, 1),
    process(12, 10),
    process(11, 12),
    process(13, 1),
  ];
  assert.deepEqual(withDescendants([shell], [worker, server, stranger, init, shell]), [shell, server, worker]);
});
