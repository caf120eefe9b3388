/** Seeds in which everything goes wrong that can: after each commit, at each answer and in the end, what Pawl guarantees must hold. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { CastName } from "./cast.ts";
import { corpus } from "./corpus.ts";
import { type Outcome, simulate } from "./simulation.ts";
import { SimulationThreads } from "./threads.ts";

/** How many seeds each cast plays. */
const seedCounts = { workflows: 200, all: 240, poison: 30, embedded: 40 } as const satisfies Record<CastName, number>;
/** What a thread plays at a time. */
const rangeLength = 10;
/** What simulations must come across to mean something. */
const expectedLabels = [
  ...["drain", "task before its commit"],
  ...["crash", "takeover", "fenced", "clock set", "worker dies", "request twice", "sticky"],
  ...["fault CommitUnknown", "fault StoreFull", "fault Unreadable", "RespondActivityTaskCompleted NOT_FOUND"],
  ...["RespondWorkflowTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled"],
  ...["UpdateWorkflowExecution", "SignalWorkflowExecution", "TerminateWorkflowExecution"],
  ...["QueryWorkflow", "RespondQueryTaskCompleted", "ResetWorkflowExecution"],
  ...["RequestCancelWorkflowExecution", "SignalWithStartWorkflowExecution", "RecordActivityTaskHeartbeat"],
  ...["CreateSchedule", "PatchSchedule", "schedule acts", "schedule passes over a time"],
  ...["StartActivityExecution", "PollActivityExecution", "DescribeActivityExecution"],
  ...["RespondNexusTaskCompleted", "RespondNexusTaskFailed", "operation completed", "operation failed"],
];

const threads = new SimulationThreads();
after(() => threads.close());

function mustHold({ seed, cast, violation }: Outcome): void {
  const again = `npm run sim -- SEED=${seed} CAST=${cast} LOG=1`;
  assert.equal(violation, undefined, `seed ${seed}: ${violation}\nplay it again: ${again}`);
}

test("what is guaranteed holds in all seeds, and they reach what they are meant to", async () => {
  const labels = new Map<string, number>();
  const ranges = Object.entries(seedCounts).flatMap(([cast, count]) =>
    Array.from({ length: count / rangeLength }, (_, index) => ({
      cast: cast as CastName,
      first: index * rangeLength + 1,
      last: (index + 1) * rangeLength,
    })),
  );
  const outcomes = (await Promise.all(ranges.map((range) => threads.play(range)))).flat();
  for (const outcome of outcomes) {
    mustHold(outcome);
    for (const [label, count] of outcome.labels) labels.set(label, (labels.get(label) ?? 0) + count);
  }
  const commits = outcomes.reduce((sum, outcome) => sum + outcome.commits, 0);
  assert.ok(commits > 100 * outcomes.length, `only ${commits} commits`);
  for (const label of expectedLabels) assert.ok((labels.get(label) ?? 0) > 0, `no seed came across "${label}"`);
});

for (const { seed, cast, found } of corpus)
  test(`seed ${seed} does not fail again: ${found}`, async () => mustHold(await simulate(seed, { cast })));

test("a seed is the same each time, in every commit and every answer, in whatever thread", async () => {
  const range = { first: 1, last: 5 };
  const [first, second] = await Promise.all([threads.play(range), threads.play(range)]);
  const hashes = (outcomes: readonly Outcome[]) => outcomes.map(({ traceHash }) => traceHash);
  assert.deepEqual(hashes(first), hashes(second));
  assert.equal(new Set(hashes(first)).size, 5);
});
