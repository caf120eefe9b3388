/** What a reset does to Nexus operations: those that were asked for before its point, and what was heard of them since. */
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import {
  answer,
  call,
  cancellation,
  cancellationIs,
  cancelled,
  described,
  done,
  endpoint,
  handlerError,
  handlerStep,
  poll,
  refuse,
  started,
  startHandler,
} from "./nexus-handler.ts";
import { cancelNexus, complete, nexus } from "./requests.ts";
import { type Play, type Story, story } from "./story.ts";

const { NEXUS } = enums.ResetReapplyExcludeType;

/** The second completed workflow task: the first asked for the operation (event 5), a signal brought this one. */
const secondCompleted = 9;

export const resetNexusStories: readonly Story[] = [
  story("reset-nexus-waiting", "an operation that nobody has answered is asked for again by the new run", async (s) => {
    await call(s);
    await poll(s);
    await second(s);
    await reset(s);
    const again = await poll(s);
    await s.step();
    await answer(s, again, done);
    await s.step([complete()]);
  }),

  story("reset-nexus-started", "an operation's start after the point is taken over, and so is its end", async (s) => {
    await call(s);
    const task = await poll(s);
    await second(s);
    await startHandler(s, task);
    await answer(s, task, started);
    await s.step();
    await reset(s);
    await s.step();
    await s.describe();
    await handlerStep(s, [complete("result")]);
    await s.step([complete()]);
  }),

  story(
    "reset-nexus-started-before",
    "an operation that had started before the point ends in the new run",
    async (s) => {
      await call(s);
      const task = await poll(s);
      await startHandler(s, task);
      await answer(s, task, started);
      await s.step();
      await reset(s);
      await s.step();
      await handlerStep(s, [complete("result")]);
      await s.step([complete()]);
    },
  ),

  story("reset-nexus-completed", "an operation's end after the point is taken over", async (s) => {
    await call(s);
    const task = await poll(s);
    await second(s);
    await answer(s, task, done);
    await s.step();
    await reset(s);
    await s.step([complete()]);
  }),

  story("reset-nexus-failed", "an operation's start and failure after the point are taken over", async (s) => {
    await call(s);
    const task = await poll(s);
    await second(s);
    await refuse(s, task, handlerError("BAD_REQUEST"));
    await s.step();
    await reset(s);
    await s.step([complete()]);
  }),

  story("reset-nexus-excluded", "what was heard of operations is left out when the caller says so", async (s) => {
    await call(s);
    const task = await poll(s);
    await second(s);
    await answer(s, task, done);
    await s.step();
    await reset(s, { resetReapplyExcludeTypes: [NEXUS] });
    await s.step();
    await answer(s, await poll(s), done);
    await s.step([complete()]);
  }),

  story("reset-nexus-cancelling", "how a request to cancel ended after the point is taken over", async (s) => {
    await endpoint(s);
    await s.start();
    await s.step([nexus(s.name)]);
    await answer(s, await poll(s), started);
    await s.step([cancelNexus(5)]);
    const task = await poll(s);
    await second(s);
    await cancelled(s, task);
    await described(s, s.name, cancellationIs(cancellation.SUCCEEDED));
    await s.step();
    await reset(s, { workflowTaskFinishEventId: 14 });
    await s.describe();
    await s.step([complete()]);
  }),

  story(
    "reset-nexus-cancelled-after",
    "a request to cancel after the point is the workflow's to make anew",
    async (s) => {
      await call(s);
      await answer(s, await poll(s), started);
      await s.step();
      await s.signal("go");
      await s.step([cancelNexus(5)]);
      await cancelled(s, await poll(s));
      await described(s, s.name, cancellationIs(cancellation.SUCCEEDED));
      await s.step();
      await reset(s);
      await s.step([cancelNexus(5)]);
      await cancelled(s, await poll(s));
      await described(s, s.name, cancellationIs(cancellation.SUCCEEDED));
      await s.step([complete()]);
    },
  ),

  story("reset-nexus-later", "an operation that was asked for after the point is none of the new run's", async (s) => {
    await endpoint(s);
    await s.start();
    await s.step();
    await s.signal("go");
    await s.step([nexus(s.name)]);
    await answer(s, await poll(s), done);
    await s.step();
    await reset(s, { workflowTaskFinishEventId: 4 });
    await s.step([complete()]);
  }),
];

/** One more workflow task. */
async function second(s: Play): Promise<void> {
  await s.signal("go");
  await s.step();
}

async function reset(s: Play, extra: Init<RequestOf<"ResetWorkflowExecution">> = {}): Promise<void> {
  const { runId } = await s.call("ResetWorkflowExecution", {
    namespace: "default",
    workflowExecution: { workflowId: s.name },
    reason: "story",
    workflowTaskFinishEventId: secondCompleted,
    requestId: `${s.name}-reset`,
    identity: "operator",
    ...extra,
  });
  s.meetRun(s.name, runId);
}
