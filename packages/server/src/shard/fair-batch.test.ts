import assert from "node:assert/strict";
import { test } from "node:test";
import { takeBatch } from "./fair-batch.ts";

const entry = (namespaceId: string, number: number) => ({ key: { namespaceId }, number });
const shown = (entries: readonly { key: { namespaceId: string }; number: number }[]) =>
  entries.map(({ key, number }) => `${key.namespaceId}${number}`).join(" ");

test("all that fits is taken, in the order in which it came", () => {
  const inbox = [entry("a", 1), entry("b", 1), entry("a", 2)];
  assert.equal(shown(takeBatch(inbox, 3)), "a1 b1 a2");
  assert.deepEqual(inbox, []);
});

test("a namespace that floods the inbox keeps its own waiting, and every order stays", () => {
  const inbox = [...Array.from({ length: 8 }, (_, at) => entry("a", at)), entry("b", 0), entry("c", 0), entry("b", 1)];
  assert.equal(shown(takeBatch(inbox, 4)), "a0 a1 b0 c0", "in turns, and each keeps its place");
  assert.equal(shown(takeBatch(inbox, 4)), "a2 a3 a4 b1");
  assert.equal(shown(takeBatch(inbox, 4)), "a5 a6 a7");
});

test("one namespace alone is served in its order", () => {
  const inbox = Array.from({ length: 5 }, (_, at) => entry("a", at));
  assert.equal(shown(takeBatch(inbox, 2)), "a0 a1");
  assert.equal(shown(inbox), "a2 a3 a4");
});
