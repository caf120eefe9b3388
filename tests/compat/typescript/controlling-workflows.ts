/** Workflows that operators reset, put off, delete, and move from one version of their workers to another. */
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import type { mark } from "./activities.ts";

const timeout = { startToCloseTimeout: "10s" } as const;
const { mark: visit } = proxyActivities<{ mark: typeof mark }>(timeout);
const { whichBuild } = proxyActivities<{ whichBuild(): Promise<string> }>(timeout);

export const tell = defineSignal("tell");

/** Waits for a word, and outlives what is reset. */
export async function companion(): Promise<string> {
  let told = false;
  setHandler(tell, () => {
    told = true;
  });
  await condition(() => told);
  return "companion";
}

export const stops = defineQuery<string[]>("stops");
export const note = defineSignal<[string]>("note");
export const change = defineUpdate<number, [string]>("change");
export const arrive = defineSignal("arrive");

export async function journey(): Promise<string[]> {
  const seen: string[] = [];
  let arrived = false;
  setHandler(stops, () => seen);
  setHandler(note, (stop) => {
    seen.push(stop);
  });
  setHandler(change, (stop) => seen.push(stop));
  setHandler(arrive, () => {
    arrived = true;
  });
  const fellow = await startChild(companion, { workflowId: `${workflowInfo().workflowId}-companion` });
  await visit(1);
  seen.push("first");
  await condition(() => arrived);
  seen.push(await fellow.result());
  return seen;
}

export const go = defineSignal<[string]>("go");
export const builds = defineQuery<string[]>("builds");

/** Asks, at each signal, which build does its activities; ends at "end". */
async function asking(): Promise<string[]> {
  const pending: string[] = [];
  const told: string[] = [];
  setHandler(go, (what) => {
    pending.push(what);
  });
  setHandler(builds, () => told);
  for (;;) {
    told.push(await whichBuild());
    await condition(() => pending.length > 0);
    if (pending.shift() === "end") return told;
  }
}

export async function staying(): Promise<string[]> {
  return asking();
}
setWorkflowOptions({ versioningBehavior: "PINNED" }, staying);

export async function moving(): Promise<string[]> {
  return asking();
}
setWorkflowOptions({ versioningBehavior: "AUTO_UPGRADE" }, moving);
