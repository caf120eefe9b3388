/** Children, and what workflows say to each other. */
import { enums } from "@pawl/protocol";
import {
  applicationFailure,
  cancelExternal,
  cancelWorkflow,
  child,
  complete,
  continueAsNew,
  fail,
  payload,
  seconds,
  signalExternal,
} from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const Close = enums.ParentClosePolicy;
const Reuse = enums.WorkflowIdReusePolicy;

export const familyStories: readonly Story[] = [
  story("child-complete", "a child starts, completes and tells its parent", async (s) => {
    await parent(s);
    await s.step();
    await childTask(s, [complete("child out")]);
    await s.step([complete()]);
  }),

  story("child-everything", "what a command gives a child is in its first event", async (s) => {
    await parent(s, {
      workflowExecutionTimeout: seconds(300),
      workflowRunTimeout: seconds(200),
      workflowTaskTimeout: seconds(5),
      control: "control",
      parentClosePolicy: Close.ABANDON,
      workflowIdReusePolicy: Reuse.REJECT_DUPLICATE,
      retryPolicy: { maximumAttempts: 3 },
      header: { fields: { h: payload("header") } },
      memo: { fields: { m: payload("memo") } },
      priority: { priorityKey: 1 },
    });
    await s.step();
    await childTask(s, [complete()]);
    await s.step([complete()]);
  }),

  story("child-failed", "a child fails and its parent gets the failure", async (s) => {
    await parent(s);
    await s.step();
    await childTask(s, [fail(applicationFailure("child failed"))]);
    await s.step([complete()]);
  }),

  story("child-cancelled", "a child that cancels itself tells its parent", async (s) => {
    await parent(s);
    await s.step();
    await childTask(s, [cancelWorkflow()]);
    await s.step([complete()]);
  }),

  story("child-terminated", "a child that is terminated tells its parent", async (s) => {
    await parent(s);
    await s.step();
    await s.call("TerminateWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: childOf(s) },
      reason: "enough",
    });
    await s.step([complete()]);
  }),

  story("child-timed-out", "a child that times out tells its parent", async (s) => {
    await parent(s, { workflowRunTimeout: seconds(1) });
    await s.step();
    await s.step([complete()]);
  }),

  story("child-retried", "a child that is retried ends for its parent with its last run", async (s) => {
    await parent(s, { retryPolicy: { initialInterval: seconds(1), maximumAttempts: 2 } });
    await s.step();
    await childTask(s, [fail(applicationFailure("first"))]);
    await childTask(s, [fail(applicationFailure("second"))]);
    await s.step([complete()]);
  }),

  story("child-continued", "a child that continues as new ends for its parent with its last run", async (s) => {
    await parent(s);
    await s.step();
    await childTask(s, [continueAsNew()]);
    await childTask(s, [complete("second run")]);
    await s.step([complete()]);
  }),

  story("child-already-started", "a child whose id is in use fails to start", async (s) => {
    await s.start({ workflowId: childOf(s), taskQueue: { name: `${s.name}-other` } });
    await parent(s);
    await s.step([complete()]);
  }),

  story(
    "child-rejected-duplicate",
    "a child whose id was used fails to start where it may not be used again",
    async (s) => {
      await parent(s);
      await s.step();
      await childTask(s, [complete()]);
      await s.step([child(childOf(s), { workflowIdReusePolicy: Reuse.REJECT_DUPLICATE })]);
      await s.step([complete()]);
    },
  ),

  ...closePolicies(),

  story("child-parent-continues", "a parent that continues as new leaves its children to their policy", async (s) => {
    await parent(s);
    const started = await s.workflowTask();
    const { workflowExecutionInfo } = await s.unrecorded("DescribeWorkflowExecution", execution(childOf(s)));
    s.meetRun(childOf(s), workflowExecutionInfo?.execution?.runId ?? "");
    await s.complete(started, [continueAsNew()]);
    await s.closed(childOf(s));
    await s.step([complete()]);
  }),

  story("child-cancel", "a parent cancels its child", async (s) => {
    await parent(s);
    await s.step([cancelExternal(childOf(s), { childWorkflowOnly: true, reason: "enough" })]);
    await s.step();
    await childTask(s, [cancelWorkflow()]);
    await s.step([complete()]);
  }),

  story("child-cancel-same-task", "a child cannot be started and cancelled in one workflow task", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.attempt(
      "RespondWorkflowTaskCompleted",
      s.completeRequest(task, [child(childOf(s)), cancelExternal(childOf(s), { childWorkflowOnly: true })]),
    );
    await s.step([complete()]);
  }),

  story("child-buffered", "what happens to a child during a workflow task comes after it", async (s) => {
    await parent(s);
    const started = await s.workflowTask();
    await childTask(s, [complete()]);
    // What the child tells its parent is on its way for a moment.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await s.call("SignalWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      signalName: "after",
    });
    await s.complete(started);
    await s.step([complete()]);
  }),

  story("external-signal", "a workflow signals another", async (s) => {
    await s.start({ workflowId: childOf(s), taskQueue: { name: childOf(s) } });
    await s.start();
    await s.step([signalExternal(childOf(s), { control: "control", header: { fields: { h: payload("header") } } })]);
    await s.step([complete()]);
    await childTask(s, [complete()]);
  }),

  story("external-signal-unknown", "a signal to a workflow that is not there fails", async (s) => {
    await s.start();
    await s.step([signalExternal(childOf(s))]);
    await s.step([complete()]);
  }),

  story("external-signal-closed", "a signal to a workflow that has closed fails", async (s) => {
    await s.start({ workflowId: childOf(s), taskQueue: { name: childOf(s) } });
    await childTask(s, [complete()]);
    await s.start();
    await s.step([signalExternal(childOf(s))]);
    await s.step([complete()]);
  }),

  story("external-signal-not-child", "a signal for a child only is refused by a workflow that is none", async (s) => {
    await s.start({ workflowId: childOf(s), taskQueue: { name: childOf(s) } });
    await s.start();
    await s.step([signalExternal(childOf(s), { childWorkflowOnly: true })]);
    await s.step([complete()]);
  }),

  story("external-cancel", "a workflow asks another to cancel itself", async (s) => {
    await s.start({ workflowId: childOf(s), taskQueue: { name: childOf(s) } });
    await s.start();
    await s.step([cancelExternal(childOf(s), { reason: "enough", control: "control" })]);
    await s.step([complete()]);
    await childTask(s, [cancelWorkflow()]);
  }),

  story("external-cancel-unknown", "a cancellation of a workflow that is not there fails", async (s) => {
    await s.start();
    await s.step([cancelExternal(childOf(s))]);
    await s.step([complete()]);
  }),

  story("external-cancel-self", "a workflow may ask itself to cancel", async (s) => {
    await s.start();
    await s.step([cancelExternal(s.name)]);
    await s.step([complete()]);
  }),
];

