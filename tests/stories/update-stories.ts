/** Updates: their workflow tasks, the stages that callers wait for, and what becomes of them when a run ends. */
import { setTimeout as delay } from "node:timers/promises";
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { activity, complete, continueAsNew, fail, sticky, text, timer } from "./requests.ts";
import { type Play, type Story, story, type WorkflowTask } from "./story.ts";
import { acceptance, answerUpdates, completeUpdates, type Verdict } from "./update-messages.ts";

type UpdateRequest = Init<RequestOf<"UpdateWorkflowExecution">>;

const Stage = enums.UpdateWorkflowExecutionLifecycleStage;
type Stage = enums.UpdateWorkflowExecutionLifecycleStage;

export const updateStories: readonly Story[] = [
  story(
    "update-complete",
    "an update that is accepted and completed at once tells its caller the result",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      await answer(s, "complete");
      await asked;
      await finish(s);
    },
  ),

  story("update-reject", "an update that is rejected leaves no trace", async (s) => {
    await idle(s);
    const asked = ask(s, "u");
    await answer(s, "reject");
    await asked;
    await s.history();
    await finish(s);
  }),

  story("update-reject-again", "a rejected update is known no more, and may be asked for again", async (s) => {
    await idle(s);
    const rejected = [ask(s, "u", Stage.ACCEPTED)];
    await admitted(s, "u");
    rejected.push(poll(s, "u", Stage.COMPLETED));
    await answer(s, "reject");
    await Promise.all(rejected);
    await poll(s, "u");
    await poll(s, "u", Stage.COMPLETED);
    const again = ask(s, "u");
    await answer(s, "complete");
    await again;
    await poll(s, "u");
    await finish(s);
  }),

  story("update-accepted", "a caller may wait for acceptance alone, and ask for the outcome later", async (s) => {
    await idle(s);
    const asked = ask(s, "u", Stage.ACCEPTED);
    await answer(s, "accept");
    await asked;
    await poll(s, "u", Stage.ACCEPTED);
    const outcome = poll(s, "u", Stage.COMPLETED);
    await s.signal("go");
    await completeLater(s, ["u"]);
    await outcome;
    await finish(s);
  }),

  story("update-poll-unspecified", "a poll that waits for nothing says how far the update has come", async (s) => {
    await idle(s);
    await poll(s, "u");
    const asked = ask(s, "u", Stage.ACCEPTED);
    await admitted(s, "u");
    await poll(s, "u");
    await answer(s, "accept");
    await asked;
    await poll(s, "u");
    await s.signal("go");
    await completeLater(s, ["u"]);
    await poll(s, "u");
    await finish(s);
  }),

  story("update-same-id", "an update id that comes again is the same update", async (s) => {
    await idle(s);
    const asked = [ask(s, "u", Stage.ACCEPTED)];
    await admitted(s, "u");
    await answer(s, "accept");
    await Promise.all(asked);
    await ask(s, "u", Stage.ACCEPTED);
    await s.signal("go");
    await completeLater(s, ["u"]);
    await ask(s, "u", Stage.COMPLETED);
    await s.history();
    await finish(s);
  }),

  story("update-several", "several updates go with one workflow task, each with a verdict of its own", async (s) => {
    await s.start();
    const asked: Promise<unknown>[] = [];
    for (const id of ["one", "two", "three"]) {
      asked.push(ask(s, id, id === "two" ? Stage.ACCEPTED : Stage.COMPLETED));
      await admitted(s, id);
    }
    const verdicts: Record<string, Verdict> = { one: "complete", two: "accept", three: "reject" };
    const task = await s.workflowTask();
    await s.complete(task, ...answering(task, (id) => verdicts[id]!));
    await Promise.all(asked);
    await finish(s);
  }),

  story("update-during-task", "an update that comes during a workflow task goes with the next", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    const asked = ask(s, "u");
    await admitted(s, "u");
    await s.complete(task, [timer("t", 60)]);
    await answer(s, "complete");
    await asked;
    await finish(s);
  }),

  story(
    "update-with-signal",
    "a signal turns the workflow task that was made for an update alone into a normal one",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      await admitted(s, "u");
      await s.signal("too");
      await answer(s, "reject");
      await asked;
      await finish(s);
    },
  ),

  story(
    "update-speculative-signal",
    "a signal during the workflow task of an update is not lost when the update is rejected",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      const task = await s.workflowTask();
      await s.signal("too");
      await s.complete(task, ...answering(task, () => "reject"));
      await asked;
      await finish(s);
    },
  ),

  story("update-commands", "what else the workflow task of an update brings is kept", async (s) => {
    await idle(s);
    const asked = ask(s, "u");
    const task = await s.workflowTask();
    const [commands, rest] = answering(task, () => "complete");
    await s.complete(task, [activity(s.name, { activityId: "by update" }), ...commands, timer("after", 60)], rest);
    await asked;
    await finish(s);
  }),

  story(
    "update-reject-commands",
    "a rejected update whose workflow task brings commands leaves the task in history",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      const task = await s.workflowTask();
      const [commands, rest] = answering(task, () => "reject");
      await s.complete(task, [timer("after", 60), ...commands], rest);
      await asked;
      await finish(s);
    },
  ),

  story("update-task-failed", "an update outlives the failure of its workflow task", async (s) => {
    await idle(s);
    const asked = ask(s, "u");
    const task = await s.workflowTask();
    await s.call("RespondWorkflowTaskFailed", {
      namespace: "default",
      taskToken: task.taskToken,
      cause: enums.WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
      identity: "worker",
    });
    await answer(s, "complete");
    await asked;
    await finish(s);
  }),

  story(
    "update-task-wrong",
    "an update whose workflow task is answered wrongly has failed to who waits, and may be asked for again",
    async (s) => {
      await idle(s);
      const asked = [ask(s, "u", Stage.ACCEPTED)];
      await admitted(s, "u");
      asked.push(poll(s, "u", Stage.COMPLETED));
      const wrong = acceptance("other", { id: "other/request", eventId: 5, request: undefined });
      await s.attempt(
        "RespondWorkflowTaskCompleted",
        s.completeRequest(await s.workflowTask(), [], { messages: [wrong] }),
      );
      await Promise.all(asked);
      await poll(s, "u");
      const again = ask(s, "u");
      await admitted(s, "u");
      await answer(s, "complete");
      await again;
      await finish(s);
    },
  ),

  story(
    "update-unhandled",
    "an update has failed when its workflow may not complete because of what came meanwhile",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      const task = await s.workflowTask();
      await s.signal("go");
      await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
      await asked;
      await s.step([complete()]);
    },
  ),

  story(
    "update-kept-alive",
    "a workflow task that only keeps local activities alive is followed by one without the updates that its worker has",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      const task = await s.workflowTask();
      const later = ask(s, "later");
      await admitted(s, "later");
      const alive = { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true };
      const next = s.opened((await s.complete(task, [], alive)).workflowTask);
      const both = { messages: [...task.messages, ...next.messages] };
      await s.complete(next, ...answering(both, () => "complete"));
      await Promise.all([asked, later]);
      await finish(s);
    },
  ),

  story("update-completes-run", "an update that is accepted as the workflow completes fails with it", async (s) => {
    await idle(s);
    const asked = ask(s, "u");
    const task = await s.workflowTask();
    const [commands, rest] = answering(task, () => "accept");
    await s.complete(task, [...commands, complete()], rest);
    await asked;
  }),

  story("update-finished-with-run", "an update may complete in the task that completes the workflow", async (s) => {
    await idle(s);
    const asked = ask(s, "u");
    const task = await s.workflowTask();
    const [commands, rest] = answering(task, () => "complete");
    await s.complete(task, [...commands, complete()], rest);
    await asked;
    await ask(s, "u");
    await poll(s, "u", Stage.COMPLETED);
  }),

  story("update-run-failed", "an accepted update ends with the failure of its run", async (s) => {
    await idle(s);
    const asked = ask(s, "u", Stage.ACCEPTED);
    await answer(s, "accept");
    await asked;
    const outcome = poll(s, "u", Stage.COMPLETED);
    await s.signal("end");
    await s.step([fail()]);
    await outcome;
  }),

  story(
    "update-run-terminated",
    "an update that waits for its workflow task is refused when the run is terminated",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      await admitted(s, "u");
      await terminate(s);
      await asked;
    },
  ),

  story(
    "update-run-terminated-started",
    "an update whose workflow task a worker has leaves that task in history when the run is terminated",
    async (s) => {
      await idle(s);
      const asked = ask(s, "u");
      const task = await s.workflowTask();
      await terminate(s);
      await asked;
      const [commands, rest] = answering(task, () => "complete");
      await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, commands, rest));
    },
  ),

  story("update-run-continued", "an accepted update ends with its run when that continues as new", async (s) => {
    await idle(s);
    const asked = ask(s, "u", Stage.ACCEPTED);
    await answer(s, "accept");
    await asked;
    await s.signal("go");
    await s.step([continueAsNew()]);
    await poll(s, "u", Stage.COMPLETED);
    await s.step([complete()]);
  }),

  story(
    "update-rejected-with-end",
    "an update that is rejected as the workflow completes is so to who waits, and unknown afterwards",
    async (s) => {
      await idle(s);
      await endRejecting(s, complete());
      await poll(s, "u", Stage.COMPLETED);
      await ask(s, "u");
    },
  ),

  story(
    "update-rejected-with-next",
    "an update that is rejected as the run continues as new does not reach the next run",
    async (s) => {
      await idle(s);
      await endRejecting(s, continueAsNew());
      await s.step([complete()]);
      await poll(s, "u", Stage.COMPLETED);
    },
  ),

  story(
    "update-continued-with",
    "an update that comes while the run continues as new reaches the next run",
    async (s) => {
      await s.start();
      const task = await s.workflowTask();
      const asked = ask(s, "u");
      await admitted(s, "u");
      await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [continueAsNew()]));
      await delay(300);
      const next = await s.workflowTask();
      const [commands, rest] = answering(next, () => "complete");
      await s.complete(next, next.messages.length > 0 ? commands : [continueAsNew()], rest);
      if (next.messages.length === 0) await answer(s, "complete");
      await asked;
      await finish(s);
    },
  ),

  story(
    "update-retried-with",
    "an update that comes while the run fails and is retried is to be asked for again",
    async (s) => {
      await s.start({ retryPolicy: { initialInterval: { seconds: 1 }, maximumAttempts: 2 } });
      const task = await s.workflowTask();
      const asked = ask(s, "u");
      await admitted(s, "u");
      await s.complete(task, [fail()]);
      await asked;
      await s.step([timer("t", 60)]);
      const again = ask(s, "u");
      await answer(s, "complete");
      await again;
      await finish(s);
    },
  ),

  story("update-closed", "a closed workflow takes no update", async (s) => {
    await s.start();
    await s.step([complete()]);
    await ask(s, "u");
    await poll(s, "u", Stage.COMPLETED);
  }),

  story("update-unknown", "a workflow that is not there takes no update", async (s) => {
    await ask(s, "u");
    await poll(s, "u", Stage.COMPLETED);
  }),

  story("update-sticky", "a worker that holds the run gets the update on its own queue", async (s) => {
    await s.start();
    await s.step([timer("t", 60)], { stickyAttributes: sticky(`${s.name}-sticky`) });
    const taskQueue = { name: `${s.name}-sticky`, kind: enums.TaskQueueKind.STICKY, normalName: s.name };
    const waiting = s.workflowTask(`${s.name}-sticky`, { taskQueue });
    await delay(500); // Without a worker that polls it, the sticky queue would be passed over.
    const asked = ask(s, "u");
    const task = await waiting;
    await s.complete(task, ...answering(task, () => "complete"));
    await asked;
    await finish(s);
  }),

  story(
    "update-third-attempt",
    "an update that waits goes with the next attempt, also with the third, from which on new ones are refused",
    async (s) => {
      await s.start();
      await failTask(s, await s.workflowTask());
      const second = await s.workflowTask();
      const asked = ask(s, "waits");
      await admitted(s, "waits");
      await failTask(s, second);
      await answer(s, "complete");
      await asked;
      await finish(s);
    },
  ),

  story("update-refused", "an update of a workflow whose task has failed twice is refused", async (s) => {
    await s.start();
    for (const _ of "12") await failTask(s, await s.workflowTask());
    await ask(s, "refused");
    await s.workflowTask();
    await ask(s, "refused");
    await terminate(s);
  }),

  story("update-too-many", "an update that comes while ten others wait is refused for want of room", async (s) => {
    await idle(s);
    for (let count = 1; count <= 10; count++) {
      void s.unrecorded("UpdateWorkflowExecution", updateRequest(s, `u${count}`)).catch(() => undefined);
      await admitted(s, `u${count}`);
    }
    await ask(s, "one more");
    await terminate(s);
  }),

  story("update-first-run", "an update that names the first run of another chain is refused", async (s) => {
    await idle(s);
    await ask(s, "u", Stage.COMPLETED, { firstExecutionRunId: "00000000-0000-4000-8000-000000000000" });
    await finish(s);
  }),

  story("update-with-start", "a workflow is started with its first update", async (s) => {
    const both = withStart(s);
    const task = await s.workflowTask();
    await s.complete(task, ...answering(task, () => "complete"));
    await both;
    await finish(s);
  }),

  story("update-with-start-running", "an update with start goes to the run that is there already", async (s) => {
    await idle(s);
    const both = withStart(s, { workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy.USE_EXISTING });
    await answer(s, "complete");
    await both;
    await withStart(s, { workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy.FAIL, requestId: "another" });
    await finish(s);
  }),

  story(
    "update-with-start-closed",
    "an update with start whose workflow closes without a look at it starts the next one",
    async (s) => {
      await idle(s);
      await s.signal("end");
      const task = await s.workflowTask();
      const { USE_EXISTING } = enums.WorkflowIdConflictPolicy;
      const both = withStart(s, { workflowIdConflictPolicy: USE_EXISTING, requestId: "another" });
      await admitted(s, "u");
      await s.complete(task, [complete()]);
      await answer(s, "complete");
      await both;
      await finish(s);
    },
  ),

  story("update-with-start-reject", "a workflow stays started when its first update is rejected", async (s) => {
    const both = withStart(s);
    const task = await s.workflowTask();
    await s.complete(task, ...answering(task, () => "reject"));
    await both;
    await s.signal("go");
    await finish(s);
  }),
];

