import assert from "node:assert/strict";
import { test } from "node:test";
import { common } from "@pawl/protocol";
import { rebuild } from "../rebuild/rebuild.ts";
import { applicationFailure, commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";

/** One payload that stands for others of these sizes elsewhere. */
function external(...sizes: readonly number[]): common.Payloads {
  const externalPayloads = sizes.map((sizeBytes) => ({ sizeBytes }));
  return common.Payloads.create({ payloads: [common.Payload.create({ externalPayloads })] });
}

test("payloads that lie elsewhere are counted wherever an event has them, for Describe and lists, also of a run made from history", () => {
  const workflow = new ScriptedWorkflow();
  const [memo] = external(7).payloads;
  workflow.start({ input: external(1_000, 24), memo: { fields: { memo: memo! } } });
  workflow.complete(workflow.pollTask(), [commands.activity("a", { input: payloads("here") })]);
  const cause = { ...applicationFailure("inner"), applicationFailureInfo: { details: external(300) } };
  workflow.failActivity(workflow.pollActivity(), {
    ...applicationFailure("outer", { nonRetryable: true }),
    cause: cause as ReturnType<typeof applicationFailure>,
  });
  const expected = { count: 4, sizeBytes: 1_331 };
  const run = workflow.run();
  assert.deepEqual(run.externalPayloads, expected);
  assert.deepEqual(rebuild(workflow.events(), { ...run, ...run.start }).externalPayloads, expected);

  const described = workflow.do({ type: "describe", runId: "" }).workflowExecutionInfo!;
  assert.deepEqual([described.externalPayloadCount, described.externalPayloadSizeBytes], [4, 1_331]);
  const { visibility } = workflow.rows();
  const { TemporalExternalPayloadCount: count, TemporalExternalPayloadSizeBytes: sizeBytes } =
    visibility!.searchAttributes;
  assert.deepEqual({ count, sizeBytes }, expected);
});

test("where there are none, lists have no attributes of them", () => {
  const workflow = new ScriptedWorkflow();
  workflow.start({ input: payloads("here") });
  const names = Object.keys(workflow.rows().visibility!.searchAttributes);
  assert.deepEqual(
    names.filter((name) => name.startsWith("TemporalExternal")),
    [],
  );
});
