import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { type command, enums, type Init, type protocol, type ResponseOf, update } from "@pawl/protocol";
import { InProcess, jsonPayloads, TestCall, taskQueue } from "../in-process.ts";

const { CommandType, UpdateWorkflowExecutionLifecycleStage: Stage } = enums;
const workflowExecution = { workflowId: "w" };
const completed = {
  commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: {},
};
const failed = {
  commandType: CommandType.FAIL_WORKFLOW_EXECUTION,
  failWorkflowExecutionCommandAttributes: { failure: { message: "boom" } },
};
const continued = {
  commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
  continueAsNewWorkflowExecutionCommandAttributes: {},
};

/** With a run that has nothing to do. */
async function idle(): Promise<InProcess> {
  const server = await InProcess.open();
  await server.start("w");
  await server.complete(await server.pollWorkflowTask());
  return server;
}

type Answer = ResponseOf<"PollWorkflowExecutionUpdate" | "UpdateWorkflowExecution"> | Rejection;

function ask(server: InProcess, lifecycleStage: enums.UpdateWorkflowExecutionLifecycleStage = Stage.COMPLETED) {
  const request = { meta: { updateId: "u" }, input: { name: "change" } };
  return server.call("UpdateWorkflowExecution", { workflowExecution, waitPolicy: { lifecycleStage }, request });
}

function poll(server: InProcess, lifecycleStage: enums.UpdateWorkflowExecutionLifecycleStage, runId = "") {
  const updateRef = { workflowExecution: { workflowId: "w", runId }, updateId: "u" };
  return server.call("PollWorkflowExecutionUpdate", { updateRef, waitPolicy: { lifecycleStage } });
}

/** Two that ask for the update and two that ask for its outcome, each waiting for another stage. */
function waiting(server: InProcess): Promise<Answer>[] {
  const stages = [Stage.ACCEPTED, Stage.COMPLETED];
  return [...stages.map((stage) => ask(server, stage)), ...stages.map((stage) => poll(server, stage))];
}

/** Stage and outcome, or the refusal. */
function said(answer: Answer): string {
  if (answer instanceof Rejection) return `${answer.code} ${answer.message}`;
  const { stage, outcome } = answer;
  const { failure } = outcome ?? {};
  return `${stage} ${failure ? failure.applicationFailureInfo?.type || failure.message : outcome?.success ? "success" : "waits"}`;
}

async function allSaid(answers: readonly Promise<Answer>[]): Promise<string[]> {
  return (await Promise.all(answers)).map(said);
}

function message(verb: string, typeName: string, value: Uint8Array): Init<protocol.Message> {
  return {
    ...{ id: `u/${verb}`, protocolInstanceId: "u" },
    body: { type_url: `type.googleapis.com/${typeName}`, value },
  };
}

const rejection = message(
  "reject",
  update.Rejection.typeName,
  update.Rejection.encode({ rejectedRequestMessageId: "u/request", failure: { message: "no" } }),
);
const acceptance = message(
  "accept",
  update.Acceptance.typeName,
  update.Acceptance.encode({ acceptedRequestMessageId: "u/request", acceptedRequestSequencingEventId: 5 }),
);
const response = message(
  "complete",
  update.Response.typeName,
  update.Response.encode({ meta: { updateId: "u" }, outcome: { success: jsonPayloads("done") } }),
);

function answer(
  server: InProcess,
  task: { readonly taskToken: Uint8Array },
  messages: readonly Init<protocol.Message>[],
  end?: Init<command.Command>,
) {
  // A rejection has no place among the commands, as it leaves no trace.
  const told = messages
    .filter((one) => one !== rejection)
    .map(({ id }) => ({
      commandType: CommandType.PROTOCOL_MESSAGE,
      protocolMessageCommandAttributes: { messageId: id },
    }));
  return server.complete(task, { messages: [...messages], commands: end ? [...told, end] : told });
}

const ends = { "goes on": undefined, completes: completed, "continues as new": continued } as const;
const verdicts = {
  rejected: { messages: [rejection], outcome: "3 no", later: 'NOT_FOUND update "u" not found' },
  completed: { messages: [acceptance, response], outcome: "3 success", later: "3 success" },
} as const;

for (const [what, end] of Object.entries(ends))
  for (const [verdict, { messages, outcome, later }] of Object.entries(verdicts))
    test(`an update that is ${verdict} as its run ${what} is so to all who wait, whatever they wait for`, async () => {
      await using server = await idle();
      const asked = waiting(server);
      const task = await server.pollWorkflowTask();
      const { runId } = task.workflowExecution!;
      await answer(server, task, messages, end);
      assert.deepEqual(
        await allSaid(asked),
        asked.map(() => outcome),
      );
      for (const stage of [Stage.UNSPECIFIED, Stage.ACCEPTED, Stage.COMPLETED])
        assert.equal(said(await poll(server, stage, runId)), later);
    });

