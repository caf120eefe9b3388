import assert from "node:assert/strict";
import { test } from "node:test";
import { exerciseStore } from "../conformance/conformance.ts";
import { historyWrite, runWrite, wholeHistory } from "../conformance/conformance-samples.ts";
import { MemoryStore } from "../memory/memory.ts";
import { SpreadStore } from "./spread.ts";

exerciseStore("spread", async () => new SpreadStore([new MemoryStore(), new MemoryStore(), new MemoryStore()]), {
  isSpread: true,
});

test("each shard is in one of the stores, and is found whether or not the caller names it", async () => {
  const stores = [new MemoryStore(), new MemoryStore()];
  const spread = new SpreadStore(stores);
  for (const shardId of [0, 1, 2, 3]) {
    const lease = await spread.acquire(shardId, "me");
    await spread.commit(lease, [runWrite(`of ${shardId}`), historyWrite(`of ${shardId}`, 1, 3)]);
  }
  const ids = ["of 0", "of 1", "of 2", "of 3"];
  const lying = await Promise.all(stores.map((store) => store.loadRuns(ids)));
  assert.deepEqual(
    lying.map((runs) => runs.map((run) => run !== null)),
    [
      [true, false, true, false],
      [false, true, false, true],
    ],
  );
  assert.ok((await spread.loadRuns(ids)).every((run) => run !== null));
  assert.deepEqual(
    (await spread.loadRuns(ids, 3)).map((run) => run !== null),
    [false, true, false, true],
  );
  // By a store that has met none of them, too.
  for (const store of [spread, new SpreadStore(stores)])
    for (const id of ids) assert.equal((await store.readHistory(id, wholeHistory)).length, 1);
  assert.deepEqual(await spread.readHistory("nowhere", wholeHistory), []);
});

test("a commit is of one store: settings do not go with a shard that lies elsewhere", async () => {
  const spread = new SpreadStore([new MemoryStore(), new MemoryStore()]);
  const lease = await spread.acquire(1, "me");
  const setting = { table: "setting", name: "s", bytes: new Uint8Array(1) } as const;
  await assert.rejects(spread.commit(lease, [runWrite("r"), setting]), /commits of their own/);
  assert.deepEqual([await spread.setting("s"), await spread.loadRuns(["r"])], [null, [null]]);
});
