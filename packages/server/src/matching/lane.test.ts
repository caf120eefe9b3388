import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Lane } from "./lane.ts";
import type { Task } from "./match.ts";

const task = (scheduledAtMs: number, stamp: number): Task => ({
  kind: "activity",
  namespaceId: "n",
  workflowId: "w",
  runId: "r",
  taskQueue: "q",
  scheduledEventId: 5,
  stamp,
  scheduledAtMs,
});

test("tasks leave by scheduled time and, at equal times, by arrival, whatever order they come and go in", () => {
  const steps = fc.array(
    fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 9 }) }, fc.constant("take" as const)),
    { size: "large" },
  );
  fc.assert(
    fc.property(steps, (moves) => {
      const lane = new Lane();
      const model: Task[] = [];
      let arrived = 0;
      for (const move of [...moves, ...moves.map(() => "take" as const)]) {
        assert.equal(lane.firstAtMs, model[0]?.scheduledAtMs);
        if (move === "take") {
          assert.equal(lane.takeFirst(), model.shift());
        } else {
          const newcomer = task(move, arrived++);
          lane.push(newcomer);
          const behind = model.findIndex((other) => other.scheduledAtMs > move);
          model.splice(behind < 0 ? model.length : behind, 0, newcomer);
        }
        assert.equal(lane.count, model.length);
      }
    }),
    { numRuns: 500 },
  );
});
