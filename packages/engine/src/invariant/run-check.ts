/** What must hold of one run as it lies in a store: its state, its events and its rows are of one commit, and nothing that it waits for is forgotten. */
import { enums } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { machineOf } from "../machines.ts";
import { differencesFromHistory } from "../rebuild/determined-state.ts";
import type { VisibilityRecord } from "../run/visibility.ts";
import type { StandaloneRun } from "../standalone/standalone-run.ts";
import type { ExecutionKey, HostedRun } from "../state/execution.ts";
import type { Run } from "../state/run.ts";
import { checkAttempts } from "./attempt-check.ts";
import type { RunHistory } from "./run-history.ts";
import { type Invariant, Violation } from "./violation.ts";

/** A run and the rows that a store keeps of it. */
export interface KeptRun extends ExecutionKey {
  readonly runId: string;
  readonly run: HostedRun;
  /** Of kinds that have one. */
  readonly history: RunHistory | undefined;
  readonly wakeAtMs: number | null;
  readonly undispatched: boolean;
  /** The row of the list; undefined: there is none. */
  readonly visibility: ListedRun | undefined;
}

export type ListedRun = Omit<VisibilityRecord, "info">;

/** Of everything but what must hold among runs. In order of weight: what comes later may follow from what comes before. */
export function* violationsOf(kept: KeptRun): Generator<Violation> {
  yield* checkKey(kept);
  if (kept.kind === "workflow" && kept.history) {
    const run = kept.run as Run;
    yield* checkAgainstHistory(run, kept.history);
    yield* checkWaiting(kept, run, kept.history);
    yield* checkLimits(run, kept.history);
  }
  yield* checkEveryAttempt(kept);
  yield* checkKinship(kept);
  yield* checkRow(kept);
  yield* checkListed(kept);
}

function* unless(holds: boolean, invariant: Invariant, what: string): Generator<Violation> {
  if (!holds) yield new Violation(invariant, what);
}

/** The runs of one execution, and which of them it means when no run is named. */
export interface KeptExecution {
  /** `workflow order-1` */
  readonly name: string;
  readonly currentRunId: string | null;
  readonly runs: readonly { readonly runId: string; readonly isOpen: boolean }[];
}

/** I4: there is at most one open run, and it is the current one, which there is (I2). */
export function* currentViolations({ name, currentRunId, runs }: KeptExecution): Generator<Violation> {
  const open = runs.filter(({ isOpen }) => isOpen);
  yield* unless(open.length <= 1, "I4", `${name} has ${open.length} open runs`);
  yield* unless(
    open.length === 0 || open.some(({ runId }) => runId === currentRunId),
    "I4",
    `${name} means run ${currentRunId}, but ${open[0]?.runId} is open`,
  );
  yield* unless(
    currentRunId === null || runs.some(({ runId }) => runId === currentRunId),
    "I2",
    `${name} means run ${currentRunId}, which is not there`,
  );
}

const idFields = { workflow: "workflowId", activity: "activityId", schedule: "scheduleId" } as const;

/** I2, I27: the state is of the execution and namespace under which it lies. */
function* checkKey({ kind, namespaceId, businessId, runId, run }: KeptRun): Generator<Violation> {
  const state = run as HostedRun & { readonly namespaceId?: string } & Readonly<Record<string, unknown>>;
  const id = state[idFields[kind]];
  yield* unless(run.runId === runId, "I2", `run ${runId} has the state of run ${run.runId}`);
  yield* unless(id === businessId, "I2", `run ${runId} lies under "${businessId}", its state says "${id}"`);
  yield* unless(
    state.namespaceId === namespaceId,
    "I27",
    `run ${runId} lies in namespace ${namespaceId}, its state says ${state.namespaceId}`,
  );
}

/** I2, I5, I7, I10, I13: snapshot, parts and events are of one and the same commit. */
function* checkAgainstHistory(run: Run, history: RunHistory): Generator<Violation> {
  const { runId } = run;
  yield* unless(
    run.nextEventId === history.lastEventId + 1,
    "I2",
    `run ${runId} has ${history.lastEventId} events, its state comes after ${run.nextEventId - 1}`,
  );
  yield* unless(
    run.historyHash === undefined || run.historyHash === history.hash,
    "I7",
    `the events of run ${runId} are not those that were written`,
  );
  yield* unless(
    run.historySizeBytes === history.bytes,
    "I10",
    `the history of run ${runId} has ${history.bytes} bytes, its state says ${run.historySizeBytes}`,
  );
  yield* unless(
    (run.status.type === "open") === history.isOpen,
    "I5",
    `run ${runId} is ${run.status.type}, its history says otherwise`,
  );
  if (!history.isOpen)
    return yield* unless(
      run.buffered.length === 0,
      "I13",
      `run ${runId} has closed over ${run.buffered.length} buffered events`,
    );
  const isAhead = run.buffered.length > 0;
  yield* matches(run.activities.keys(), history.activities, isAhead, `activities of run ${runId}`);
  yield* matches(run.timers.keys(), new Set(history.timers.keys()), isAhead, `timers of run ${runId}`);
  yield* matches(run.children.keys(), new Set(history.children.keys()), isAhead, `children of run ${runId}`);
  yield* matches(run.nexusOperations.keys(), history.nexusOperations, isAhead, `Nexus operations of run ${runId}`);
  for (const [id, { fireAtMs }] of run.timers)
    yield* unless(
      fireAtMs >= (history.timers.get(id)?.dueAtMs ?? 0),
      "I20",
      `timer ${id} of run ${runId} will be early`,
    );
  const isStarted = run.workflowTask.type === "started";
  yield* unless(!isAhead || isStarted, "I13", `run ${runId} buffers events though no worker has its workflow task`);
}