/** What becomes of a running child when its parent closes. */
function closePolicies(): Story[] {
  const rows = [
    ["terminate", Close.TERMINATE],
    ["abandon", Close.ABANDON],
    ["request-cancel", Close.REQUEST_CANCEL],
  ] as const;
  return rows.map(([name, parentClosePolicy]) =>
    story(`child-close-${name}`, `a child under the policy to ${name} when its parent completes`, async (s) => {
      await parent(s, { parentClosePolicy });
      const started = await s.workflowTask();
      const { workflowExecutionInfo } = await s.unrecorded("DescribeWorkflowExecution", execution(childOf(s)));
      s.meetRun(childOf(s), workflowExecutionInfo?.execution?.runId ?? "");
      await s.complete(started, [complete()]);
      if (parentClosePolicy === Close.TERMINATE) return void (await s.closed(childOf(s)));
      // The child's first workflow task, which shows what reached it until then.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await childTask(s, [complete()]);
    }),
  );
}

function execution(workflowId: string) {
  return { namespace: "default", execution: { workflowId } };
}

function childOf(s: Play): string {
  return `${s.name}-child`;
}

/** Starts the workflow and its child; the parent's next workflow task tells that the child has started. */
async function parent(s: Play, attributes: Parameters<typeof child>[1] = {}): Promise<void> {
  await s.start();
  await s.step([child(childOf(s), attributes)]);
}

async function childTask(s: Play, commands: Parameters<Play["complete"]>[1]): Promise<void> {
  const task = await s.workflowTask(childOf(s));
  await s.complete(task, commands);
}
