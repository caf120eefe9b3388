/** A schedule as bytes, and back, by the rules of `run/snapshot.ts`. Version 1. */
import { decode } from "@msgpack/msgpack";
import { common, schedule } from "@pawl/protocol";
import { optional, restored } from "../encoded-message.ts";
import type { PartChange, RunChanges } from "../machine.ts";
import { pack } from "../pack.ts";
import type { Outgoing } from "../state/message.ts";
import { scheduleWakeAtMs } from "./advance.ts";
import { scheduleRecord } from "./schedule-describe.ts";
import { noScheduleChanges, type ScheduleRun } from "./schedule-run.ts";
import { Spec } from "./spec.ts";

const version = 1;

/** Fields that msgpack takes as they are. */
const plainFields = [
  ...(["namespaceId", "scheduleId", "runId", "namespace", "requestId", "identity", "createdAtMs"] as const),
  ...(["updatedAtMs", "status", "version", "seenUntilMs", "buffer", "backfills", "started"] as const),
  ...(["recent", "counts", "patchRequestIds", "lastResult", "lastFailure", "idleSinceMs", "lastMessageId"] as const),
] as const satisfies readonly (keyof ScheduleRun)[];

interface Core {
  readonly format: number;
  readonly plain: Pick<ScheduleRun, (typeof plainFields)[number]>;
  readonly schedule: Uint8Array;
  readonly memo?: Uint8Array;
  readonly searchAttributes?: Uint8Array;
}

export function takeScheduleChanges(run: ScheduleRun): RunChanges | undefined {
  const { changes } = run;
  if (!changes.core && changes.parts.size === 0) return undefined;
  run.wakeAtMs = scheduleWakeAtMs(run);
  const snapshot = encodeSnapshot(run);
  run.sizeBytes = snapshot.length;
  const taken: RunChanges = {
    snapshot,
    parts: [...changes.parts].map((part): PartChange => {
      const outgoing = run.outbox.get(Number(part.slice(2)));
      return [part, outgoing ? pack(outgoing) : null];
    }),
    batches: [],
    wakeAtMs: Number.isFinite(run.wakeAtMs) ? run.wakeAtMs : null,
    undispatched: run.outbox.size > 0,
    visibility: changes.visibility && !changes.deleted ? scheduleRecord(run) : null,
    deleted: changes.deleted,
    current: changes.current,
  };
  Object.assign(changes, noScheduleChanges());
  return taken;
}

function encodeSnapshot(run: ScheduleRun): Uint8Array {
  const core = {
    format: version,
    plain: Object.fromEntries(plainFields.map((field) => [field, run[field]])),
    schedule: schedule.Schedule.encode(run.schedule),
    memo: optional(common.Memo, run.memo),
    searchAttributes: optional(common.SearchAttributes, run.searchAttributes),
  };
  return pack(core);
}

/** Throws when the snapshot is of a version this engine does not know. */
export function restoreSchedule(snapshot: Uint8Array, parts: ReadonlyMap<string, Uint8Array>): ScheduleRun {
  const core = decode(snapshot) as Core;
  if (core.format !== version)
    throw new Error(`schedule snapshot has version ${core.format}; this engine knows ${version}`);
  const kept = schedule.Schedule.decode(core.schedule);
  const run: ScheduleRun = {
    // Absent where nothing was written.
    ...{ lastResult: undefined, lastFailure: undefined },
    ...core.plain,
    schedule: kept,
    memo: restored(common.Memo, core.memo),
    searchAttributes: restored(common.SearchAttributes, core.searchAttributes),
    outbox: new Map(),
    spec: new Spec(kept.spec ?? schedule.ScheduleSpec.create({})),
    wakeAtMs: 0,
    sizeBytes: snapshot.length,
    changes: noScheduleChanges(),
  };
  for (const bytes of parts.values()) {
    const outgoing = decode(bytes) as Outgoing;
    run.outbox.set(outgoing.id, outgoing);
  }
  run.wakeAtMs = scheduleWakeAtMs(run);
  return run;
}
