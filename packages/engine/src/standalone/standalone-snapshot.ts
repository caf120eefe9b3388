/**
 * A standalone activity as bytes, and back, by the rules of `snapshot.ts`. Version 1.
 */
import { decode } from "@msgpack/msgpack";
import { activity as api, common, history, sdk } from "@pawl/protocol";
import { nextActivityAtMs } from "../activity/activity-timeout.ts";
import { type EncodedAttempts, plainAttempts, restoredAttempts } from "../activity/attempt-snapshot.ts";
import { optional, restored } from "../encoded-message.ts";
import type { PartChange, RunChanges } from "../machine.ts";
import { pack } from "../pack.ts";
import { standaloneRecord } from "./standalone-describe.ts";
import {
  noStandaloneChanges,
  type StandaloneRun,
  type StandaloneStart,
  standaloneTaskOf,
  timedAttempts,
} from "./standalone-run.ts";

const version = 1;

/** Fields that msgpack takes as they are. */
const plainFields = [
  "namespaceId",
  "activityId",
  "runId",
  "status",
  "deletion",
  "startDelayMs",
  "originalStartDelayMs",
  "retry",
  "cancelRequest",
  "terminationRequestId",
  "lastRequestIds",
  "attachedRequestIds",
  "heartbeatCount",
  "sdk",
  "stateTransitionCount",
] as const satisfies readonly (keyof StandaloneRun)[];

/** Fields that snapshots of earlier releases lack. */
type Later = "originalStartDelayMs" | "retry" | "lastRequestIds";

interface Core
  extends Omit<Pick<StandaloneRun, (typeof plainFields)[number]>, Later>,
    Partial<Pick<StandaloneRun, Later>> {
  /** In snapshots of earlier releases, which knew again no other requests of operators. */
  readonly lastPauseRequestId?: string | null;
  readonly version: number;
  readonly start: Omit<StandaloneStart, "userMetadata" | "searchAttributes"> & {
    readonly userMetadata?: Uint8Array;
    readonly searchAttributes?: Uint8Array;
  };
  readonly attempts: EncodedAttempts;
  readonly links: readonly Uint8Array[];
}

export function takeStandaloneChanges(run: StandaloneRun): RunChanges | undefined {
  const { changes } = run;
  if (!changes.core) return undefined;
  run.stateTransitionCount += 1;
  run.wakeAtMs = standaloneWakeAtMs(run);
  const parts = [...changes.parts].map((part): PartChange => [part, encodePart(run, part)]);
  const snapshot = encodeSnapshot(run);
  for (const [part, bytes] of parts) run.partBytes.set(part, bytes?.length ?? 0);
  run.sizeBytes = snapshot.length + sum(run.partBytes);
  const taken: RunChanges = {
    snapshot,
    parts,
    batches: [],
    wakeAtMs: Number.isFinite(run.wakeAtMs) ? run.wakeAtMs : null,
    undispatched: standaloneTaskOf(run) !== undefined,
    visibility: changes.visibility && !changes.deleted ? standaloneRecord(run) : null,
    deleted: changes.deleted,
    current: changes.current,
  };
  Object.assign(changes, noStandaloneChanges());
  return taken;
}

/** The earliest time at which something is due by itself; Infinity = never. */
function standaloneWakeAtMs(run: StandaloneRun): number {
  const { status, deletion } = run;
  return status.type === "open" ? nextActivityAtMs(timedAttempts(run)) : (deletion?.atMs ?? Number.POSITIVE_INFINITY);
}

function encodeSnapshot(run: StandaloneRun): Uint8Array {
  const { start } = run;
  const core = {
    version,
    ...Object.fromEntries(plainFields.map((field) => [field, run[field]])),
    start: {
      ...start,
      userMetadata: optional(sdk.UserMetadata, start.userMetadata),
      searchAttributes: optional(common.SearchAttributes, start.searchAttributes),
    },
    attempts: plainAttempts(run.attempts),
    links: run.links.map((link) => common.Link.encode(link)),
  };
  return pack(core);
}

function encodePart({ input, header, outcome }: StandaloneRun, part: "i" | "r"): Uint8Array | null {
  if (part === "i") return history.ActivityTaskScheduledEventAttributes.encode({ input, header });
  return outcome && api.ActivityExecutionOutcome.encode(outcome);
}

function sum(partBytes: ReadonlyMap<string, number>): number {
  return [...partBytes.values()].reduce((total, bytes) => total + bytes, 0);
}

/** What a run waits for whose release did not keep it. */
function retryOf({ status, lastAttemptCompletedAtMs: completedAtMs }: EncodedAttempts): StandaloneRun["retry"] {
  if (status.type !== "backingOff" || completedAtMs === null) return null;
  return { intervalMs: status.dispatchAtMs - completedAtMs, byPolicy: true };
}

/** Throws when the snapshot is of a version this engine does not know. */
export function restoreStandalone(snapshot: Uint8Array, parts: ReadonlyMap<string, Uint8Array>): StandaloneRun {
  const core = decode(snapshot) as Core;
  if (core.version !== version)
    throw new Error(`activity snapshot has version ${core.version}; this engine knows ${version}`);
  const { version: _, start, attempts, links, lastPauseRequestId, ...rest } = core;
  const partBytes = new Map([...parts].map(([part, bytes]) => [part, bytes.length]));
  const given = restored(history.ActivityTaskScheduledEventAttributes, parts.get("i"));
  const run: StandaloneRun = {
    ...rest,
    originalStartDelayMs: core.originalStartDelayMs ?? null,
    retry: core.retry === undefined ? retryOf(attempts) : core.retry,
    lastRequestIds: core.lastRequestIds ?? (lastPauseRequestId ? { pause: lastPauseRequestId } : {}),
    start: {
      ...start,
      userMetadata: restored(sdk.UserMetadata, start.userMetadata),
      searchAttributes: restored(common.SearchAttributes, start.searchAttributes),
    },
    attempts: restoredAttempts(attempts),
    links: links.map((link) => common.Link.decode(link)),
    input: given?.input,
    header: given?.header,
    outcome: restored(api.ActivityExecutionOutcome, parts.get("r")) ?? null,
    wakeAtMs: 0,
    sizeBytes: snapshot.length + sum(partBytes),
    partBytes,
    changes: noStandaloneChanges(),
  };
  run.wakeAtMs = standaloneWakeAtMs(run);
  return run;
}
