import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

const loopTurn = () => new Promise((resolve) => setImmediate(resolve));

test("who asks for many lists waits for itself, and the others for no more than is being read", async () => {
  const turns = new Turns(2);
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  const ask = (namespaceId: string, name: string) =>
    turns.take(namespaceId, () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const all = [1, 2, 3, 4, 5].map((number) => ask("flood", `flood ${number}`));
  all.push(ask("calm", "calm 1"), ask("calm", "calm 2"), ask("other", "other 1"));
  for (let at = 0; at < all.length; at++) {
    ends[at]!();
    await loopTurn();
    await loopTurn();
  }
  await Promise.all(all);
  assert.deepEqual(begun, ["flood 1", "flood 2", "flood 3", "calm 1", "other 1", "flood 4", "calm 2", "flood 5"]);
});

test("one that fails gives its turn to the next", async () => {
  const turns = new Turns(1);
  const failing = turns.take("a", () => Promise.reject(new Error("broken")));
  const next = turns.take("a", async () => "read");
  await assert.rejects(failing, /broken/);
  assert.equal(await next, "read");
  assert.equal(await turns.take("b", async () => "again"), "again");
});

test("between two of one line everything else has its turn", async () => {
  const turns = new Turns(1);
  const seen: string[] = [];
  setImmediate(() => seen.push("something else"));
  await Promise.all(["first", "second"].map((name) => turns.take("a", async () => seen.push(name))));
  assert.deepEqual(seen, ["first", "something else", "second"]);
});
