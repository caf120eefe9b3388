import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Gathering } from "./gathering.ts";

/** Answers a key with itself in capitals, when it is let. */
function scripted() {
  const asked: { readonly keys: readonly string[]; readonly answer: (error?: Error) => void }[] = [];
  const gathering = new Gathering<string, string>(
    (keys) =>
      new Promise((resolve, reject) => {
        const answer = (error?: Error) => (error ? reject(error) : resolve(keys.map((key) => key.toUpperCase())));
        asked.push({ keys, answer });
      }),
  );
  return { asked, gathering };
}

test("calls of one turn share a statement, and each gets its own", async () => {
  const { asked, gathering } = scripted();
  const loads = Promise.all([gathering.load(["a", "b"]), gathering.load([]), gathering.load(["c"])]);
  await turn();
  assert.deepEqual(
    asked.map(({ keys }) => keys),
    [["a", "b", "c"]],
  );
  asked[0]!.answer();
  assert.deepEqual(await loads, [["A", "B"], [], ["C"]]);
});

test("what is asked while two statements are under way goes with the next, in statements of a bounded size", async () => {
  const { asked, gathering } = scripted();
  const first = gathering.load(["a"]);
  await turn();
  const second = gathering.load(["b"]);
  await turn();
  const many = Array.from({ length: 150 }, (_, i) => `k${i}`);
  const later = [gathering.load(["c"]), gathering.load(many), gathering.load(many), gathering.load(["d"])];
  await turn();
  assert.equal(asked.length, 2);
  asked[1]!.answer();
  assert.deepEqual(await second, ["B"]);
  await turn();
  assert.deepEqual(asked[2]?.keys, ["c", ...many]);
  asked[0]!.answer();
  assert.deepEqual(await first, ["A"]);
  await turn();
  assert.deepEqual(asked[3]?.keys, [...many, "d"]);
  asked[2]!.answer();
  asked[3]!.answer();
  assert.deepEqual(
    (await Promise.all(later)).map(({ length }) => length),
    [1, 150, 150, 1],
  );
});

test("a call that cannot be answered fails alone", async () => {
  const { asked, gathering } = scripted();
  const [good, bad] = [gathering.load(["a"]), gathering.load(["b"])];
  const failed = assert.rejects(bad, /too large/);
  await turn();
  asked[0]!.answer(new Error("too large"));
  await turn();
  assert.deepEqual(asked[1]?.keys, ["a"]);
  asked[1]!.answer();
  assert.deepEqual(await good, ["A"]);
  await turn();
  asked[2]!.answer(new Error("too large"));
  await failed;
});
