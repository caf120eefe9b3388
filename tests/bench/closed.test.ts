import assert from "node:assert/strict";
import { test } from "node:test";
import type { InspectedRun } from "@pawl/store";
import { type ClosedSample, closedGoals, closedSections } from "./closed.ts";
import { cloner, storedWorkflowId } from "./stored-workflows.ts";

const of = (load: string, closed: number, rate: number): ClosedSample => ({
  ...{ load, closed, rate, p50Ms: 10, serverCpuMsPerWorkflow: 2 },
});

test("rates with many closed workflows are held against those with few, by medians", () => {
  const many = 1_000_000;
  const samples = [
    ...[400, 420, 90].map((rate) => of("throughput", 1_000, rate)),
    ...[330, 340, 350].map((rate) => of("throughput", many, rate)),
    ...[of("steps", 1_000, 800), of("steps", many, 800)],
  ];
  const sections = closedSections(samples);
  assert.deepEqual(
    sections.map(({ rows: [rate] }) => rate?.timesBetter),
    [0.85, 1],
  );
  assert.equal(closedGoals(sections, many)[0]?.met, true);
  assert.equal(closedGoals(sections, 10_000)[0]?.met, null);
  const slower = closedSections([
    ...samples.filter(({ load }) => load === "throughput"),
    of("steps", 1_000, 800),
    of("steps", many, 639),
  ]);
  assert.equal(closedGoals(slower, many)[0]?.met, false);
  assert.deepEqual(closedSections([]), []);
});

test("a closed workflow is put in again under other ids, in all its rows", () => {
  const [workflowId, runId] = [storedWorkflowId("closed", 0), "018bcfe5-8138-7370-9a91-65d0df85916b"];
  const bytes = (text: string) => Buffer.from(`<${text}>`);
  const run = {
    ...{
      kind: "workflow",
      namespaceId: "n",
      businessId: workflowId,
      runId,
      shardId: 1,
      wakeAtMs: 5,
      undispatched: false,
    },
    ...{ snapshot: bytes(`${workflowId} ${runId} ${runId}`), parts: new Map() },
    batches: [{ firstEventId: 1, lastEventId: 3, events: bytes(runId) }],
    visibility: { status: 2, runId, businessId: workflowId },
  } as unknown as InspectedRun;
  const rows = cloner(run, bytes(workflowId), "closed")(255);
  const [otherId, otherRun] = ["closed-000000255", "018bcfe5-8138-7370-9a91-0000000000ff"];
  assert.deepEqual(
    rows.map((row) => [row.table, "runId" in row && row.runId]),
    [
      ["current", otherRun],
      ["run", otherRun],
      ["history", otherRun],
      ["visibility", otherRun],
    ],
  );
  const texts = rows.flatMap((row) => Object.values(row).filter((value) => value instanceof Uint8Array));
  assert.deepEqual(
    texts.map((text) => Buffer.from(text).toString()),
    [`<${otherId} ${otherRun} ${otherRun}>`, `<${otherRun}>`, `<${otherId}>`],
  );
});
