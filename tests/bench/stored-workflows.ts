/**
 * A store that has seen many workflows: one is run, and then put in as often as is wanted with all its rows (state, history, list), each with ids of its
 * own, because a million real ones would take an hour.
 */
import type { Init, RequestOf, ResponseOf } from "@pawl/protocol";
import { shardOf } from "@pawl/server/simulation";
import { type InspectedRun, type Lease, openInspection, SqliteStore, type Write } from "@pawl/store";
import { call } from "../rig/call.ts";
import { startPawl } from "../rig/server.ts";
import { activity, complete, text } from "../stories/requests.ts";

/** Open ones have had their first workflow task and wait for a signal. */
export type StoredState = "closed" | "open";

const namespace = "default";
const queue = "stored";
const idDigits = 9;
const runIdTail = 12;
const runsPerCommit = 2_000;
/** Commits that wait at once, so that the writer always has one. */
const commitsAhead = 4;

/** Of the same length as that of every other in this state. */
export const storedWorkflowId = (state: StoredState, number: number): string =>
  `${state}-${String(number).padStart(idDigits, "0")}`;

/** One workflow of one activity on an empty file: from its start to its end, or until it waits for a signal before that. */
async function runOne(dbFilename: string, state: StoredState): Promise<void> {
  const server = await startPawl({ dbFilename });
  const { address } = server;
  const taskQueue = { name: queue };
  const start = { namespace, workflowId: storedWorkflowId(state, 0), workflowType: { name: "OneActivity" }, taskQueue };
  await call(address, "StartWorkflowExecution", { ...start, input: text("x".repeat(100)), requestId: "stored" });
  const poll = (): Promise<ResponseOf<"PollWorkflowTaskQueue">> =>
    call(address, "PollWorkflowTaskQueue", { namespace, taskQueue, identity: "bench" });
  const respond = async (commands: Init<RequestOf<"RespondWorkflowTaskCompleted">>["commands"]) => {
    const { taskToken } = await poll();
    const request = { namespace, taskToken, identity: "bench", ...(commands && { commands }) };
    await call(address, "RespondWorkflowTaskCompleted", request);
  };
  if (state === "open") await respond([]);
  else {
    await respond([activity(queue, { input: text("x".repeat(100)) })]);
    const { taskToken } = await call(address, "PollActivityTaskQueue", { namespace, taskQueue, identity: "bench" });
    const result = text("x".repeat(100));
    await call(address, "RespondActivityTaskCompleted", { namespace, taskToken, result, identity: "bench" });
    await respond([complete("x".repeat(100))]);
  }
  await server.stop();
}

/** Fills an empty file with `count` workflows. */
export async function fillWorkflows(
  dbFilename: string,
  { count, state }: { readonly count: number; readonly state: StoredState },
  say: (line: string) => void,
): Promise<void> {
  await runOne(dbFilename, state);
  const { run, shardIds } = await templateOf(dbFilename);
  const store = await SqliteStore.open({ filename: dbFilename });
  const { namespaceId } = run;
  const [row] = await store.listVisibility({ kind: "workflow", namespaceId, limit: 1 });
  const clone = cloner(run, row!.info, state);
  const keyOf = (number: number) => ({ namespaceId, businessId: storedWorkflowId(state, number) });
  const leases: Lease[] = [];
  for (const shardId of shardIds) leases.push(await store.acquire(shardId, "bench"));
  const commits: Promise<void>[] = [];
  for (let from = 1; from < count; from += runsPerCommit) {
    const numbers = Array.from({ length: Math.min(runsPerCommit, count - from) }, (_, at) => from + at);
    for (const [shard, lease] of leases.entries()) {
      const own = numbers.filter((number) => shardOf(keyOf(number), leases.length) === shard);
      commits.push(store.commit(lease, own.flatMap(clone)));
    }
    while (commits.length > commitsAhead) await commits.shift();
    if ((from - 1) % 100_000 === 0) say(`${from - 1} of ${count} ${state} workflows`);
  }
  await Promise.all(commits);
  await store.close();
}

async function templateOf(dbFilename: string): Promise<{ run: InspectedRun; shardIds: number[] }> {
  const inspection = await openInspection(dbFilename);
  try {
    const [run] = (await inspection.runs({ afterRunId: "", limit: 10 })).filter(({ kind }) => kind === "workflow");
    if (!run?.visibility || run.batches.length === 0) throw new Error("the workflow that was run is not in the file");
    return { run, shardIds: (await inspection.shards()).map(({ shardId }) => shardId).sort((a, b) => a - b) };
  } finally {
    await inspection.close();
  }
}

/** The rows of the workflow of a number: those of the one that was run, with other ids in place of its own. */
export function cloner(run: InspectedRun, info: Uint8Array, state: StoredState): (number: number) => Write[] {
  const { kind, namespaceId, businessId, runId, wakeAtMs, undispatched, visibility } = run;
  const snapshot = template(run.snapshot, businessId, runId);
  const listed = template(info, businessId, runId);
  const batches = run.batches.map(({ events, ...range }) => ({
    ...range,
    events: template(events, businessId, runId),
  }));
  return (number) => {
    const ids = { workflowId: storedWorkflowId(state, number), runId: runIdOf(runId, number) };
    const key = { kind, namespaceId, businessId: ids.workflowId, runId: ids.runId };
    return [
      { table: "current", ...key },
      { table: "run", ...key, snapshot: snapshot(ids), wakeAtMs, undispatched },
      ...batches.map(({ events, ...range }) => ({
        ...{ table: "history" as const, runId: ids.runId, ...range, events: events(ids) },
      })),
      {
        ...{ ...visibility!, table: "visibility", ...key, info: listed(ids) },
        ...{ rootWorkflowId: ids.workflowId, rootRunId: ids.runId },
      },
    ];
  };
}

function runIdOf(runId: string, number: number): string {
  return runId.slice(0, -runIdTail) + number.toString(16).padStart(runIdTail, "0");
}

/** The bytes with other ids of the same lengths where they name these. */
function template(bytes: Uint8Array, workflowId: string, runId: string) {
  const own = Buffer.from(bytes);
  const places = [
    ...placesOf(own, workflowId).map((at) => ({ at, is: "workflowId" as const })),
    ...placesOf(own, runId).map((at) => ({ at, is: "runId" as const })),
  ];
  return (ids: { readonly workflowId: string; readonly runId: string }): Uint8Array => {
    const copy = Buffer.from(own);
    for (const { at, is } of places) copy.write(ids[is], at, "latin1");
    return copy;
  };
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