async function idle(s: Play): Promise<void> {
  await s.start();
  await s.step([timer("t", 60)]);
}

/** Rejects an update that two wait for in the task that ends the run. */
async function endRejecting(s: Play, end: ReturnType<typeof complete>): Promise<void> {
  const asked = [ask(s, "u", Stage.ACCEPTED)];
  await admitted(s, "u");
  asked.push(ask(s, "u", Stage.COMPLETED));
  const task = await s.workflowTask();
  const [commands, rest] = answering(task, () => "reject");
  await s.complete(task, [...commands, end], rest);
  await Promise.all(asked);
}

/** Ends the run so that its history is recorded in a state that does not change. */
async function finish(s: Play): Promise<void> {
  await s.signal("finish");
  await s.step([complete()]);
}

function failTask(s: Play, { taskToken }: { taskToken: Uint8Array }): Promise<unknown> {
  return s.call("RespondWorkflowTaskFailed", { namespace: "default", taskToken, identity: "worker" });
}

function terminate(s: Play): Promise<unknown> {
  return s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
}

function updateRequest(s: Play, updateId: string, stage: Stage = Stage.COMPLETED): UpdateRequest {
  return {
    namespace: "default",
    workflowExecution: { workflowId: s.name },
    waitPolicy: { lifecycleStage: stage },
    request: { meta: { updateId, identity: "client" }, input: { name: "change", args: text(updateId) } },
  };
}

