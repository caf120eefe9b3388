import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { matchingLimits } from "../limits.ts";
import { FairLines } from "./fair-lines.ts";
import { Fairness } from "./fairness.ts";
import type { Task } from "./match.ts";
import { Rig } from "./rig.ts";

const rig = new Rig();
let made = 0;

function taskOf(fairnessKey: string, fairnessWeight = 0): Task {
  return rig.task(`t${made++}`, { scheduledAtMs: 0, priority: { priorityKey: 0, fairnessKey, fairnessWeight } });
}

function keysOf(tasks: readonly (Task | undefined)[]): (string | undefined)[] {
  return tasks.map((task) => task?.priority?.fairnessKey);
}

const anyWeight = fc.double({ min: 0.01, max: 100, noNaN: true });

describe("tasks of several fairness keys", () => {
  test("of equal weight take turns, whoever came first and however many each has", () => {
    const lines = new FairLines(new Fairness());
    for (const key of ["a", "a", "a", "a", "b", "b", "c"]) lines.push(taskOf(key));
    const order = keysOf(Array.from({ length: 7 }, () => lines.takeFirst(0)));
    assert.deepEqual(order, ["a", "b", "c", "a", "b", "a", "a"]);
    assert.deepEqual([lines.count, lines.takeFirst(0), lines.oldestAtMs], [0, undefined, undefined]);
  });

  test("are served in proportion to their weights: at any moment within one turn of each", () => {
    fc.assert(
      fc.property(fc.array(anyWeight, { minLength: 2, maxLength: 6 }), fc.nat(400), (weights, takes) => {
        const lines = new FairLines(new Fairness());
        const counts = weights.map(() => 0);
        // Nobody runs out.
        weights.forEach((weight, key) => {
          for (let i = 0; i <= takes; i++) lines.push(taskOf(String(key), weight));
        });
        for (let i = 0; i < takes; i++) counts[Number(lines.takeFirst(0)?.priority?.fairnessKey)]! += 1;
        const served = counts.map((count, key) => count / weights[key]!);
        for (const [i, a] of served.entries()) {
          for (const [j, b] of served.entries())
            assert.ok(Math.abs(a - b) <= 1 / weights[i]! + 1 / weights[j]! + 1e-6, `${a} and ${b} at ${weights}`);
        }
      }),
    );
  });

  test("leave in their own order, each once, whatever comes between", () => {
    const step = fc.option(fc.record({ key: fc.constantFrom("", "a", "b", "c"), weight: anyWeight }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const lines = new FairLines(new Fairness());
        const waiting = new Map<string, Task[]>();
        const take = () => {
          const task = lines.takeFirst(0);
          assert.equal(
            task === undefined,
            [...waiting.values()].every(({ length }) => length === 0),
          );
          if (task) assert.equal(waiting.get(task.priority!.fairnessKey)?.shift(), task);
        };
        for (const one of steps) {
          if (one === null) {
            take();
            continue;
          }
          const task = taskOf(one.key, one.weight);
          waiting.set(one.key, [...(waiting.get(one.key) ?? []), task]);
          lines.push(task);
        }
        while (lines.count > 0) take();
        take();
      }),
    );
  });

  test("are not starved by keys that come after them", () => {
    const lines = new FairLines(new Fairness());
    lines.push(taskOf("light", 0.1));
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 12; i++) {
      lines.push(taskOf(`new ${i}`));
      order.push(...keysOf([lines.takeFirst(0)]));
    }
    assert.equal(order.indexOf("light"), 9);
  });

  test("save nothing up while they have none", () => {
    const lines = new FairLines(new Fairness());
    for (let i = 0; i < 20; i++) lines.push(taskOf("busy"));
    for (let i = 0; i < 10; i++) lines.takeFirst(0);
    for (let i = 0; i < 3; i++) lines.push(taskOf("late"));
    assert.deepEqual(keysOf(Array.from({ length: 6 }, () => lines.takeFirst(0))), [
      ...["busy", "late", "busy", "late", "busy", "late"],
    ]);
  });

  test("of more keys than have lines of their own leave in their order, and all of them", () => {
    const lines = new FairLines(new Fairness());
    const keyCount = matchingLimits.fairnessKeysMax + 2_500;
    const expected = new Map<string, Task[]>();
    for (let round = 0; round < 2; round++) {
      for (let key = 0; key < keyCount; key++) {
        const task = taskOf(`customer-${key}`);
        expected.set(`customer-${key}`, [...(expected.get(`customer-${key}`) ?? []), task]);
        lines.push(task);
      }
    }
    // Those that share come again while others of theirs wait.
    for (let taken = 0; lines.count > 0; taken++) {
      const task = lines.takeFirst(0)!;
      assert.equal(expected.get(task.priority!.fairnessKey)?.shift(), task);
      if (taken % 50 !== 0 || taken > keyCount) continue;
      const again = taskOf("customer-12000");
      expected.get("customer-12000")!.push(again);
      lines.push(again);
    }
    assert.ok([...expected.values()].every(({ length }) => length === 0));
  });
});

