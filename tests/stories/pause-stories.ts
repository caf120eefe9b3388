/** Pausing a workflow: nothing of it is given to workers until it goes on. */
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { activity, complete, seconds, text, timer } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

export const workflowPauseStories: readonly Story[] = [
  story("paused-idle", "a workflow that is paused gets no workflow task until it goes on", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await pause(s);
    await s.describe();
    await s.signal("one");
    await s.noWorkflowTask();
    await s.describe();
    await unpause(s);
    await s.describe();
    await s.step([complete()]);
  }),

  story("paused-scheduled", "a workflow task that waits when its workflow is paused is taken back", async (s) => {
    await s.start();
    await pause(s);
    await s.describe();
    await s.noWorkflowTask();
    await unpause(s);
    await s.step([complete()]);
  }),

  story("paused-later-task", "a later workflow task that waits is taken back too", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await s.signal("one");
    await pause(s);
    await s.noWorkflowTask();
    await unpause(s);
    await s.step([complete()]);
  }),

  story("paused-started", "a workflow task in flight completes, and none follows it", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await pause(s);
    await s.describe();
    await s.complete(task, [activity(s.name), timer("t", 1)]);
    await s.noActivityTask();
    await s.describe();
    await s.noWorkflowTask();
    await unpause(s);
    await s.step([]);
    await act(s);
    await s.step([complete()]);
  }),

  story("paused-started-closing", "a workflow task in flight may end its workflow", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await pause(s);
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
    await s.describe();
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("paused-forced", "a workflow task in flight cannot be followed by another", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await pause(s);
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [], { forceCreateNewWorkflowTask: true }));
    await s.complete(task, [], { returnNewWorkflowTask: true });
    await unpause(s);
    await s.step([complete()]);
  }),

  story("paused-failing", "a workflow task in flight that fails is tried again after the pause", async (s) => {
    await s.start();
    const { taskToken } = await s.workflowTask();
    await pause(s);
    const cause = enums.WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE;
    await s.call("RespondWorkflowTaskFailed", { namespace: "default", identity: "worker", taskToken, cause });
    await s.noWorkflowTask();
    await unpause(s);
    await s.step([complete()]);
  }),

  story("paused-activity", "an activity that waits is held back, and one that runs ends", async (s) => {
    await s.start();
    await s.step([activity(s.name), activity(s.name, { activityId: "b", taskQueue: { name: `${s.name}-b` } })]);
    const { taskToken } = await s.activityTask(`${s.name}-b`);
    await pause(s);
    await s.call("RecordActivityTaskHeartbeat", { namespace: "default", taskToken, details: text("beat") });
    await s.noActivityTask();
    await s.call("RespondActivityTaskCompleted", { namespace: "default", identity: "worker", taskToken });
    await s.noWorkflowTask();
    await unpause(s);
    await s.step([]);
    await act(s);
    await s.step([complete()]);
  }),

  story(
    "paused-activity-retry",
    "an activity that fails while its workflow is paused is tried again after it",
    async (s) => {
      await s.start();
      // The pause is over by then: of a retry that is due in it, the reference server holds back some and hands out others.
      await s.step([activity(s.name, { retryPolicy: { initialInterval: { seconds: 4, nanos: 0 } } })]);
      const { taskToken } = await s.activityTask();
      await pause(s);
      await s.call("RespondActivityTaskFailed", { namespace: "default", identity: "worker", taskToken });
      await s.noActivityTask();
      await s.describe();
      await unpause(s);
      await act(s);
      await s.step([complete()]);
    },
  ),

  story("paused-twice", "pausing twice, and unpausing twice, is as once", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await pause(s);
    await tryPause(s);
    await tryPause(s, { requestId: "other", reason: "another" });
    await s.describe();
    await unpause(s);
    await tryUnpause(s);
    await s.signal("end");
    await s.step([complete()]);
  }),

  story("paused-refused", "what cannot be paused is refused", async (s) => {
    const { runId } = await s.start();
    await s.step([]);
    await tryUnpause(s);
    for (const extra of [
      { workflowId: "" },
      { workflowId: `${s.name}-unknown` },
      { runId: "no-uuid" },
      { runId: "00000000-0000-4000-8000-000000000000" },
      { requestId: "x".repeat(1001) },
      { identity: "x".repeat(1001) },
      { reason: "x".repeat(1001) },
      { requestId: "" },
    ]) {
      await tryPause(s, extra);
      await tryUnpause(s, extra);
    }
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
    await tryPause(s, { runId });
    await tryUnpause(s, { runId });
  }),

  story("paused-asked", "a paused workflow takes no updates and answers no queries", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await pause(s);
    await s.attempt("QueryWorkflow", {
      namespace: "default",
      execution: { workflowId: s.name },
      query: { queryType: "q" },
    });
    await s.attempt("UpdateWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      request: { meta: { updateId: "u" }, input: { name: "change" } },
    });
    await s.call("RequestCancelWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
    await unpause(s);
    await s.step([complete()]);
  }),

  story("paused-terminated", "a paused workflow can be terminated", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await pause(s);
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("paused-timer", "a timer fires while its workflow is paused", async (s) => {
    await s.start();
    await s.step([timer("t", 1)]);
    await pause(s);
    await s.noWorkflowTask();
    await s.describe();
    await unpause(s);
    await s.step([complete()]);
  }),

  story("paused-timeout", "a paused workflow times out", async (s) => {
    await s.start({ workflowRunTimeout: seconds(5) });
    await s.step([timer("t", 60)]);
    await pause(s);
    await s.event(enums.EventType.WORKFLOW_EXECUTION_TIMED_OUT);
  }),

  story("paused-again", "a start finds a paused workflow running", async (s) => {
    await s.start();
    await s.step([]);
    await pause(s);
    await s.attempt("StartWorkflowExecution", s.startRequest({ requestId: "second" }));
    await s.attempt(
      "StartWorkflowExecution",
      s.startRequest({
        requestId: "third",
        workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy.USE_EXISTING,
      }),
    );
    await unpause(s);
    await s.signal("end");
    await s.step([complete()]);
  }),

  story("paused-reset", "a paused workflow that is reset goes on unpaused", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await pause(s);
    const { runId } = await s.call("ResetWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      reason: "story",
      workflowTaskFinishEventId: 4,
      requestId: "reset",
    });
    s.meetRun(s.name, runId);
    await s.step([complete()]);
  }),
];

type Pause = Init<RequestOf<"PauseWorkflowExecution">>;

function request(s: Play, extra: Pause): Pause {
  return { namespace: "default", workflowId: s.name, identity: "operator", reason: "story", requestId: "p", ...extra };
}

function tryPause(s: Play, extra: Pause = {}): Promise<unknown> {
  return s.attempt("PauseWorkflowExecution", request(s, extra));
}

function tryUnpause(s: Play, extra: Pause = {}): Promise<unknown> {
  return s.attempt("UnpauseWorkflowExecution", request(s, extra));
}

function pause(s: Play, extra: Pause = {}): Promise<unknown> {
  return s.call("PauseWorkflowExecution", request(s, extra));
}

function unpause(s: Play, extra: Pause = {}): Promise<unknown> {
  return s.call("UnpauseWorkflowExecution", request(s, extra));
}

async function act(s: Play): Promise<void> {
  const { taskToken } = await s.activityTask();
  await s.call("RespondActivityTaskCompleted", { namespace: "default", identity: "worker", taskToken });
}
