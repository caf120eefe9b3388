/** Starting, messages, workflow tasks, closing and chains of workflows. */
import { enums } from "@pawl/protocol";
import { idPolicyStories } from "./id-policy-stories.ts";
import {
  applicationFailure,
  cancelWorkflow,
  complete,
  continueAsNew,
  fail,
  marker,
  payload,
  seconds,
  sticky,
  text,
  timer,
} from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const Reuse = enums.WorkflowIdReusePolicy;
const Conflict = enums.WorkflowIdConflictPolicy;
const Cause = enums.WorkflowTaskFailedCause;

export const workflowStories: readonly Story[] = [
  story("start-and-complete", "a workflow starts, does one workflow task and completes", async (s) => {
    await s.start();
    await s.describe();
    await s.step([complete()]);
    await s.closed();
  }),

  story("start-with-everything", "what a start gives is in its first event and in Describe", async (s) => {
    await s.start({
      workflowExecutionTimeout: seconds(300),
      workflowRunTimeout: seconds(200),
      workflowTaskTimeout: seconds(20),
      memo: { fields: { note: payload("memo") } },
      header: { fields: { trace: payload("header") } },
      searchAttributes: {
        indexedFields: {
          BuildIds: {
            ...payload(["x"]),
            metadata: { encoding: Buffer.from("json/plain"), type: Buffer.from("KeywordList") },
          },
        },
      },
      retryPolicy: { initialInterval: seconds(2), maximumAttempts: 3 },
      userMetadata: { summary: payload("summary"), details: payload("details") },
      priority: { priorityKey: 2, fairnessKey: "f", fairnessWeight: 2 },
    });
    await s.describe();
    await s.step([complete()]);
  }),

  story("start-long-timeouts", "timeouts are cut to those that contain them", async (s) => {
    await s.start({
      workflowExecutionTimeout: seconds(30),
      workflowRunTimeout: seconds(100),
      workflowTaskTimeout: seconds(500),
    });
    await s.step([complete()]);
  }),

  story("start-request-id", "the same request id starts nothing twice, also once it has closed", async (s) => {
    await s.start();
    await s.start();
    await s.attempt("StartWorkflowExecution", s.startRequest({ requestId: "other" }));
    await s.step([complete()]);
    await s.start();
    await s.attempt("StartWorkflowExecution", s.startRequest({ requestId: "next" }));
    await s.step([complete()]);
  }),

  ...idPolicyStories(),

  story("start-use-existing-attach", "a start that uses the existing run can attach its request id", async (s) => {
    await s.start();
    const onConflictOptions = { attachRequestId: true };
    const workflowIdConflictPolicy = Conflict.USE_EXISTING;
    await s.attempt(
      "StartWorkflowExecution",
      s.startRequest({ requestId: "second", workflowIdConflictPolicy, onConflictOptions }),
    );
    await s.attempt(
      "StartWorkflowExecution",
      s.startRequest({ requestId: "second", workflowIdConflictPolicy, onConflictOptions }),
    );
    await s.step([complete()]);
  }),

  story("start-delay", "a start with a delay has its first workflow task after it", async (s) => {
    await s.start({ workflowStartDelay: seconds(1) });
    await s.describe();
    await s.signal("early");
    await s.step([complete()]);
  }),

  story("start-delay-skipped", "signal with start on a delayed run skips the delay", async (s) => {
    await s.start({ workflowStartDelay: seconds(60) });
    await signalWithStart(s);
    await s.step([complete()]);
  }),

  story("start-delay-cancel", "a cancel request skips a start delay", async (s) => {
    await s.start({ workflowStartDelay: seconds(60) });
    await cancel(s);
    await s.step([cancelWorkflow()]);
  }),

  story("start-eager", "an eager start brings the first workflow task", async (s) => {
    const { eagerWorkflowTask } = await s.start({ requestEagerExecution: true });
    if (eagerWorkflowTask) await s.complete(s.opened(eagerWorkflowTask), [complete()]);
    else await s.step([complete()]);
  }),

  story("signal-idle", "a signal to an idle workflow makes a workflow task", async (s) => {
    await s.start();
    await s.step();
    await s.signal("one", { requestId: "r1", header: { fields: { h: payload("header") } } });
    await s.signal("two");
    await s.step([complete()]);
  }),

  story("signal-dedupe", "a signal with the request id of an earlier one changes nothing", async (s) => {
    await s.start();
    await s.signal("one", { requestId: "r1" });
    await s.signal("one", { requestId: "r1" });
    await s.step();
    await s.signal("again", { requestId: "r1" });
    await s.noWorkflowTask();
    await s.signal("one", { requestId: "r2" });
    await s.step([complete()]);
  }),

  story("signal-buffered", "a signal during a workflow task comes after what the task commands", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.signal("one");
    await s.signal("two");
    await s.history();
    await s.describe();
    await s.complete(task, [marker(), timer("t", 60)]);
    await s.step([complete()]);
  }),

  story("signal-closed", "a closed workflow takes no signal, cancel or terminate", async (s) => {
    await s.start();
    await s.step([complete()]);
    await s.attempt("SignalWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      signalName: "late",
    });
    await s.attempt("RequestCancelWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
    });
    await s.attempt("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("signal-with-start", "signal with start starts a workflow, and signals it when it runs", async (s) => {
    await signalWithStart(s, { requestId: "r1" });
    await signalWithStart(s, { requestId: "r1" });
    await signalWithStart(s, { requestId: "r2" });
    await s.step([complete()]);
    await signalWithStart(s, { requestId: "r3" });
    await s.step([complete()]);
    await s.attempt(
      "SignalWithStartWorkflowExecution",
      signalWithStartRequest(s, { requestId: "r4", workflowIdReusePolicy: Reuse.REJECT_DUPLICATE }),
    );
    await signalWithStart(s, { requestId: "r5" });
    await signalWithStart(s, { requestId: "r6", workflowIdConflictPolicy: Conflict.TERMINATE_EXISTING });
    await s.step([complete()]);
  }),

  story("unhandled-command", "a close command is refused when something came meanwhile", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.signal("meanwhile");
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
    await s.step([complete()]);
  }),

  story("task-failed", "a failed workflow task is tried again without events after the first failure", async (s) => {
    await s.start();
    await failTask(s);
    await s.describe();
    await failTask(s, Cause.NON_DETERMINISTIC_ERROR);
    await s.describe();
    await s.history();
    await s.step([complete()]);
  }),

  story("task-failed-signal", "a signal makes a repeated workflow task an ordinary one", async (s) => {
    await s.start();
    await failTask(s);
    await s.signal("now");
    await s.step([complete()]);
  }),

  story(
    "task-failed-signal-during",
    "a signal during a repeated workflow task is written after its failure",
    async (s) => {
      await s.start();
      await failTask(s);
      const task = await s.workflowTask();
      await s.signal("now");
      await s.call("RespondWorkflowTaskFailed", {
        namespace: "default",
        taskToken: task.taskToken,
        cause: Cause.UNHANDLED_COMMAND,
        identity: "worker",
      });
      await s.step([complete()]);
    },
  ),

  story("task-failed-reported", "five failures in a row are shown as a problem", async (s) => {
    await s.start();
    for (let attempt = 1; attempt <= 5; attempt++) await failTask(s);
    await s.describe();
    await s.step([complete()]);
  }),

  story("task-timeout", "a workflow task that is not completed in time is tried again", async (s) => {
    await s.start({ workflowTaskTimeout: seconds(1) });
    const late = await s.workflowTask();
    const next = await s.workflowTask();
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(late, [complete()]));
    await s.attempt("RespondWorkflowTaskFailed", {
      namespace: "default",
      taskToken: late.taskToken,
      identity: "worker",
    });
    await s.complete(next, [complete()]);
  }),

  story("task-timeout-twice", "the second timeout of a workflow task leaves no event", async (s) => {
    await s.start({ workflowTaskTimeout: seconds(1) });
    await s.workflowTask();
    await s.workflowTask();
    await s.step([complete()]);
  }),

  story("task-token-again", "a workflow task is completed once", async (s) => {
    await s.start();
    const task = await s.step([timer("t", 60)]);
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
    await s.signal("go");
    await s.step([complete()]);
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
  }),

  story(
    "sticky",
    "the next workflow task of a sticky worker comes on its own queue with the new events only",
    async (s) => {
      await s.start();
      await s.step([], { stickyAttributes: sticky(`${s.name}-mine`) });
      await s.describe();
      const waiting = stickyTask(s);
      await s.signal("go");
      await s.complete(await waiting, [complete()], { stickyAttributes: sticky(`${s.name}-mine`) });
    },
  ),

  story("sticky-timeout", "a sticky workflow task that nobody takes goes back to the task queue", async (s) => {
    await s.start();
    const poll = stickyTask(s);
    const first = await s.workflowTask();
    await s.complete(first, [], { stickyAttributes: sticky(`${s.name}-mine`, 1) });
    await s.signal("first");
    await s.complete(await poll, [], { stickyAttributes: sticky(`${s.name}-mine`, 1) });
    await s.signal("second");
    await s.step([complete()]);
  }),

  story("sticky-failed", "a failure on a sticky queue clears it and counts no attempt", async (s) => {
    await s.start();
    await s.step([], { stickyAttributes: sticky(`${s.name}-mine`) });
    const waiting = stickyTask(s);
    await s.signal("go");
    await s.call("RespondWorkflowTaskFailed", {
      namespace: "default",
      taskToken: (await waiting).taskToken,
      cause: Cause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
      identity: "worker",
      failure: applicationFailure("once"),
    });
    await failTask(s);
    await s.step([complete()]);
  }),

  story("sticky-reset", "resetting the sticky queue sends the next workflow task to the task queue", async (s) => {
    await s.start();
    await s.step([], { stickyAttributes: sticky(`${s.name}-mine`) });
    await s.call("ResetStickyTaskQueue", { namespace: "default", execution: { workflowId: s.name } });
    await s.signal("go");
    await s.step([complete()]);
  }),

  story("return-new-task", "a completion can bring the next workflow task with it", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.signal("meanwhile");
    const answer = await s.complete(task, [], { returnNewWorkflowTask: true });
    await s.complete(s.opened(answer.workflowTask), [complete()]);
  }),

  story("return-new-task-none", "a completion brings no workflow task when there is none to do", async (s) => {
    await s.start();
    await s.step([timer("t", 60)], { returnNewWorkflowTask: true });
  }),

  story("force-new-task", "a forced workflow task keeps a long one alive", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    const answer = await s.complete(task, [], { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true });
    const again = await s.complete(s.opened(answer.workflowTask), [marker()], { forceCreateNewWorkflowTask: true });
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(answer.workflowTask!, [complete()]));
    if (again.workflowTask === undefined) await s.step([complete()]);
  }),

  story("sdk-metadata", "what an SDK says of itself is in the completed event", async (s) => {
    await s.start();
    await s.step([complete()], {
      sdkMetadata: { coreUsedFlags: [1], langUsedFlags: [2, 3], sdkName: "story", sdkVersion: "1.0" },
      meteringMetadata: { nonfirstLocalActivityExecutionAttempts: 3 },
      binaryChecksum: "sum",
      workerVersionStamp: { buildId: "build", useVersioning: false },
    });
  }),

  story("cancel", "a cancel request is an event, once, and the workflow decides", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await cancel(s, { reason: "enough", requestId: "r1" });
    await s.attempt("RequestCancelWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      requestId: "r1",
    });
    await s.attempt("RequestCancelWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      requestId: "r2",
    });
    await s.describe();
    await s.step([cancelWorkflow()]);
  }),

  story("terminate", "a terminated workflow has its reason and details", async (s) => {
    await s.start();
    await terminate(s, { reason: "enough", details: text("details") });
    await s.noWorkflowTask();
  }),

  story("terminate-started", "terminating during a workflow task fails the task first", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.signal("lost");
    await terminate(s);
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
  }),

  story("terminate-transient", "terminating during a repeated workflow task leaves no event of it", async (s) => {
    await s.start();
    await failTask(s);
    await s.workflowTask();
    await terminate(s);
  }),

  story("terminate-first-run", "a first run id that differs protects a later chain", async (s) => {
    await s.start();
    await s.attempt("TerminateWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      firstExecutionRunId: "8f9b64c0-6a5e-4d1e-9d3d-2f0c6f4f0001",
    });
    await s.attempt("RequestCancelWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      firstExecutionRunId: "8f9b64c0-6a5e-4d1e-9d3d-2f0c6f4f0001",
    });
    await s.step([complete()]);
  }),

  story("run-timeout", "a run that takes too long times out", async (s) => {
    await s.start({ workflowRunTimeout: seconds(1) });
    await s.closed();
  }),

  story("run-timeout-started", "a run that times out during a workflow task fails the task first", async (s) => {
    await s.start({ workflowRunTimeout: seconds(1) });
    await s.workflowTask();
    await s.signal("lost");
    await s.closed();
  }),

  story("run-timeout-retry", "a run that times out is retried by its policy, until the last attempt", async (s) => {
    const started = await s.start({
      workflowRunTimeout: seconds(1),
      retryPolicy: { initialInterval: seconds(1), maximumAttempts: 2 },
    });
    await s.closed(s.name, started.runId);
    await s.describe();
    await s.closed();
  }),

  story("execution-timeout-retry", "the execution timeout ends the retries", async (s) => {
    await s.start({
      workflowExecutionTimeout: seconds(4),
      retryPolicy: { initialInterval: seconds(1.5), backoffCoefficient: 1 },
    });
    await s.step([fail()]);
    await s.step([fail()]);
    await s.closed();
  }),

  story("workflow-retry", "a failed workflow is retried as a new run with the failure of the last", async (s) => {
    await s.start({
      retryPolicy: { initialInterval: seconds(1), maximumAttempts: 2 },
      memo: { fields: { note: payload("memo") } },
      header: { fields: { h: payload("header") } },
    });
    await s.step([fail()]);
    await s.describe();
    await s.step([fail(applicationFailure("last"))]);
    await s.closed();
  }),

  story("workflow-retry-delay", "a failure's next retry delay replaces the policy's interval", async (s) => {
    await s.start({ retryPolicy: { initialInterval: seconds(60), maximumAttempts: 3 } });
    await s.step([fail(applicationFailure("soon", { nextRetryDelay: seconds(1) }))]);
    await s.step([complete()]);
  }),

  story("workflow-retry-not", "a failure that is not retryable ends a workflow with a retry policy", async (s) => {
    await s.start({ retryPolicy: { initialInterval: seconds(1) } });
    await s.step([fail(applicationFailure("no", { nonRetryable: true }))]);
  }),

  story("workflow-retry-type", "a failure of a listed type ends a workflow with a retry policy", async (s) => {
    await s.start({ retryPolicy: { initialInterval: seconds(1), nonRetryableErrorTypes: ["Broken"] } });
    await s.step([fail()]);
  }),

  story("workflow-fail", "a workflow without a retry policy fails for good", async (s) => {
    await s.start();
    await s.step([
      fail(applicationFailure("outer", {}, { cause: applicationFailure("inner"), stackTrace: "at line 1" })),
    ]);
  }),

  story("continue-as-new", "a run that continues as new inherits what the command leaves out", async (s) => {
    await s.start({
      workflowExecutionTimeout: seconds(300),
      workflowRunTimeout: seconds(200),
      memo: { fields: { note: payload("memo") } },
      header: { fields: { h: payload("header") } },
      retryPolicy: { maximumAttempts: 5 },
      priority: { priorityKey: 2 },
    });
    await s.step([continueAsNew({ input: text("next") })]);
    await s.describe();
    await s.step([complete()]);
  }),

  story("continue-as-new-given", "a run that continues as new takes what the command gives", async (s) => {
    await s.start();
    await s.step([
      continueAsNew({
        workflowType: { name: "Other" },
        taskQueue: { name: `${s.name}-other` },
        input: text("next"),
        workflowRunTimeout: seconds(100),
        workflowTaskTimeout: seconds(5),
        backoffStartInterval: seconds(1),
        memo: { fields: { note: payload("new") } },
        header: { fields: { h: payload("new") } },
        retryPolicy: { maximumAttempts: 2 },
        lastCompletionResult: text("last"),
        initiator: enums.ContinueAsNewInitiator.WORKFLOW,
      }),
    ]);
    await s.describe();
    const task = await s.workflowTask(`${s.name}-other`);
    await s.complete(task, [complete()]);
  }),

  story(
    "continue-as-new-signal",
    "a signal during the last workflow task keeps a run from continuing as new",
    async (s) => {
      await s.start();
      const task = await s.workflowTask();
      await s.signal("meanwhile");
      await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [continueAsNew()]));
      await s.step([continueAsNew()]);
      await s.signal("to the second");
      await s.step([complete()]);
    },
  ),

  story("close-commands", "nothing may follow a close command", async (s) => {
    await s.start({ workflowTaskTimeout: seconds(1) });
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(await s.workflowTask(), [complete(), marker()]));
    await s.attempt(
      "RespondWorkflowTaskCompleted",
      s.completeRequest(await s.workflowTask(), [complete(), complete("twice")]),
    );
    await s.history();
  }),

  story("grpc-too-large", "a completion too large for the transport terminates the workflow", async (s) => {
    await s.start();
    await failTask(s, Cause.GRPC_MESSAGE_TOO_LARGE);
  }),

  story("unknown-workflow", "a workflow that never was cannot be found", async (s) => {
    await s.attempt("DescribeWorkflowExecution", { namespace: "default", execution: { workflowId: `${s.name}` } });
    await s.attempt("GetWorkflowExecutionHistory", {
      namespace: "default",
      execution: { workflowId: `${s.name}` },
    });
  }),
];

