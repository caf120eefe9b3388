import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom, seedOf, streamSeedOf, uuidFrom } from "./random.ts";

/** Ids that workers of the official TypeScript SDK 1.24 have given to children, by the runs that began them. */
const drawnByOfficialSdk = {
  "01a1fe94-56e8-7e93-aecd-26148645bdc9": "3c17afb1-97c5-41e9-b99d-f963dc19fb4d",
};

test("a run draws what it drew in a worker of the official SDK", () => {
  for (const [runId, uuid] of Object.entries(drawnByOfficialSdk)) {
    assert.equal(uuidFrom(seededRandom(() => seedOf(runId))), uuid);
  }
});

test("texts of every length have seeds of their own, and one text always the same", () => {
  const texts = Array.from({ length: 40 }, (_, length) => "x".repeat(length));
  assert.equal(new Set(texts.map((text) => seedOf(text).join())).size, texts.length);
  for (const text of texts) assert.deepEqual(seedOf(text), seedOf(text));
});

test("streams differ by their names and by their run, and repeat", () => {
  const first = (runId: string, name: string) => seededRandom(() => streamSeedOf(seedOf(runId), name))();
  const numbers = [first("a", "one"), first("a", "two"), first("b", "one"), seededRandom(() => seedOf("a"))()];
  assert.equal(new Set(numbers).size, 4);
  assert.equal(first("a", "one"), numbers[0]);
});

test("numbers lie from 0 up to 1 and spread evenly, and UUIDs are of version 4", () => {
  const random = seededRandom(() => seedOf("spread"));
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const value = random();
    assert.ok(value >= 0 && value < 1);
    tenths[Math.floor(value * 10)]!++;
  }
  for (const count of tenths) assert.ok(count > 850 && count < 1_150, `${tenths}`);
  for (let i = 0; i < 200; i++)
    assert.match(uuidFrom(random), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
