/** Timers, markers, search attributes and memo. */
import {
  applicationFailure,
  cancelTimer,
  complete,
  marker,
  payload,
  seconds,
  text,
  timer,
  upsertMemo,
  upsertSearchAttributes,
} from "./requests.ts";
import { type Story, story } from "./story.ts";

export const timerStories: readonly Story[] = [
  story("timer", "a timer fires after its time", async (s) => {
    await s.start();
    await s.step([timer("t", 1)]);
    await s.step([complete()]);
  }),

  story("timer-zero", "a timer of no time fires at once", async (s) => {
    await s.start();
    await s.step([timer("t", 0)]);
    await s.step([complete()]);
  }),

  story("timer-without-time", "a timer without a time fires at once", async (s) => {
    await s.start();
    await s.step([{ ...timer(), startTimerCommandAttributes: { timerId: "t" } }]);
    await s.step([complete()]);
  }),

  story("timer-cancel", "a cancelled timer does not fire", async (s) => {
    await s.start();
    await s.step([timer("t", 60)]);
    await s.signal("go");
    await s.step([cancelTimer()]);
    await s.signal("end");
    await s.step([complete()]);
  }),

  story("timer-cancel-same-task", "a timer is started and cancelled in one workflow task", async (s) => {
    await s.start();
    await s.step([timer("t", 60), cancelTimer(), timer("t", 60)]);
    await s.signal("end");
    await s.step([complete()]);
  }),

  story(
    "timer-cancel-buffered",
    "cancelling a timer that fired during the workflow task takes the firing back",
    async (s) => {
      await s.start();
      await s.step([timer("t", 1), timer("other", 1.2)]);
      await s.signal("go");
      const task = await s.workflowTask();
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await s.complete(task, [cancelTimer()]);
      await s.step([complete()]);
    },
  ),

  story("timer-cancel-buffered-close", "a taken back firing does not keep a workflow from completing", async (s) => {
    await s.start();
    await s.step([timer("t", 1)]);
    await s.signal("go");
    const task = await s.workflowTask();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await s.complete(task, [cancelTimer(), complete()]);
  }),

  story("timer-order", "timers fire in the order of their times", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    await s.complete(task, [timer("late", 1.5), timer("early", 1)]);
    await s.step();
    await s.step([complete()]);
  }),

  story("timer-metadata", "what a command says of itself is in its event", async (s) => {
    await s.start();
    await s.step([{ ...timer("t", 60), userMetadata: { summary: payload("why") } }]);
  }),

  story("marker", "a marker is in history as it was given", async (s) => {
    await s.start();
    await s.step([
      marker({
        details: { data: text("value"), other: text(2) },
        header: { fields: { h: payload("header") } },
        failure: applicationFailure("kept"),
      }),
      complete(),
    ]);
  }),

  story("upsert-memo", "a memo is changed, added to and taken from", async (s) => {
    await s.start({ memo: { fields: { kept: payload(1), changed: payload(1), removed: payload(1) } } });
    await s.step([
      upsertMemo({
        changed: payload(2),
        added: payload(3),
        removed: { metadata: { encoding: Buffer.from("binary/null") } },
      }),
      timer("t", 60),
    ]);
    await s.describe();
  }),

  story("upsert-search-attributes", "predefined search attributes are set, changed and removed", async (s) => {
    await s.start();
    await s.step([upsertSearchAttributes({ TemporalChangeVersion: payload(["a-1"]) }), timer("t", 60)]);
    await s.describe();
    await s.signal("go");
    await s.step([upsertSearchAttributes({ TemporalChangeVersion: payload(["a-1", "b-1"]) })]);
    await s.describe();
    await s.signal("again");
    await s.step([upsertSearchAttributes({ TemporalChangeVersion: payload([]) })]);
    await s.describe();
  }),

  story("long-timeouts", "a timer may be far away", async (s) => {
    await s.start();
    await s.step([timer("t", 60 * 60 * 24 * 365 * 10)]);
    await s.start({ requestId: "again", workflowIdConflictPolicy: 2, workflowRunTimeout: seconds(5) });
  }),
];