for (const end of [completed, continued])
  test(`an update that is accepted as its run ends has failed to all who wait (${end.commandType})`, async () => {
    await using server = await idle();
    const asked = waiting(server);
    const task = await server.pollWorkflowTask();
    const { runId } = task.workflowExecution!;
    await answer(server, task, [acceptance], end);
    const outcome = "3 AcceptedUpdateCompletedWorkflow";
    assert.deepEqual(
      await allSaid(asked),
      asked.map(() => outcome),
    );
    for (const stage of [Stage.UNSPECIFIED, Stage.ACCEPTED, Stage.COMPLETED])
      assert.equal(said(await poll(server, stage, runId)), outcome);
  });

const nextTry = "RESOURCE_EXHAUSTED workflow operation can not be applied because workflow is closing";
for (const [how, { more, end, said: expected }] of Object.entries({
  "continues as new": { more: {}, end: continued, said: nextTry },
  "is retried": { more: { retryPolicy: { maximumAttempts: 2 } }, end: failed, said: nextTry },
  "comes again by its cron schedule": { more: { cronSchedule: "* * * * *" }, end: completed, said: nextTry },
  "fails for good": { more: {}, end: failed, said: "NOT_FOUND workflow update was aborted by closing workflow" },
}))
  test(`who waits for an update that no worker has seen as its run ${how} is told where it stands`, async () => {
    await using server = await InProcess.open();
    await server.start("w", more);
    if ("cronSchedule" in more) server.clock.advance(60_000);
    const task = await server.pollWorkflowTask();
    const asked = waiting(server);
    await server.settle();
    await server.ask("RespondWorkflowTaskCompleted", { taskToken: task.taskToken, commands: [end] });
    assert.deepEqual(
      await allSaid(asked),
      asked.map(() => expected),
    );
  });

test("who waits for an update whose task is answered wrongly is told that the workflow is not ready", async () => {
  await using server = await idle();
  const asked = waiting(server);
  const other = { ...acceptance, protocolInstanceId: "other" };
  const refused = await answer(server, await server.pollWorkflowTask(), [other]).catch(String);
  assert.match(String(refused), /update other wasn't found/);
  const why = "Unable to perform workflow execution update due to unexpected workflow task failure.";
  assert.deepEqual(
    await allSaid(asked),
    asked.map(() => `FAILED_PRECONDITION ${why}`),
  );
});

test("a caller with little time waits for an update until it is over", async () => {
  await using server = await idle();
  const call = new TestCall(server.clock.nowMs() + 100);
  const request = { meta: { updateId: "u" }, input: { name: "change" } };
  const asked = server.call("UpdateWorkflowExecution", { workflowExecution, request }, call);
  await answer(server, await server.pollWorkflowTask(), [acceptance, response]);
  assert.equal(said(await asked), "3 success");
});

test("an update with start whose workflows keep closing without a look at it is to be asked for again", async () => {
  await using server = await idle();
  const { USE_EXISTING } = enums.WorkflowIdConflictPolicy;
  const { workflowId } = workflowExecution;
  const start = { workflowId, workflowType: { name: "T" }, taskQueue, workflowIdConflictPolicy: USE_EXISTING };
  const request = { meta: { updateId: "u" }, input: { name: "change" } };
  const asked = server.verdict("ExecuteMultiOperation", {
    operations: [{ startWorkflow: start }, { updateWorkflow: { workflowExecution, request } }],
  });
  const first = await server.pollWorkflowTask();
  // In the batch that ends the run: there before the second try.
  await Promise.all([answer(server, first, [], completed), server.start(workflowId)]);
  await answer(server, await server.pollWorkflowTask(), [], completed);
  assert.equal(await asked, "ABORTED Update-with-Start could not be executed.");
});

test("who asks again as an update is rejected joins it or asks anew, by the order in which the requests come", async () => {
  await using server = await idle();
  const first = ask(server);
  const task = await server.pollWorkflowTask();
  // All in one batch.
  const joined = ask(server);
  const answered = answer(server, task, [rejection]);
  const anew = ask(server);
  await answered;
  assert.deepEqual(await allSaid([first, joined]), ["3 no", "3 no"]);
  await answer(server, await server.pollWorkflowTask(), [acceptance, response]);
  assert.deepEqual(await allSaid([anew]), ["3 success"]);
});

describe("when a commit fails", () => {
  test("who waits for an update that only memory knew is told at once to ask again", async () => {
    await using server = await idle();
    const asked = waiting(server);
    await server.settle();
    server.store.failNextCommit("unknown-lost");
    await assert.rejects(server.signal("w"));
    assert.deepEqual(
      await allSaid(asked),
      asked.map(() => "UNAVAILABLE workflow update was aborted"),
    );
  });

  test("who waits for the end of a run hears of the end that was of unknown outcome", async () => {
    await using server = await idle();
    const end = server.call("GetWorkflowExecutionHistory", {
      ...{ execution: workflowExecution, waitNewEvent: true },
      historyEventFilterType: enums.HistoryEventFilterType.CLOSE_EVENT,
    });
    await server.settle();
    server.store.failNextCommit("unknown-applied");
    await assert.rejects(server.ask("TerminateWorkflowExecution", { workflowExecution }));
    server.clock.advance(1_000);
    const closed = await end;
    assert(!(closed instanceof Rejection));
    assert.equal(server.eventsOf(closed.history)[0]?.eventType, enums.EventType.WORKFLOW_EXECUTION_TERMINATED);
  });
});
