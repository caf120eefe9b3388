import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { exerciseStore } from "../conformance/conformance.ts";
import { runWrite } from "../conformance/conformance-samples.ts";
import { CommitUnknown, LeaseLost, StoreFull } from "../store.ts";
import { type CommitFault, MemoryStore } from "./memory.ts";

exerciseStore("memory", async () => new MemoryStore());
// Every commit waits for two turns of the event loop.
exerciseStore(
  "slow memory",
  async () => new MemoryStore({ latency: () => new Promise((resolve) => setImmediate(resolve)) }),
);

describe("faults of the memory store", () => {
  const isThere = async (store: MemoryStore, runId: string) => (await store.loadRuns([runId]))[0] !== null;

  test("the next commit under a lease fails as asked, the one after it does not", async () => {
    const cases: [CommitFault, new (...values: never[]) => Error, applied: boolean][] = [
      ["unknown-applied", CommitUnknown, true],
      ["unknown-lost", CommitUnknown, false],
      ["full", StoreFull, false],
    ];
    for (const [fault, error, applied] of cases) {
      const store = new MemoryStore();
      const lease = await store.acquire(1, "me");
      store.failNextCommit(fault);
      await store.commit(null, []);
      await assert.rejects(store.commit(lease, [runWrite("r")]), error);
      assert.equal(await isThere(store, "r"), applied, fault);
      await store.commit(lease, [runWrite("q")]);
    }
  });

  test("a lease that is made to be lost stays lost", async () => {
    const store = new MemoryStore();
    const lease = await store.acquire(1, "me");
    store.failNextCommit("lease-lost");
    await assert.rejects(store.commit(lease, [runWrite("r")]), LeaseLost);
    await assert.rejects(store.commit(lease, [runWrite("r")]), LeaseLost);
    assert.equal(await isThere(store, "r"), false);
    assert.deepEqual(await store.acquire(1, "me"), { shardId: 1, rangeId: 3 });
  });

  test("a crash loses what was not applied, keeps what was, and nobody hears that his commit succeeded", async () => {
    const phases: { phase: string; go: () => void }[] = [];
    const latency = (phase: "apply" | "answer") => new Promise<void>((resolve) => phases.push({ phase, go: resolve }));
    const store = new MemoryStore({ latency });
    // Each step lets one commit pass one phase, and waits until the store asks for the next.
    const step = async (phase: "apply" | "answer") => {
      while (phases.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const next = phases.shift();
      assert.equal(next?.phase, phase);
      next?.go();
    };
    const acquired = store.acquire(1, "me");
    await step("apply");
    await step("answer");
    const lease = await acquired;
    const commits = ["applied", "waiting"].map((runId) => store.commit(lease, [runWrite(runId)]));
    const outcomes = Promise.allSettled(commits);
    await step("apply");
    while (phases.length === 0) await new Promise((resolve) => setImmediate(resolve));
    store.crash();
    for (const outcome of await outcomes)
      assert.ok(outcome.status === "rejected" && outcome.reason instanceof CommitUnknown);
    for (const { go } of phases.splice(0)) go();
    assert.deepEqual([await isThere(store, "applied"), await isThere(store, "waiting")], [true, false]);
    const again = store.acquire(1, "me");
    await step("apply");
    await step("answer");
    assert.deepEqual(await again, { shardId: 1, rangeId: 2 });
  });

  test("a closed store is found again after a crash", async () => {
    const store = new MemoryStore();
    await store.commit(await store.acquire(1, "me"), [runWrite("r")]);
    await store.close();
    store.crash();
    assert.equal(await isThere(store, "r"), true);
  });
});
