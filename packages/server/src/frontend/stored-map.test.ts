import assert from "node:assert/strict";
import { test } from "node:test";
import { Rejection } from "@pawl/engine";
import { CommitUnknown, MemoryStore, type Store } from "@pawl/store";
import { StoredMap } from "./stored-map.ts";

const number = {
  encode: (value: number) => new TextEncoder().encode(String(value)),
  decode: (bytes: Uint8Array) => Number(new TextDecoder().decode(bytes)),
};
const load = (store: Store, name = "numbers") => StoredMap.load(store, name, number);
const increment = (before = 0) => before + 1;

test("what was changed is there at once, and after a restart", async () => {
  const store = new MemoryStore();
  const map = await load(store);
  assert.equal(await map.change("a", () => 1), 1);
  assert.equal(await map.change("b", () => 2), 2);
  assert.equal(await map.change("a", () => undefined), undefined);
  assert.deepEqual([...map.entries()], [["b", 2]]);
  const again = await load(store);
  assert.deepEqual([again.size, again.get("a"), again.get("b")], [1, undefined, 2]);
  assert.equal((await load(store, "number")).size, 0);
});

test("a refused change changes nothing", async () => {
  const store = new MemoryStore();
  const map = await load(store);
  const refusal = new Rejection("NOT_FOUND", "no");
  assert.equal(await map.change("a", () => refusal), refusal);
  assert.deepEqual(await store.settings(""), []);
  assert.equal(await map.change("a", increment), 1);
});

test("changes at once are made one after the other", async () => {
  const map = await load(new MemoryStore({ latency: () => new Promise((resolve) => setImmediate(resolve)) }));
  await Promise.all(Array.from({ length: 20 }, () => map.change("a", increment)));
  assert.equal(map.get("a"), 20);
});

test("two nodes do not overwrite each other", async () => {
  const store = new MemoryStore({ latency: () => new Promise((resolve) => setImmediate(resolve)) });
  const nodes = [await load(store), await load(store)];
  await Promise.all(Array.from({ length: 20 }, (_, i) => nodes[i % 2]!.change("a", increment)));
  assert.equal((await load(store)).get("a"), 20);
});

test("after a commit of unknown outcome the store is asked what became of it", async () => {
  for (const isWritten of [true, false]) {
    const store = new MemoryStore();
    let isFailing = true;
    const commit: Store["commit"] = async (lease, writes) => {
      if (isFailing && !isWritten) throw new CommitUnknown("lost");
      await store.commit(lease, writes);
      if (isFailing) throw new CommitUnknown("written");
    };
    const map = await load(
      new Proxy(store, { get: (of, name) => (name === "commit" ? commit : Reflect.get(of, name).bind(of)) }),
    );
    await assert.rejects(map.change("a", increment), CommitUnknown);
    assert.equal(map.get("a"), undefined);
    isFailing = false;
    assert.equal(await map.change("a", increment), isWritten ? 2 : 1);
  }
});
