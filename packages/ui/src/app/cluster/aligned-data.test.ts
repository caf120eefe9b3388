import assert from "node:assert/strict";
import { test } from "node:test";
import { alignedData } from "./aligned-data.ts";

test("lines share their times, the newest of them, with gaps where one says nothing", () => {
  const line = (name: string, ...points: readonly (readonly [number, number | undefined])[]) => ({
    name,
    points: points.map(([atMs, value]) => ({ atMs, value })),
  });
  const lines = [line("a", [1_000, 1], [3_000, 3], [4_000, 0]), line("b", [2_000, 5], [3_000, undefined])];
  assert.deepEqual(alignedData(lines, 2_000), [
    [2, 3, 4],
    [null, 3, 0],
    [5, null, null],
  ]);
  assert.deepEqual(alignedData([line("none")], 2_000), [[], []]);
});
