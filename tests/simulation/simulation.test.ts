/** Seeds in which everything goes wrong that can: after each commit, at each answer and in the end, what Pawl guarantees must hold. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { corpus } from "./corpus.ts";
import { type Outcome, simulate } from "./simulation.ts";
import { SimulationThreads } from "./threads.ts";

const seedCount = 500;
/** What a thread plays at a time. */
const rangeLength = 10;
/** What simulations must come across to mean something. */
const expectedLabels = [
  ...["crash", "takeover", "fenced", "clock set", "worker dies", "request twice", "sticky"],
  ...["fault CommitUnknown", "fault StoreFull", "fault Unreadable", "RespondActivityTaskCompleted NOT_FOUND"],
  ...["RespondWorkflowTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled"],
  ...["UpdateWorkflowExecution", "SignalWorkflowExecution", "TerminateWorkflowExecution"],
  ...["QueryWorkflow", "RespondQueryTaskCompleted", "ResetWorkflowExecution"],
  ...["RequestCancelWorkflowExecution", "SignalWithStartWorkflowExecution", "RecordActivityTaskHeartbeat"],
  ...["CreateSchedule", "PatchSchedule", "DeleteSchedule", "schedule acts", "schedule passes over a time"],
  ...["StartActivityExecution", "PollActivityExecution", "PauseActivityExecution", "TerminateActivityExecution"],
  ...["RequestCancelActivityExecution", "DeleteActivityExecution", "RespondNexusTaskFailed"],
  ...["operation completed", "operation failed", "operation canceled", "operation timed out"],
];

const threads = new SimulationThreads();
after(() => threads.close());

function mustHold({ seed, violation }: Outcome): void {
  assert.equal(violation, undefined, `seed ${seed}: ${violation}\nplay it again: npm run sim -- SEED=${seed} LOG=1`);
}

test(`what is guaranteed holds in ${seedCount} seeds, and they reach what they are meant to`, async () => {
  const labels = new Map<string, number>();
  let commits = 0;
  const ranges = Array.from({ length: seedCount / rangeLength }, (_, index) => ({
    first: index * rangeLength + 1,
    last: (index + 1) * rangeLength,
  }));
  for (const outcome of (await Promise.all(ranges.map((range) => threads.play(range)))).flat()) {
    mustHold(outcome);
    commits += outcome.commits;
    for (const [label, count] of outcome.labels) labels.set(label, (labels.get(label) ?? 0) + count);
  }
  assert.ok(commits > 100 * seedCount, `only ${commits} commits`);
  for (const label of expectedLabels) assert.ok((labels.get(label) ?? 0) > 0, `no seed came across "${label}"`);
});

for (const { seed, found } of corpus)
  test(`seed ${seed} does not fail again: ${found}`, async () => mustHold(await simulate(seed)));

test("a seed is the same each time, in every commit and every answer, in whatever thread", async () => {
  const range = { first: 1, last: 5 };
  const [first, second] = await Promise.all([threads.play(range), threads.play(range)]);
  const hashes = (outcomes: readonly Outcome[]) => outcomes.map(({ traceHash }) => traceHash);
  assert.deepEqual(hashes(first), hashes(second));
  assert.equal(new Set(hashes(first)).size, 5);
});
