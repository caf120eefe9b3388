/**
 * Drives one standalone activity in tests, the way a shard does: execute, take the changes, and read the runs back from them, so that every step
 * also proves that nothing was kept in memory only.
 */
import assert from "node:assert/strict";
import { enums, type Init, toDuration, workflowservice } from "@pawl/protocol";
import { violationsOf } from "../invariant/index.ts";
import type { ReplyOfKind } from "../machines.ts";
import { Rejection } from "../rejection.ts";
import type { VisibilityRecord } from "../run/visibility.ts";
import { Step } from "../step.ts";
import type { ActivitySelector, StartedActivityTask, Task } from "../vocabulary.ts";
import { type StandaloneCommand, standaloneMachine } from "./standalone-activity.ts";
import type { StandaloneRun } from "./standalone-run.ts";

interface Row {
  snapshot: Uint8Array;
  readonly parts: Map<string, Uint8Array>;
  wakeAtMs: number | null;
  undispatched: boolean;
}

export class ScriptedStandalone {
  nowMs = 1_000;
  retentionMs = 24 * 3_600_000;
  /** Tasks dispatched and not yet started, oldest first. */
  tasks: Task[] = [];
  /** The rows that lists show, by run. */
  readonly listed = new Map<string, { status: number; closeTimeMs: number | null }>();
  currentRunId: string | null = null;
  /** What the last command wrote. */
  written: { readonly parts: readonly string[]; readonly bytes: number } = { parts: [], bytes: 0 };
  readonly #rows = new Map<string, Row>();
  /** As {@link listed}, which tests may clear. */
  readonly #listed = new Map<string, VisibilityRecord>();
  #ids = 0;

  do<C extends StandaloneCommand>(command: C): ReplyOfKind<"activity", C> {
    const reply = this.try(command);
    if (reply instanceof Rejection) throw new Error(`${command.type} was rejected: ${reply.code} ${reply.message}`);
    return reply as ReplyOfKind<"activity", C>;
  }

  /** `CODE message` of a command that must be rejected. */
  refused(command: StandaloneCommand): string {
    const reply = this.try(command);
    assert(reply instanceof Rejection, `${command.type} was accepted`);
    return `${reply.code} ${reply.message}`;
  }

  try(command: StandaloneCommand): unknown {
    const { empty, restore, execute, takeChanges, pendingEffects } = standaloneMachine;
    const key = { kind: "activity", namespaceId: "n", businessId: "a" } as const;
    const activity = empty(key, this.currentRunId);
    for (const [runId, row] of this.#rows) activity.runs.set(runId, restore(row.snapshot, row.parts));
    const step = new Step({
      nowMs: this.nowMs,
      newId: () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, "0")}`,
      newStamp: (after) => after + 1,
      retentionMs: this.retentionMs,
    });
    const reply = execute(activity, command, step);
    let changed = false;
    for (const [runId, run] of activity.runs) {
      const changes = takeChanges(run);
      if (!changes) continue;
      changed = true;
      if (changes.deleted) {
        this.#rows.delete(runId);
        this.listed.delete(runId);
        if (activity.currentRunId === runId) activity.currentRunId = null;
        continue;
      }
      const row = this.#rows.get(runId) ?? { ...changes, parts: new Map<string, Uint8Array>() };
      for (const [part, bytes] of changes.parts) {
        if (bytes) row.parts.set(part, bytes);
        else row.parts.delete(part);
      }
      const { wakeAtMs, undispatched } = changes;
      const snapshot = changes.snapshot!;
      const bytes = changes.parts.reduce((total, [, part]) => total + (part?.length ?? 0), snapshot.length);
      this.written = { parts: changes.parts.map(([part]) => part), bytes };
      this.#rows.set(runId, { parts: row.parts, snapshot, wakeAtMs, undispatched });
      if (changes.visibility) for (const all of [this.listed, this.#listed]) all.set(runId, changes.visibility);
      assert.equal(pendingEffects(run).length > 0, changes.undispatched, "what waits is marked as undispatched");
      const kept = { ...key, runId, history: undefined, wakeAtMs, undispatched, visibility: this.#listed.get(runId) };
      for (const violation of violationsOf({ ...kept, run: restore(snapshot, row.parts) })) throw violation;
    }
    this.currentRunId = activity.currentRunId;
    if (reply instanceof Rejection)
      assert(!changed && step.effects.length === 0, `a rejected ${command.type} changed something (E1)`);
    for (const effect of step.effects) if (effect.type === "dispatch") this.tasks.push(effect.task);
    return reply;
  }

  /** Moves the clock and wakes what falls due, in order. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.#rows]
        .filter(([, { wakeAtMs }]) => wakeAtMs !== null && wakeAtMs <= untilMs)
        .sort(([, a], [, b]) => a.wakeAtMs! - b.wakeAtMs!)[0];
      if (!due) break;
      this.nowMs = Math.max(this.nowMs, due[1].wakeAtMs!);
      this.do({ type: "wake", runId: due[0] });
      const again = this.#rows.get(due[0])?.wakeAtMs ?? null;
      assert(again === null || again > this.nowMs, "a wake leaves nothing due behind");
    }
    this.nowMs = untilMs;
  }

  start(request: Init<workflowservice.StartActivityExecutionRequest> = {}) {
    const codec = workflowservice.StartActivityExecutionRequest;
    const given = {
      namespace: "default",
      activityId: "a",
      activityType: { name: "T" },
      taskQueue: { name: "q" },
      startToCloseTimeout: toDuration(10_000),
      requestId: "first",
    };
    return { type: "startActivity", request: codec.decode(codec.encode({ ...given, ...request })) } as const;
  }

  /** A worker takes the oldest task. */
  poll(): StartedActivityTask {
    const task = this.tasks.shift();
    assert(task, "there is no task");
    const started = this.do(this.startTask(task));
    assert(started, "an activity that is an execution of its own has no run to move");
    return started;
  }

  startTask({ runId, scheduledEventId, stamp }: Task) {
    const poller = { identity: "worker", requestId: `poll-${++this.#ids}` };
    return { type: "startActivityTask", runId, scheduledEventId, stamp, poller } as const;
  }

  describe(runId = "") {
    return this.do({ type: "describeActivity", runId });
  }

  run(runId = this.currentRunId ?? ""): StandaloneRun {
    const row = this.#rows.get(runId);
    assert(row, "there is no such run");
    return standaloneMachine.restore(row.snapshot, row.parts);
  }

  get runCount(): number {
    return this.#rows.size;
  }
}

export function tokenOf({ activity }: StartedActivityTask): ActivitySelector {
  return { by: "token", ...activity };
}

export function statusName(status: number | undefined): string | undefined {
  return Object.entries(enums.ActivityExecutionStatus).find(([, value]) => value === status)?.[0];
}
