import assert from "node:assert/strict";
import { test } from "node:test";
import { common, enums } from "@pawl/protocol";
import { commands, payloads, ScriptedWorkflow } from "../workflow/scripted-workflow.ts";

const [one, none, empty] = [1, null, []].map((value) => payloads(value).payloads[0]!);
const { WORKFLOW_EXECUTION_CONTINUED_AS_NEW: CONTINUED } = enums.EventType;

test("what is null in the memo and the search attributes of a start, a new run or a child is not set", () => {
  const memo = { fields: { one: one!, none: none!, empty: empty! } };
  const nothing = { indexedFields: { none: none! } };
  const workflow = new ScriptedWorkflow();
  const { runId } = workflow.start({ memo, searchAttributes: nothing });
  const started = workflow.events()[0]!.workflowExecutionStartedEventAttributes!;
  assert.deepEqual([Object.keys(started.memo!.fields), started.searchAttributes], [["one"], undefined]);
  assert.deepEqual(Object.keys(workflow.run().memo!.fields), ["one"]);

  const child = {
    commandType: enums.CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: {
      ...{ workflowId: "child", workflowType: { name: "Child" }, taskQueue: { name: "queue" } },
      ...{ memo, searchAttributes: nothing },
    },
  };
  workflow.complete(workflow.pollTask(), [child, commands.continueAsNew({ memo: { fields: { none: none! } } })]);
  const events = workflow.events(runId);
  const initiated = events.flatMap((event) => event.startChildWorkflowExecutionInitiatedEventAttributes ?? [])[0]!;
  assert.deepEqual([Object.keys(initiated.memo!.fields), initiated.searchAttributes], [["one"], undefined]);
  const continued = events.find(({ eventType }) => eventType === CONTINUED)!;
  assert.equal(continued.workflowExecutionContinuedAsNewEventAttributes!.memo, undefined);
  assert.equal(workflow.run().memo, undefined);
});

test("a memo of an explicit null, as SDKs write it without JSON, is not set", () => {
  const metadata = { encoding: new TextEncoder().encode("binary/null") };
  const workflow = new ScriptedWorkflow();
  workflow.start({ memo: { fields: { none: common.Payload.create({ metadata }) } } });
  assert.equal(workflow.run().memo, undefined);
});