/** A run with buffered events has taken them into account already: of what history has pending, less is. */
function* matches<T>(live: Iterable<T>, told: ReadonlySet<T>, isAhead: boolean, what: string): Generator<Violation> {
  const ids = [...live];
  const agrees = ids.every((id) => told.has(id)) && (isAhead || ids.length === told.size);
  yield* unless(agrees, "I10", `${what}: the state has ${ids.join(" ")}, history ${[...told].join(" ")}`);
}

/** I10, in full: the state folded from history is that of the run, as far as history determines it. Takes as long as the history is. */
export function* stateViolations(run: Run, history: RunHistory): Generator<Violation> {
  const reported = 3;
  let differences: readonly string[];
  try {
    differences = differencesFromHistory(history.events, run, { times: false });
  } catch (error) {
    differences = [`its events cannot be folded: ${error instanceof Error ? error.message : error}`];
  }
  for (const difference of differences.slice(0, reported))
    yield new Violation(numberOf(difference), `the state of run ${run.runId}: ${difference}`);
}

/** What differs, by the guarantee that is about it; everything else is I10. */
const numbers: readonly (readonly [path: RegExp, Invariant])[] = [
  [/^cancelRequested/, "I22"],
  [/^updates/, "I19"],
  [/^signal/, "I17"],
  [/^task\b/, "I25"],
];

function numberOf(difference: string): Invariant {
  return numbers.find(([path]) => path.test(difference))?.[1] ?? "I10";
}

/** I15. Attempts of a workflow that was paused once may have gone on beyond the policy, and only the pause told why. */
function* checkEveryAttempt({ kind, runId, run, history }: KeptRun): Generator<Violation> {
  if (kind === "activity") {
    const { attempts, status } = run as StandaloneRun;
    // One that an operator has dispatched anew goes on showing its last failure. Each dispatch has a stamp, and by itself an attempt has one.
    const isByItself = attempts.stamp === attempts.attempt;
    // Completed by id in its backoff, its last attempt ended then, and no other was to follow.
    const isCompleted = status.type === "closed" && status.status === enums.ActivityExecutionStatus.COMPLETED;
    if (isByItself && !isCompleted) yield* checkAttempts(attempts, `activity run ${runId}`);
  }
  if (kind !== "workflow" || history?.wasPaused) return;
  for (const activity of (run as Run).activities.values())
    yield* checkAttempts(activity, `activity "${activity.activityId}" of run ${runId}`);
}

/** I27: an execution has its parent, and all others that it deals with, in its own namespace. */
function* checkKinship({ kind, namespaceId, runId, run }: KeptRun): Generator<Violation> {
  const parent = kind === "workflow" ? (run as Run).start.parent : null;
  yield* unless(
    !parent || parent.namespaceId === namespaceId,
    "I27",
    `run ${runId} is a child of a workflow in namespace ${parent?.namespaceId}`,
  );
}

/** L2, L3: whatever the run waits for, something will wake it or somebody must be told. */
function* checkWaiting({ wakeAtMs }: KeptRun, run: Run, history: RunHistory): Generator<Violation> {
  const { runId } = run;
  if (run.status.type === "closed") return;
  for (const [id, { fireAtMs }] of run.timers)
    yield* unless(wakeAtMs !== null && wakeAtMs <= fireAtMs, "L2", `nobody wakes run ${runId} for timer ${id}`);
  const messages = run.outbox.size;
  const starting = [...run.children.values()].filter(({ status }) => status.type === "starting").length;
  yield* unless(
    messages >= starting,
    "L3",
    `run ${runId} starts ${starting} ${starting === 1 ? "child" : "children"} with ${messages} messages`,
  );
  const isUnseen = history.lastTriggerEventId > history.lastSeenEventId || history.lastSeenEventId === 0;
  const hasTask = run.workflowTask.type !== "none" || run.firstTaskAtMs !== null || run.pause !== null;
  yield* unless(
    !isUnseen || hasTask,
    "L3",
    `no workflow task of run ${runId} follows event ${history.lastTriggerEventId}`,
  );
}

