/** What chains do with schedules, and what happens when a run goes beyond its limits. */
import { complete, continueAsNew, seconds, text } from "./requests.ts";
import { type Story, story } from "./story.ts";

const mebibyte = 1024 * 1024;

export const limitStories: readonly Story[] = [
  story("continue-as-new-cron", "a run that continues as new with a cron schedule", async (s) => {
    await s.start();
    await s.step([continueAsNew({ cronSchedule: "@every 3s" })]);
    await s.step([complete("second")]);
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("cron-continue-as-new", "a run of a cron schedule continues as new without one", async (s) => {
    await s.start({ cronSchedule: "@every 2s" });
    await s.step([continueAsNew({ input: text("second") })]);
    await s.step([complete("second")]);
  }),

  story("cron-continue-as-new-cron", "a run of a cron schedule continues as new with it", async (s) => {
    await s.start({ cronSchedule: "@every 2s" });
    await s.step([continueAsNew({ cronSchedule: "@every 2s", backoffStartInterval: seconds(1) })]);
    await s.step([complete("second")]);
    await s.call("TerminateWorkflowExecution", { namespace: "default", workflowExecution: { workflowId: s.name } });
  }),

  story("buffer-too-large", "a workflow task over which too much arrives is taken back", async (s) => {
    await s.start();
    const task = await s.workflowTask();
    for (const name of ["one", "two"]) await s.signal(name, { input: text("x".repeat(1.1 * mebibyte)) });
    await s.attempt("RespondWorkflowTaskCompleted", s.completeRequest(task, [complete()]));
    await s.step([complete()]);
  }),
];
