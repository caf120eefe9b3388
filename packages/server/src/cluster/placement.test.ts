import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ownerOf, type Place } from "./placement.ts";

const shards: readonly Place[] = Array.from({ length: 1_000 }, (_, shardId) => ({ type: "shard", shardId }));
const queue: Place = { type: "queue", namespaceId: "n", taskQueue: "q", partition: 0 };

describe("placement", () => {
  test("all who see the same nodes name the same owner, in whatever order they see them", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 8 }), (nodes) => {
        for (const place of [...shards.slice(0, 50), queue])
          assert.equal(ownerOf(nodes, place), ownerOf([...nodes].reverse(), place));
      }),
    );
  });

  test("when a node comes, only what it gets moves; when one goes, only what it had", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 8 }), (nodes) => {
        const [newcomer, ...before] = nodes;
        for (const place of shards) {
          const [owner, after] = [ownerOf(before, place), ownerOf(nodes, place)];
          assert.ok(after === owner || after === newcomer);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("nodes get about the same share", () => {
    const nodes = ["0a1f", "0a20", "0a21", "0a22"].map((end) => `00000000-0000-4000-8000-00000000${end}`);
    for (const node of nodes) {
      const share = shards.filter((place) => ownerOf(nodes, place) === node).length;
      assert.ok(share > 180 && share < 320, `${share} of 1000`);
    }
  });

  test("a certain node is its own place while it is there, and nobody's when it has gone", () => {
    assert.equal(ownerOf(["a", "b"], { type: "node", nodeId: "b" }), "b");
    assert.equal(ownerOf(["a"], { type: "node", nodeId: "b" }), undefined);
    assert.equal(ownerOf([], queue), undefined);
  });
});