function signalWithStartRequest(s: Play, extra: object = {}) {
  return { ...s.startRequest({ requestId: "sws" }), signalName: "with start", signalInput: text("signal"), ...extra };
}

async function signalWithStart(s: Play, extra: object = {}): Promise<void> {
  const { runId } = await s.call("SignalWithStartWorkflowExecution", signalWithStartRequest(s, extra));
  s.meetRun(s.name, runId);
}

async function cancel(s: Play, extra: object = {}): Promise<void> {
  const workflowExecution = { workflowId: s.name };
  await s.call("RequestCancelWorkflowExecution", {
    namespace: "default",
    workflowExecution,
    identity: "client",
    ...extra,
  });
}

async function terminate(s: Play, extra: object = {}): Promise<void> {
  const workflowExecution = { workflowId: s.name };
  await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution, identity: "client", ...extra });
}

async function failTask(
  s: Play,
  cause: enums.WorkflowTaskFailedCause = Cause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
): Promise<void> {
  const { taskToken } = await s.workflowTask();
  const failure = applicationFailure("task failed");
  await s.call("RespondWorkflowTaskFailed", { namespace: "default", taskToken, cause, failure, identity: "worker" });
}

function stickyTask(s: Play) {
  const taskQueue = { name: `${s.name}-mine`, kind: enums.TaskQueueKind.STICKY, normalName: s.name };
  return s.workflowTask(undefined, { taskQueue });
}
