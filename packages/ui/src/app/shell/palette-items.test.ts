import assert from "node:assert/strict";
import { test } from "node:test";
import { matching, type PaletteItem, shownMax } from "./palette-items.ts";

function item(label: string, group = "Page"): PaletteItem {
  return { id: label, label, group, run: () => {} };
}

test("what begins with the typed words comes first, then words that do, then the rest", () => {
  const items = ["Schedules", "Task queues", "Batch operations", "Cluster", "Last hour"].map((label) => item(label));
  const labels = (typed: string) => matching(items, typed).map(({ label }) => label);
  assert.deepEqual(labels("las"), ["Last hour"]);
  assert.deepEqual(labels("TASK"), ["Task queues"]);
  assert.deepEqual(labels("o"), ["Batch operations", "Last hour"]);
  assert.deepEqual(labels("queues task"), ["Task queues"]);
  assert.deepEqual(labels("page clu"), ["Cluster"]);
  assert.deepEqual(labels("nothing"), []);
  assert.deepEqual(labels(""), ["Schedules", "Task queues", "Batch operations", "Cluster", "Last hour"]);
});

test("no more are shown than fit", () => {
  assert.equal(
    matching(
      Array.from({ length: 50 }, (_, at) => item(`Item ${at}`)),
      "item",
    ).length,
    shownMax,
  );
});