/** A history may go beyond its limit by what one workflow task writes, and what was buffered before it. */
const overshootBytesMax = limits.bufferedBytesMax + 2 * limits.blobBytesMax;
/** Each kind of message has a limit of its own. */
const outgoingMax =
  limits.pendingSignalsMax + limits.pendingCancelRequestsMax + limits.pendingChildrenMax + limits.callbacksMax;

/** I29. A run that has closed may have been ended by the event that was too much, or by all that one workflow task asked for. */
function* checkLimits(run: Run, history: RunHistory): Generator<Violation> {
  const { runId } = run;
  if (run.status.type === "closed") return;
  const kept: readonly (readonly [what: string, count: number, most: number])[] = [
    // What merely arrives is let in beyond it, and the next workflow task ends the run.
    ["events", history.lastEventId, limits.historyEventsMax + limits.bufferedEventsMax],
    ["pending activities", run.activities.size, limits.pendingActivitiesMax],
    ["children", run.children.size, limits.pendingChildrenMax],
    ["Nexus operations", run.nexusOperations.size, limits.pendingNexusOperationsMax],
    ["bytes of history", history.bytes, limits.historyBytesMax + overshootBytesMax],
    ["bytes of state", run.stateBytes, limits.stateBytesMax],
    ["signals and cancellations on their way", run.outbox.size, outgoingMax],
    ["callbacks", run.callbacks.size, limits.callbacksMax],
    ["reset points", run.resetPoints.length, limits.resetPointsMax],
    ["signals", run.signalCount, limits.signalsMax],
    ["buffered events", run.buffered.length, limits.bufferedEventsMax + 1],
  ];
  for (const [what, count, most] of kept)
    yield* unless(count <= most, "I29", `run ${runId} has ${count} ${what}, ${most} are allowed`);
  const ids: readonly (readonly [of: string, ids: Iterable<string>])[] = [
    ["workflow", [run.workflowId]],
    ["activity", run.activityIds.keys()],
    ["timer", run.timers.keys()],
  ];
  for (const [of, each] of ids) for (const id of each) yield* checkId(id, `${of} id of run ${runId}`);
}

function* checkId(id: string, name: string): Generator<Violation> {
  // Three bytes are the most that a unit of a string takes.
  if (id.length * 3 <= limits.idBytesMax) return;
  const idBytes = new TextEncoder().encode(id).length;
  yield* unless(
    idBytes <= limits.idBytesMax,
    "I29",
    `the ${name} has ${idBytes} bytes, ${limits.idBytesMax} are allowed`,
  );
}

/** L3, I30: the row says when to look at the run again, that somebody must be told, and when it goes. */
function* checkRow({ kind, runId, run, wakeAtMs, undispatched }: KeptRun): Generator<Violation> {
  const effects = machineOf(kind).pendingEffects(run);
  yield* unless(
    effects.length === 0 || undispatched,
    "L3",
    `${effects.length} ${effects.length === 1 ? "task or message" : "tasks or messages"} of run ${runId} are not marked`,
  );
  // Too early is harmless: it finds nothing to do, and looks again.
  yield* unless(
    (wakeAtMs ?? Number.POSITIVE_INFINITY) <= run.wakeAtMs,
    "L3",
    `run ${runId} is to be woken at ${wakeAtMs}, its state says ${run.wakeAtMs}`,
  );
  yield* unless(run.status.type === "open" || wakeAtMs !== null, "I30", `run ${runId} has closed and is never deleted`);
  if (kind !== "schedule") yield* checkDeletion(run as Run | StandaloneRun);
}

/** I30. By how long a namespace keeps what has ended is decided when its time has come: that may change. */
function* checkDeletion({ runId, status, deletion }: Run | StandaloneRun): Generator<Violation> {
  if (status.type === "open") yield* unless(!deletion, "I30", `run ${runId} is to be deleted, and is open`);
  else
    yield* unless(
      !deletion || deletion.asked || deletion.atMs >= status.closedAtMs,
      "I30",
      `run ${runId} is to be deleted before it closed`,
    );
}

/** What lists filter by; sizes and counts may be those of the commit in which the run closed. */
const listedFields = [
  ...["type", "taskQueue", "status", "startTimeMs", "executionTimeMs", "closeTimeMs", "historyLength"],
  ...["executionDurationMs", "parentWorkflowId", "parentRunId", "rootWorkflowId", "rootRunId"],
] as readonly (keyof ListedRun)[];

/** I26. */
function* checkListed({ kind, runId, run, visibility }: KeptRun): Generator<Violation> {
  if (!visibility) return yield new Violation("I26", `run ${runId} is in no list`);
  const is = machineOf(kind).listed(run);
  for (const field of listedFields)
    yield* unless(
      is[field] === visibility[field],
      "I26",
      `run ${runId} has ${field} ${is[field]}, its list says ${visibility[field]}`,
    );
  const [left, right] = [is, visibility].map(({ searchAttributes }) => canonical(searchAttributes));
  yield* unless(left === right, "I26", `run ${runId} has search attributes ${left}, its list says ${right}`);
}

function canonical(attributes: ListedRun["searchAttributes"]): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