function ask(s: Play, updateId: string, stage?: Stage, extra: UpdateRequest = {}): Promise<unknown> {
  return s.attempt("UpdateWorkflowExecution", { ...updateRequest(s, updateId, stage), ...extra });
}

function poll(s: Play, updateId: string, stage: Stage = Stage.UNSPECIFIED): Promise<unknown> {
  return s.attempt("PollWorkflowExecutionUpdate", {
    namespace: "default",
    updateRef: { workflowExecution: { workflowId: s.name }, updateId },
    identity: "client",
    waitPolicy: { lifecycleStage: stage },
  });
}

function withStart(s: Play, extra: Init<RequestOf<"StartWorkflowExecution">> = {}): Promise<unknown> {
  return s.attempt("ExecuteMultiOperation", {
    namespace: "default",
    operations: [
      { startWorkflow: s.startRequest({ workflowIdConflictPolicy: enums.WorkflowIdConflictPolicy.FAIL, ...extra }) },
      { updateWorkflow: updateRequest(s, "u") },
    ],
  });
}

/** Until the server knows of the update, so that what the story does next comes after it. */
export async function admitted(s: Play, updateId: string, workflowId: string = s.name): Promise<void> {
  const request = { namespace: "default", updateRef: { workflowExecution: { workflowId }, updateId } };
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await s.unrecorded("PollWorkflowExecutionUpdate", request);
      return;
    } catch {
      await delay(20);
    }
  }
  throw new Error(`update ${updateId} was not admitted`);
}

function answering(task: Pick<WorkflowTask, "messages">, verdictOf: (updateId: string) => Verdict) {
  const { commands, messages } = answerUpdates(task, verdictOf);
  return [commands, { messages }] as const;
}

async function answer(s: Play, verdict: Verdict): Promise<void> {
  const task = await s.workflowTask();
  await s.complete(task, ...answering(task, () => verdict));
}

async function completeLater(s: Play, updateIds: readonly string[]): Promise<void> {
  const { commands, messages } = completeUpdates(updateIds);
  await s.step(commands, { messages });
}
