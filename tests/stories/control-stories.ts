/** What operators do to an open run: change its options, attach requests to it, pause it. */
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { activity, child, complete, timer } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const Conflict = enums.WorkflowIdConflictPolicy;

export const controlStories: readonly Story[] = [
  story(
    "options-priority",
    "a run's priority is changed whole, and its activities and tasks have it from then on",
    async (s) => {
      await s.start({ priority: { priorityKey: 2, fairnessKey: "a", fairnessWeight: 2 } });
      await s.step([timer("t", 60)]);
      await options(s, { priority: { priorityKey: 4 } }, ["priority"]);
      await s.describe();
      await s.signal("go");
      await s.step([activity(s.name)]);
      await s.activityTask();
      await options(s, {}, ["priority"]);
      await s.describe();
      await s.signal("end");
      await s.step([complete()]);
    },
  ),

  story(
    "options-fields",
    "single fields of the priority are changed, and a change that changes nothing leaves no event",
    async (s) => {
      await s.start();
      await s.step([]);
      await options(s, { priority: { priorityKey: 1, fairnessKey: "k", fairnessWeight: 3 } }, [
        "priority.priority_key",
      ]);
      await options(s, { priority: { priorityKey: 1 } }, ["priority.priority_key"]);
      await options(s, { priority: { fairnessKey: "k" } }, ["priority.fairness_key"]);
      await options(s, { priority: { fairnessWeight: 3 } }, ["priority.fairness_weight"]);
      await tryOptions(s, { updateMask: { paths: [] } });
      await tryOptions(s, { updateMask: { paths: ["priority.fairnessWeight"] } });
      await s.signal("end");
      await s.step([complete()]);
    },
  ),

  story("options-buffered", "options that change during a workflow task are in history after it", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await options(s, { priority: { priorityKey: 1 } }, ["priority"], { identity: "operator" });
    await s.describe();
    await s.complete(task, [timer("t", 60)]);
    await s.step([complete()]);
  }),

  story("options-refused", "options that make no sense are refused", async (s) => {
    const { runId } = await s.start();
    await s.step([]);
    await tryOptions(s, { updateMask: undefined });
    await tryOptions(s, { updateMask: { paths: ["nonsense"] } });
    await tryOptions(s, { updateMask: { paths: ["priority.nonsense"] } });
    await tryOptions(s, { updateMask: { paths: ["versioning_override.behavior"] } });
    await tryOptions(s, { workflowExecutionOptions: undefined });
    await tryOptions(s, { workflowExecutionOptions: { priority: { priorityKey: -1 } } });
    await tryOptions(s, { workflowExecutionOptions: { priority: { fairnessKey: "x".repeat(65) } } });
    await tryOptions(s, { workflowExecutionOptions: { priority: { fairnessWeight: -1 } } });
    const timeSkippingConfig = { enabled: true };
    await tryOptions(s, {
      workflowExecutionOptions: { timeSkippingConfig },
      updateMask: { paths: ["time_skipping_config"] },
    });
    await tryOptions(s, { workflowExecution: undefined });
    await tryOptions(s, { workflowExecution: { workflowId: "" } });
    await tryOptions(s, { workflowExecution: { workflowId: `${s.name}-unknown` } });
    await tryOptions(s, { workflowExecution: { workflowId: s.name, runId: "no-uuid" } });
    await tryOptions(s, { identity: "x".repeat(1001) });
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
    await tryOptions(s, { workflowExecution: { workflowId: s.name, runId } });
  }),

  story(
    "options-inherited",
    "activities and children have the priority of their workflow, but for what they set",
    async (s) => {
      await s.start({ priority: { priorityKey: 2, fairnessKey: "a" } });
      const priority = { priorityKey: 4 };
      await s.step([
        activity(s.name),
        activity(s.name, { activityId: "b", taskQueue: { name: `${s.name}-b` }, priority }),
      ]);
      await s.activityTask();
      await s.activityTask(`${s.name}-b`);
      for (const own of [{}, { priority }]) {
        const queue = `${s.name}-${Object.keys(own).length}`;
        await s.signal("next");
        await s.step([child(queue, { parentClosePolicy: enums.ParentClosePolicy.ABANDON, ...own })]);
        await s.step([]);
        await s.complete(await s.workflowTask(queue), [complete()]);
        await s.step([]);
      }
      await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
    },
  ),

  story("options-start", "a start with a priority that makes no sense is refused", async (s) => {
    await s.attempt("StartWorkflowExecution", s.startRequest({ priority: { priorityKey: -1 } }));
    await s.attempt("StartWorkflowExecution", s.startRequest({ priority: { fairnessKey: "x".repeat(65) } }));
    await s.attempt("StartWorkflowExecution", s.startRequest({ priority: { fairnessWeight: -1 } }));
  }),

  story(
    "attach-request",
    "a start that finds its workflow running attaches its request id and links to it",
    async (s) => {
      await s.start();
      await s.step([timer("t", 60)]);
      await attach(s, { requestId: "second", onConflictOptions: { attachRequestId: true } });
      await attach(s, { requestId: "second", onConflictOptions: { attachRequestId: true } });
      await attach(s, { requestId: "third", links: [link("l")], onConflictOptions: { attachLinks: true } });
      await attach(s, {
        requestId: "fourth",
        links: [link("m")],
        onConflictOptions: { attachLinks: true, attachRequestId: true },
      });
      await attach(s, { requestId: "fifth", links: [link("n")], onConflictOptions: {} });
      await s.describe();
      await s.signal("end");
      await s.step([complete()]);
      await attach(s, { requestId: "second", onConflictOptions: { attachRequestId: true } });
    },
  ),

  story("attach-buffered", "a request that is attached during a workflow task is in history after it", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await attach(s, { requestId: "second", onConflictOptions: { attachRequestId: true } });
    await attach(s, { requestId: "second", onConflictOptions: { attachRequestId: true } });
    await s.describe();
    await s.complete(task, [timer("t", 60)]);
    await s.step([complete()]);
  }),

  story("attach-reset", "requests that were attached are attached to the run after a reset too", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await attach(s, {
      requestId: "second",
      links: [link("l")],
      onConflictOptions: { attachRequestId: true, attachLinks: true },
    });
    await options(s, { priority: { priorityKey: 1 } }, ["priority"]);
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

  story("attach-terminated", "a start that ends the running workflow attaches nothing", async (s) => {
    await s.start();
    await s.step([]);
    await attach(s, {
      requestId: "second",
      workflowIdConflictPolicy: Conflict.TERMINATE_EXISTING,
      onConflictOptions: { attachRequestId: true, attachLinks: true },
      links: [link("l")],
    });
    await s.step([complete()]);
  }),

  story("links", "links are kept with the events that they were given for", async (s) => {
    await s.start({ links: [link("start")] });
    await s.step([]);
    await s.signal("one", { links: [link("signal")] });
    await s.call("RequestCancelWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      links: [link("cancel")],
    });
    await s.call("TerminateWorkflowExecution", {
      namespace: "default",
      workflowExecution: { workflowId: s.name },
      links: [link("terminate")],
    });
    await s.call("SignalWithStartWorkflowExecution", {
      namespace: "default",
      workflowId: s.name,
      workflowType: { name: "Story" },
      taskQueue: { name: s.name },
      signalName: "two",
      requestId: "two",
      links: [link("both")],
    });
    await s.step([complete()]);
  }),

  story("links-refused", "too many links, and links that are too large, are refused", async (s) => {
    const many = Array.from({ length: 11 }, (_, index) => link(`l${index}`));
    const large = [link("x".repeat(4000))];
    for (const links of [many, large, [{}], [{ workflowEvent: { namespace: "default" } }]])
      await s.attempt("StartWorkflowExecution", s.startRequest({ links }));
    await s.start();
    for (const links of [many, large, [{}]]) {
      const workflowExecution = { workflowId: s.name };
      await s.attempt("SignalWorkflowExecution", { namespace: "default", workflowExecution, signalName: "s", links });
      await s.attempt("RequestCancelWorkflowExecution", { namespace: "default", workflowExecution, links });
      await s.attempt("TerminateWorkflowExecution", { namespace: "default", workflowExecution, links });
    }
    await s.step([complete()]);
  }),

  story("reported-problems", "workflow tasks that fail again and again are reported until one completes", async (s) => {
    await s.start();
    for (let attempt = 1; attempt <= 5; attempt++) {
      const { taskToken } = await s.workflowTask();
      const cause = enums.WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR;
      await s.call("RespondWorkflowTaskFailed", { namespace: "default", identity: "worker", taskToken, cause });
      await s.describe();
    }
    await s.step([timer("t", 60)]);
    await s.describe();
    await s.signal("end");
    await s.step([complete()]);
  }),

  story("reported-problems-closed", "a run that is closed while its tasks fail keeps the report", async (s) => {
    await s.start();
    for (let attempt = 1; attempt <= 6; attempt++) {
      const { taskToken } = await s.workflowTask();
      const cause = enums.WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE;
      await s.call("RespondWorkflowTaskFailed", { namespace: "default", identity: "worker", taskToken, cause });
    }
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),
];