describe("operators", () => {
  const weights = (entries: Record<string, number>) => new Map(Object.entries(entries));
  const unlimited = { maxTasksPerSecond: undefined, maxKeyTasksPerSecond: undefined };

  test("overrule the weights that tasks have, of those that wait already from their next turn on", () => {
    const fairness = new Fairness();
    fairness.configure({ ...unlimited, weights: weights({ b: 3 }) });
    const lines = new FairLines(fairness);
    for (let i = 0; i < 12; i++) for (const key of ["a", "b"]) lines.push(taskOf(key, key === "a" ? 1 : 0.001));
    const take = (count: number) =>
      keysOf(Array.from({ length: count }, () => lines.takeFirst(0))).filter((key) => key === "b").length;
    assert.equal(take(8), 6);
    fairness.configure({ ...unlimited, weights: weights({}) });
    take(2);
    assert.equal(take(8), 0);
  });

  test("bound the rate of each key in proportion to its weight, while others go on", () => {
    const fairness = new Fairness();
    fairness.configure({ ...unlimited, maxKeyTasksPerSecond: 1, weights: weights({ heavy: 2 }) });
    const lines = new FairLines(fairness);
    for (let i = 0; i < 10; i++) for (const key of ["heavy", "light"]) lines.push(taskOf(key));
    const drain = (nowMs: number) => {
      const counts = { heavy: 0, light: 0 };
      for (let task = lines.takeFirst(nowMs); task; task = lines.takeFirst(nowMs))
        counts[task.priority?.fairnessKey as "heavy"] += 1;
      return counts;
    };
    assert.deepEqual(drain(0), { heavy: 2, light: 1 });
    assert.equal(lines.readyAtMs(0), 500);
    lines.push(taskOf("other"));
    assert.equal(lines.readyAtMs(0), 0);
    assert.deepEqual(keysOf([lines.takeFirst(0)]), ["other"]);
    assert.deepEqual(drain(499), { heavy: 0, light: 0 });
    assert.deepEqual(drain(1_000), { heavy: 2, light: 1 });
    fairness.configure(undefined);
    lines.reconsider();
    assert.deepEqual(drain(1_000), { heavy: 6, light: 8 });
  });

  test("may stop a key, and let it go again", () => {
    const fairness = new Fairness();
    fairness.configure({ ...unlimited, maxKeyTasksPerSecond: 0, weights: weights({}) });
    const lines = new FairLines(fairness);
    lines.push(taskOf("a"));
    assert.deepEqual([lines.takeFirst(0), lines.readyAtMs(1e9)], [undefined, Number.POSITIVE_INFINITY]);
    fairness.configure(undefined);
    lines.reconsider();
    assert.deepEqual(keysOf([lines.takeFirst(0)]), ["a"]);
  });
});

test("weights outside of what is sensible count as the nearest that is", () => {
  const fairness = new Fairness();
  const weightOf = (weight: number) => fairness.weightOf(taskOf("k", weight));
  assert.deepEqual([0, -1, Number.NaN, 1e-9, 1e9, 2].map(weightOf), [1, 1, 1, 0.001, 1_000, 2]);
});
