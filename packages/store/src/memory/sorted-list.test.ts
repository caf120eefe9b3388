import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SortedList } from "./sorted-list.ts";

const seed = process.env["SEED"] ? Number(process.env["SEED"]) : 20_260;

test(`a sorted list is a sorted set, from any position on (SEED=${seed})`, () => {
  const value = fc.nat({ max: 5_000 });
  const property = fc.property(
    fc.array(value, { minLength: 1_000, maxLength: 4_000, size: "max" }),
    fc.array(value, { maxLength: 2_000, size: "max" }),
    value,
    (added, deleted, position) => {
      const list = new SortedList<number>((a, b) => a - b);
      for (const one of added) list.add(one);
      for (const one of deleted) list.delete(one);
      const left = new Set(added);
      for (const one of deleted) left.delete(one);
      const expected = [...left].sort((a, b) => a - b);
      assert.deepEqual([...list.after()], expected);
      assert.deepEqual(
        [...list.after(position)],
        expected.filter((one) => one > position),
      );
    },
  );
  fc.assert(property, { seed, numRuns: 30 });
});

test("a sorted list can be emptied and filled again", () => {
  const list = new SortedList<number>((a, b) => a - b);
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual([...list.after()], []);
    assert.deepEqual([...list.after(3)], []);
    for (let i = 2_000; i > 0; i -= 1) list.add(i);
    assert.equal([...list.after()].length, 2_000);
    for (let i = 2_000; i > 0; i -= 1) list.delete(i);
  }
});
