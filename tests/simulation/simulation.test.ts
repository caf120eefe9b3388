/** Seeds in which everything goes wrong that can: after each commit, at each answer and in the end, what Pawl guarantees must hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { corpus } from "./corpus.ts";
import { type Outcome, simulate } from "./simulation.ts";

const seedCount = 250;
/** What simulations must come across to mean something. */
const expectedLabels = [
  ...["crash", "takeover", "fenced", "clock set", "worker dies", "request twice", "sticky"],
  ...["fault CommitUnknown", "fault StoreFull", "fault Unreadable", "RespondActivityTaskCompleted NOT_FOUND"],
  ...["RespondWorkflowTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled"],
  ...["UpdateWorkflowExecution", "SignalWorkflowExecution", "TerminateWorkflowExecution"],
  ...["QueryWorkflow", "RespondQueryTaskCompleted", "ResetWorkflowExecution"],
  ...["RequestCancelWorkflowExecution", "SignalWithStartWorkflowExecution", "RecordActivityTaskHeartbeat"],
];

function mustHold({ seed, violation }: Outcome): void {
  assert.equal(violation, undefined, `seed ${seed}: ${violation}\nplay it again: npm run sim -- SEED=${seed} LOG=1`);
}

test(`what is guaranteed holds in ${seedCount} seeds, and they reach what they are meant to`, async () => {
  const labels = new Map<string, number>();
  let commits = 0;
  for (let seed = 1; seed <= seedCount; seed++) {
    const outcome = await simulate(seed);
    mustHold(outcome);
    commits += outcome.commits;
    for (const [label, count] of outcome.labels) labels.set(label, (labels.get(label) ?? 0) + count);
  }
  assert.ok(commits > 100 * seedCount, `only ${commits} commits`);
  for (const label of expectedLabels) assert.ok((labels.get(label) ?? 0) > 0, `no seed came across "${label}"`);
});

for (const { seed, found } of corpus)
  test(`seed ${seed} does not fail again: ${found}`, async () => mustHold(await simulate(seed)));

test("a seed is the same each time, in every commit and every answer", async () => {
  const hashes = new Set<string>();
  for (const seed of [1, 2, 3, 4, 5]) {
    const [first, second] = [await simulate(seed), await simulate(seed)];
    assert.equal(first.traceHash, second.traceHash, `seed ${seed}`);
    hashes.add(first.traceHash);
  }
  assert.equal(hashes.size, 5);
});
