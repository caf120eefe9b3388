/** Resetting a run: what the new run takes over from the old one, and what becomes of the old one. */
import { enums, type Init, type RequestOf, update } from "@pawl/protocol";
import {
  activity,
  applicationFailure,
  child,
  complete,
  continueAsNew,
  fail,
  payload,
  seconds,
  text,
  timer,
  upsertMemo,
} from "./requests.ts";
import { type Play, type Story, story, type WorkflowTask } from "./story.ts";

const Reapply = enums.ResetReapplyType;
const Exclude = enums.ResetReapplyExcludeType;
const Close = enums.ParentClosePolicy;

/** The first completed workflow task of a run without delay. */
const firstCompleted = 4;

export const resetStories: readonly Story[] = [
  story("reset-closed", "a run that has closed is reset to its first workflow task and runs again", async (s) => {
    await s.start();
    await s.step([activity(s.name)]);
    await act(s);
    await s.step([complete()]);
    await reset(s);
    await s.step([complete("again")]);
  }),

  story("reset-open", "a run that is open is terminated by its reset", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await s.signal("one");
    await s.step([]);
    await reset(s, { reason: "wrong turn", identity: "operator" });
    await s.step([complete("again")]);
  }),

  story("reset-to-last", "a run is reset to its last workflow task, which keeps what came before", async (s) => {
    await s.start();
    await s.step([activity(s.name)]);
    await act(s);
    await s.step([timer("t", 60), upsertMemo({ m: payload("before") })]);
    await s.signal("one");
    await s.step([upsertMemo({ m: payload("after") })]);
    await reset(s, { workflowTaskFinishEventId: 15 });
    await s.describe();
    await s.step([complete("again")]);
  }),

  story("reset-to-started", "a reset to the started event makes one up", async (s) => {
    await s.start();
    await s.step([]);
    await reset(s, { workflowTaskFinishEventId: 3 });
    await s.step([complete("again")]);
  }),

  story("reset-bad-ids", "a reset is refused at an event where no workflow task is pending", async (s) => {
    await s.start();
    await s.step([activity(s.name), timer("t", 60)]);
    await act(s);
    await s.step([]);
    for (const workflowTaskFinishEventId of [-1, 0, 1, 2, 5, 6, 7, 8, 9, 14, 100])
      await tryReset(s, { workflowTaskFinishEventId });
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("reset-bad-requests", "a reset that makes no sense is refused", async (s) => {
    const { runId } = await s.start();
    await s.step([]);
    await tryReset(s, { workflowExecution: undefined });
    await tryReset(s, { workflowExecution: { workflowId: "" } });
    await tryReset(s, { workflowExecution: { workflowId: s.name, runId: "no-uuid" } });
    await tryReset(s, { workflowExecution: { workflowId: s.name, runId: "00000000-0000-4000-8000-000000000000" } });
    await tryReset(s, { workflowExecution: { workflowId: `${s.name}-unknown` } });
    await tryReset(s, { requestId: "" });
    await tryReset(s, { requestId: "x".repeat(1001) });
    await tryReset(s, { identity: "x".repeat(1001) });
    await tryReset(s, { postResetOperations: [{ signalWorkflow: { signalName: "s" } }] });
    await tryReset(s, { postResetOperations: [{}] });
    await tryReset(s, { resetReapplyExcludeTypes: [99 as typeof Exclude.SIGNAL] });
    await s.call("TerminateWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      firstExecutionRunId: runId,
    });
  }),

  story("reset-delayed", "a run without a workflow task cannot be reset", async (s) => {
    await s.start({ workflowStartDelay: seconds(60) });
    await s.signal("early");
    await tryReset(s, { workflowTaskFinishEventId: 2 });
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story(
    "reset-signals",
    "signals after the point are given to the new run, those that were buffered too",
    async (s) => {
      await s.start();
      await s.signal("before", { requestId: "request-before" });
      await s.step([]);
      await s.signal("after", { requestId: "request-after", header: { fields: { h: payload("header") } } });
      const task = await s.workflowTask();
      await s.signal("buffered", { requestId: "request-buffered" });
      await s.complete(task, []);
      await s.workflowTask();
      await s.signal("late", { requestId: "request-late" });
      await reset(s, { workflowTaskFinishEventId: 5 });
      await s.step([complete("again")]);
    },
  ),

  ...(
    [
      ["none", { resetReapplyType: Reapply.NONE }],
      ["signal", { resetReapplyType: Reapply.SIGNAL }],
      ["all", { resetReapplyType: Reapply.ALL_ELIGIBLE }],
      ["exclude-signal", { resetReapplyExcludeTypes: [Exclude.SIGNAL] }],
      ["exclude-update", { resetReapplyExcludeTypes: [Exclude.UPDATE] }],
      [
        "exclude-all",
        { resetReapplyExcludeTypes: [Exclude.SIGNAL, Exclude.UPDATE, Exclude.NEXUS, Exclude.CANCEL_REQUEST] },
      ],
    ] as const
  ).map(([name, extra]) =>
    story(`reset-reapply-${name}`, `what a reset takes over: ${name}`, async (s) => {
      await s.start();
      await s.step([]);
      await s.signal("one");
      await s.step([]);
      await answeredUpdate(s, "u1");
      await reset(s, extra);
      await s.step([complete("again")]);
    }),
  ),

  story("reset-updates", "updates after the point are given to the new run's worker again", async (s) => {
    await s.start();
    await s.step([]);
    await answeredUpdate(s, "u1", { accepted: true });
    await s.signal("go");
    const open = await s.workflowTask();
    await s.complete(open, [], { messages: [response("u1")] });
    await answeredUpdate(s, "u2");
    await reset(s, { workflowTaskFinishEventId: 7 });
    const task = await s.workflowTask();
    await s.complete(
      task,
      task.messages.flatMap(({ protocolInstanceId }) => pointers(protocolInstanceId)),
      { messages: task.messages.flatMap((message) => [acceptance(message), response(message.protocolInstanceId)]) },
    );
    await s.signal("end");
    await s.step([complete("again")]);
  }),

  story("reset-accepted-update", "an update accepted before the point is answered by the new run", async (s) => {
    await s.start();
    await s.step([]);
    await answeredUpdate(s, "u1", { accepted: true });
    await s.signal("go");
    await s.complete(await s.workflowTask(), [], { messages: [response("u1")] });
    await outcome(s, "u1");
    await reset(s, { workflowTaskFinishEventId: 11 });
    const task = await s.workflowTask();
    await s.complete(task, [], { messages: [response("u1")] });
    await outcome(s, "u1");
    await s.signal("end");
    await s.step([complete("again")]);
  }),

  story("reset-activities", "activities that are pending at the point are scheduled again", async (s) => {
    await s.start();
    await s.step([activity(s.name), activity(`${s.name}-b`, { activityId: "b" })]);
    await act(s);
    const running = await s.activityTask(`${s.name}-b`);
    await s.step([]);
    await reset(s, { workflowTaskFinishEventId: 11 });
    await s.attempt("RespondActivityTaskCompleted", {
      namespace: "default",
      identity: "worker",
      taskToken: running.taskToken,
      result: text("late"),
    });
    const again = await s.activityTask(`${s.name}-b`);
    await s.call("RespondActivityTaskCompleted", {
      namespace: "default",
      identity: "worker",
      taskToken: again.taskToken,
    });
    await s.step([complete("again")]);
  }),

  story("reset-timers", "a timer that is pending at the point keeps its time", async (s) => {
    await s.start();
    await s.step([timer("soon", 2), timer("late", 60)]);
    await s.signal("one");
    await s.step([]);
    await reset(s, { workflowTaskFinishEventId: 9 });
    await s.step([]);
    await s.step([complete("again")]);
  }),

  story("reset-failed-task", "a run is reset at a failed workflow task", async (s) => {
    await s.start();
    await failed(s, await s.workflowTask());
    await s.step([complete()]);
    await reset(s);
    await s.step([complete("again")]);
  }),

  story("reset-transient", "a run whose workflow tasks keep failing is reset", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await s.signal("one");
    await failed(s, await s.workflowTask());
    await failed(s, await s.workflowTask());
    await s.workflowTask();
    await reset(s);
    await s.step([complete("again")]);
  }),

  story("reset-child-started", "a child that runs at the point stays the child of the new run", async (s) => {
    await s.start();
    await s.step([child(childOf(s))]);
    await s.step([]);
    await reset(s, { workflowTaskFinishEventId: 9 });
    await s.step([]);
    await childStep(s, [complete("child out")]);
    await s.step([complete("again")]);
    await s.closed(childOf(s));
  }),

  story("reset-child-starting", "a child that was started after the point is not started again", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.signal("one");
    await s.complete(task, [child(childOf(s))]);
    await s.event(enums.EventType.CHILD_WORKFLOW_EXECUTION_STARTED);
    await s.step([]);
    await childStep(s, []);
    await reset(s, { workflowTaskFinishEventId: 9 });
    await s.step([]);
    await s.call("SignalWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: childOf(s) },
      signalName: "end",
    });
    await childStep(s, [complete("child out")]);
    await s.step([complete("again")]);
  }),

  story("reset-child-closed", "what a child did after the point is told to the new run", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.signal("one");
    await s.complete(task, [child(childOf(s))]);
    await s.event(enums.EventType.CHILD_WORKFLOW_EXECUTION_STARTED);
    await s.step([]);
    await childStep(s, [complete("child out")]);
    await s.step([complete()]);
    await reset(s, { workflowTaskFinishEventId: 8 });
    await s.step([complete("again")]);
  }),

  story("reset-child-policy", "the new run's end applies the policy to the child of the old one", async (s) => {
    await s.start();
    await s.step([child(childOf(s), { parentClosePolicy: Close.TERMINATE })]);
    await s.step([]);
    await childStep(s, []);
    await reset(s, { workflowTaskFinishEventId: 9 });
    await s.step([complete("again")]);
    await s.closed(childOf(s));
  }),

  story("reset-child-orphan", "a child that the new run has not started goes on, and its id is in use", async (s) => {
    await s.start();
    await s.step([child(childOf(s))]);
    await s.step([]);
    await childStep(s, []);
    await reset(s);
    await s.step([child(childOf(s))]);
    await s.step([complete("again")]);
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: childOf(s) } });
  }),

  story("reset-child-itself", "a child that is reset is still the child of its parent", async (s) => {
    await s.start();
    await s.step([child(childOf(s))]);
    await s.step([]);
    await childStep(s, []);
    await reset(s, { workflowExecution: { workflowId: childOf(s) } });
    await childStep(s, [complete("child out")]);
    await s.step([complete()]);
  }),

  story("reset-child-later", "a child of a later run ends by its policy when an older run is reset", async (s) => {
    const { runId } = await s.start();
    await s.step([continueAsNew()]);
    await s.step([child(childOf(s), { parentClosePolicy: Close.TERMINATE })]);
    await s.step([]);
    await childStep(s, []);
    await reset(s, { workflowExecution: { workflowId: s.name, runId } });
    await s.closed(childOf(s));
    await s.step([complete("again")]);
  }),

  story(
    "reset-continued",
    "a run that was continued as new is reset with the signals of all that followed",
    async (s) => {
      const { runId } = await s.start();
      await s.step([]);
      await s.signal("first");
      await s.step([continueAsNew({ input: text("second run") })]);
      await s.step([]);
      await s.signal("second");
      await s.step([]);
      await reset(s, { workflowExecution: { workflowId: s.name, runId } });
      await s.step([complete("again")]);
    },
  ),

  story("reset-other-run", "resetting an old run takes nothing over from a later one of the same id", async (s) => {
    const { runId } = await s.start();
    await s.signal("first");
    await s.step([complete()]);
    await s.start({ requestId: `${s.name}-second` });
    await s.step([]);
    await s.signal("second");
    await reset(s, { workflowExecution: { workflowId: s.name, runId }, workflowTaskFinishEventId: 5 });
    await s.step([complete("again")]);
  }),

  story("reset-cancelled", "a cancellation is taken over from before the point, not from after it", async (s) => {
    await s.start();
    await s.step([]);
    await s.call("RequestCancelWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      reason: "stop",
    });
    await s.step([]);
    await reset(s, { workflowTaskFinishEventId: 8 });
    await s.step([]);
    await reset(s);
    await s.describe();
    await s.step([complete("again")]);
  }),

  story("reset-again", "a run that came of a reset is reset", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await s.signal("one");
    await s.step([]);
    await reset(s);
    await s.step([]);
    await s.signal("two");
    await s.step([]);
    await reset(s, { workflowTaskFinishEventId: 8 });
    await s.step([complete("again")]);
  }),

  story("reset-retried", "a failed run that was retried is reset", async (s) => {
    const { runId } = await s.start({ retryPolicy: { initialInterval: seconds(1), maximumAttempts: 3 } });
    await s.signal("first");
    await s.step([fail(applicationFailure("first"))]);
    await s.step([]);
    await reset(s, { workflowExecution: { workflowId: s.name, runId }, workflowTaskFinishEventId: 5 });
    await s.step([fail(applicationFailure("second"))]);
    await s.step([complete("again")]);
  }),

  story("reset-cron", "a run of a cron schedule is reset while the next one waits", async (s) => {
    const { runId } = await s.start({ cronSchedule: "@every 2s" });
    await s.step([complete()]);
    await reset(s, { workflowExecution: { workflowId: s.name, runId } });
    await s.step([complete("again")]);
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("reset-timeouts", "a run that has timed out gets its time anew", async (s) => {
    await s.start({ workflowRunTimeout: seconds(2), workflowExecutionTimeout: seconds(60) });
    await s.step([timer("t", 30)]);
    await s.closed();
    await reset(s);
    await s.step([complete("again")]);
  }),

  story("reset-execution-timeout", "a chain that has expired gets its time anew", async (s) => {
    await s.start({ workflowExecutionTimeout: seconds(2) });
    await s.step([timer("t", 30)]);
    await s.closed();
    await reset(s);
    await s.describe();
    await s.step([complete("again")]);
  }),

  story("reset-post-operations", "options can be changed together with the reset", async (s) => {
    await s.start({ priority: { priorityKey: 2, fairnessKey: "before" } });
    await s.step([]);
    await reset(s, {
      postResetOperations: [
        {
          updateWorkflowOptions: {
            workflowExecutionOptions: { priority: { priorityKey: 1 } },
            updateMask: { paths: ["priority"] },
          },
        },
      ],
    });
    await s.step([complete("again")]);
  }),
];

type Reset = Init<RequestOf<"ResetWorkflowExecution">>;

function resetRequest(s: Play, extra: Reset = {}): Reset {
  return {
    namespace: "default",
    workflowExecution: { workflowId: s.name },
    reason: "story",
    workflowTaskFinishEventId: firstCompleted,
    requestId: `${s.name}-${++resets}`,
    ...extra,
  };
}

let resets = 0;

async function tryReset(s: Play, extra: Reset = {}): Promise<void> {
  const request = resetRequest(s, extra);
  const response = await s.attempt("ResetWorkflowExecution", request);
  if (response) s.meetRun(request.workflowExecution?.workflowId ?? "", response.runId);
}

async function reset(s: Play, extra: Reset = {}): Promise<void> {
  const request = resetRequest(s, extra);
  const { runId } = await s.call("ResetWorkflowExecution", request);
  s.meetRun(request.workflowExecution?.workflowId ?? "", runId);
}

/** Completes the next activity. */
async function act(s: Play): Promise<void> {
  const { taskToken } = await s.activityTask();
  await s.call("RespondActivityTaskCompleted", {
    namespace: "default",
    identity: "worker",
    taskToken,
    result: text("done"),
  });
}

function failed(s: Play, { taskToken }: WorkflowTask): Promise<unknown> {
  const cause = enums.WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE;
  return s.call("RespondWorkflowTaskFailed", { namespace: "default", identity: "worker", taskToken, cause });
}

function childOf(s: Play): string {
  return `${s.name}-child`;
}

async function childStep(s: Play, commands: Parameters<Play["complete"]>[1]): Promise<void> {
  await s.complete(await s.workflowTask(childOf(s)), commands);
}

type Message = WorkflowTask["messages"][number];

function any(name: string, value: Uint8Array) {
  return { type_url: `type.googleapis.com/${name}`, value };
}

function acceptance({ id, protocolInstanceId, body, eventId = 0 }: Message) {
  const bytes = update.Acceptance.encode({
    acceptedRequestMessageId: id,
    acceptedRequestSequencingEventId: eventId,
    acceptedRequest: update.Request.decode(body!.value),
  });
  return { id: `${protocolInstanceId}/accept`, protocolInstanceId, body: any(update.Acceptance.typeName, bytes) };
}

function response(updateId: string) {
  const bytes = update.Response.encode({ meta: { updateId, identity: "client" }, outcome: { success: text("done") } });
  return { id: `${updateId}/complete`, protocolInstanceId: updateId, body: any(update.Response.typeName, bytes) };
}

function pointers(updateId: string) {
  return ["accept", "complete"].map((what) => ({
    commandType: enums.CommandType.PROTOCOL_MESSAGE,
    protocolMessageCommandAttributes: { messageId: `${updateId}/${what}` },
  }));
}

function updateRequest(s: Play, updateId: string): Init<RequestOf<"UpdateWorkflowExecution">> {
  return {
    namespace: "default",
    workflowExecution: { workflowId: s.name },
    waitPolicy: { lifecycleStage: enums.UpdateWorkflowExecutionLifecycleStage.ACCEPTED },
    request: { meta: { updateId, identity: "client" }, input: { name: "change", args: text(updateId) } },
  };
}

/** Asks for an update, which the worker accepts and, unless told otherwise, completes. */
async function answeredUpdate(s: Play, updateId: string, { accepted = false } = {}): Promise<void> {
  const asked = s.call("UpdateWorkflowExecution", updateRequest(s, updateId));
  const task = await s.workflowTask();
  const [message] = task.messages;
  if (!message) throw new Error("the task has no message");
  const [accept, completed] = pointers(updateId);
  await s.complete(task, accepted ? [accept!] : [accept!, completed!], {
    messages: accepted ? [acceptance(message)] : [acceptance(message), response(updateId)],
  });
  await asked;
}

function outcome(s: Play, updateId: string): Promise<unknown> {
  return s.call("PollWorkflowExecutionUpdate", {
    namespace: "default",
    updateRef: { workflowExecution: { workflowId: s.name }, updateId },
    waitPolicy: { lifecycleStage: enums.UpdateWorkflowExecutionLifecycleStage.COMPLETED },
  });
}
