import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf, printPlan } from "./plan.ts";

const options = {
  ...{ quick: false, rounds: 3, openCount: 100_000, putInCount: 0, closedCount: 1_000_000 },
  ...{ systems: ["pawl", "reference"] as const, peers: ["pawl", "dbos"] },
};

test("a plan has what was asked for and no more, and rounds cost what they take", () => {
  const seconds = (only: readonly string[], rounds = 3) =>
    planOf({ ...options, only, rounds }).reduce((sum, part) => sum + part.seconds, 0);
  assert.deepEqual(
    planOf({ ...options, only: ["latency", "timers", "peers-one", "closed"] }).map(({ part }) => part),
    ["latency", "timers", "peers-one", "closed"],
  );
  assert.ok(seconds(["throughput"], 3) > 2 * seconds(["throughput"], 1));
  assert.ok(seconds(["open-idle"]) > 60);
  const lines: string[] = [];
  printPlan(planOf({ ...options, only: ["throughput"] }), (line) => lines.push(line));
  assert.match(lines.join("\n"), /throughput +1\.\d min\n +in all, about +1\.\d min/);
});
