import assert from "node:assert/strict";
import { test } from "node:test";
import { progressOf } from "./progress.ts";

test("progress is read from the ways in which activities say it", () => {
  const table = [
    [{ done: 3, total: 12 }, 0.25, "3 of 12"],
    [{ processed: 50, count: 40 }, 1, "50 of 40"],
    [{ percent: 75.2 }, 0.752, "75 %"],
    [{ progress: 0.5 }, 0.5, "50 %"],
  ] as const;
  for (const [details, share, label] of table) assert.deepEqual(progressOf([details]), { share, label });
});

test("what is no progress is none", () => {
  for (const details of [
    undefined,
    [],
    [7],
    [null],
    ["half"],
    [{ progress: 50 }],
    [{ done: "3", total: 4 }],
    [{ total: 4 }],
    [{ done: 1, total: 0 }],
  ])
    assert.equal(progressOf(details), undefined);
});
