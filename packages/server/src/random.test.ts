import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom, systemRandom } from "./random.ts";

const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

for (const [name, random] of [
  ["system", systemRandom],
  ["seeded", seededRandom(7)],
] as const satisfies [string, Random][]) {
  test(`${name} ids are version 4 UUIDs and none repeats`, () => {
    const ids = Array.from({ length: 10_000 }, () => random.uuid());
    for (const id of ids) assert.match(id, uuidV4);
    assert.equal(new Set(ids).size, ids.length);
  });

  test(`${name} fractions fill 0 to 1 evenly and never reach 1`, () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const fraction = random.fraction();
      assert.ok(fraction >= 0 && fraction < 1, String(fraction));
      tenths[Math.floor(fraction * 10)]!++;
    }
    for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 600, String(tenths));
  });
}

test("one seed gives one sequence, another seed another", () => {
  const draw = (seed: number): unknown[] => {
    const random = seededRandom(seed);
    return [random.uuid(), random.fraction(), random.uuid()];
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

test("ordered ids are UUIDs of version 7, sort by their time, and differ within one millisecond", () => {
  for (const random of [systemRandom, seededRandom(3)]) {
    const ids = [1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000].map((nowMs) => random.orderedUuid(nowMs));
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepEqual([...ids].sort(), ids);
    assert.equal(new Set(Array.from({ length: 1_000 }, () => random.orderedUuid(1_700_000_000_000))).size, 1_000);
  }
});