type Options = Init<RequestOf<"UpdateWorkflowExecutionOptions">>;

function optionsRequest(s: Play, extra: Options = {}): Options {
  return {
    namespace: "default",
    workflowExecution: { workflowId: s.name },
    workflowExecutionOptions: { priority: { priorityKey: 3 } },
    updateMask: { paths: ["priority"] },
    ...extra,
  };
}

function tryOptions(s: Play, extra: Options): Promise<unknown> {
  return s.attempt("UpdateWorkflowExecutionOptions", optionsRequest(s, extra));
}

function options(
  s: Play,
  workflowExecutionOptions: Options["workflowExecutionOptions"],
  paths: string[],
  extra: Options = {},
): Promise<unknown> {
  const request = optionsRequest(s, { workflowExecutionOptions, updateMask: { paths }, ...extra });
  return s.call("UpdateWorkflowExecutionOptions", request);
}

async function attach(s: Play, extra: Init<RequestOf<"StartWorkflowExecution">>): Promise<void> {
  const request = s.startRequest({ workflowIdConflictPolicy: Conflict.USE_EXISTING, ...extra });
  const response = await s.attempt("StartWorkflowExecution", request);
  if (response) s.meetRun(s.name, response.runId);
}

function link(workflowId: string) {
  const eventRef = { eventId: 1, eventType: enums.EventType.WORKFLOW_EXECUTION_STARTED };
  return {
    workflowEvent: { namespace: "default", workflowId, runId: "11111111-1111-4111-8111-111111111111", eventRef },
  };
}
