import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CachedRun } from "./cached-run.ts";
import { RunCache } from "./run-cache.ts";

interface Fake {
  bytes: number;
  disposed: number;
  replay: { lastEventId: number };
  dispose(): void;
}

function run(bytes: number, lastEventId = 1): CachedRun & Fake {
  const fake: Fake = {
    bytes,
    disposed: 0,
    replay: { lastEventId },
    dispose() {
      this.disposed++;
    },
  };
  return fake as unknown as CachedRun & Fake;
}

describe("the cache of runs", () => {
  test("holds what fits, and lets go of what was idle longest", () => {
    const cache = new RunCache({ bytesMax: 100, runsMax: Number.POSITIVE_INFINITY });
    const [a, b, c] = [run(40), run(40), run(40)];
    cache.put("a", a);
    cache.put("b", b);
    cache.put("a", cache.take("a")!);
    cache.put("c", c);
    assert.equal(cache.take("b"), undefined, "a was used after b");
    assert.deepEqual([a.disposed, b.disposed, c.disposed], [0, 1, 0]);
    assert.deepEqual([cache.size, cache.bytes], [2, 80]);
  });

  test("holds no more runs than it may, and none when it may hold none", () => {
    const cache = new RunCache({ bytesMax: 1_000, runsMax: 0 });
    const only = run(1);
    cache.put("a", only);
    assert.deepEqual([cache.size, cache.bytes, only.disposed], [0, 0, 1]);
  });

  test("a run that is taken is nobody else's, and counts no bytes", () => {
    const cache = new RunCache({ bytesMax: 100, runsMax: 10 });
    cache.put("a", run(10));
    assert.ok(cache.take("a"));
    assert.equal(cache.take("a"), undefined);
    assert.equal(cache.bytes, 0);
  });

  test("of two copies of one run the one that knows more stays", () => {
    const cache = new RunCache({ bytesMax: 100, runsMax: 10 });
    const newer = run(10, 9);
    cache.put("a", newer);
    cache.put("a", run(20, 3));
    assert.equal(cache.take("a"), newer);
    cache.put("a", run(10));
    cache.clear();
    assert.deepEqual([cache.size, cache.bytes], [0, 0]);
  });
});
