/**
 * Drives one workflow through the engine in tests, the way a shard does: execute, take the changes, and read the runs back from them, so that
 * every step also proves that nothing was kept in memory only. Checks what must always hold after each command.
 */
import assert from "node:assert/strict";
import {
  type command,
  common,
  enums,
  type failure,
  history,
  type Init,
  toDuration,
  workflowservice,
} from "@pawl/protocol";
import { violationsOf } from "../invariant/run-check.ts";
import { RunHistory } from "../invariant/run-history.ts";
import type { Call } from "../outside-call.ts";
import { differencesFromHistory } from "../rebuild/determined-state.ts";
import { Rejection } from "../rejection.ts";
import type { LaterRun, ReadChain } from "../reset/read-chain.ts";
import { isTakenOver } from "../reset/reapply.ts";
import { BaseReading } from "../reset/reset-reading.ts";
import type { SizeWarning } from "../run/run-size.ts";
import { restore, takeChanges } from "../run/snapshot.ts";
import type { VisibilityRecord } from "../run/visibility.ts";
import type { EventBatch, Run, Workflow } from "../state/run.ts";
import type { EndedUpdate } from "../state/update.ts";
import type { DeploymentVersion } from "../state/versioning.ts";
import { Step } from "../step.ts";
import { noRouting, type Routing } from "../versioning/versioning.ts";
import type {
  Command,
  Effect,
  Replies,
  ReplyTo,
  StartedActivityTask,
  StartedWorkflowTask,
  Task,
} from "../vocabulary.ts";
import { execute } from "./workflow.ts";

interface Row {
  snapshot: Uint8Array;
  readonly parts: Map<string, Uint8Array>;
  readonly history: RunHistory;
  wakeAtMs: number | null;
  /** What the shard makes of it: the stored time may be earlier. */
  armedAtMs: number | null;
  undispatched: boolean;
  visibility: VisibilityRecord | undefined;
}

export type CommandInit = Init<command.Command>;

export class ScriptedWorkflow {
  readonly workflowId: string;
  /** Whether runs stay in memory from one command to the next, as in a shard's cache, rather than being read back each time. */
  protected readonly keepsMemory: boolean = false;
  #cached: Workflow | undefined;
  nowMs = 1_000;
  retentionMs = 24 * 3_600_000;
  routing: Routing = noRouting;
  /** Tasks dispatched and not yet started, oldest first. */
  tasks: Task[] = [];
  /** Requests to somebody outside that were not made yet, oldest first. */
  calls: Call[] = [];
  /** What callers were told of updates that are known nowhere any more. */
  ended: EndedUpdate[] = [];
  /** Ids of the Nexus endpoints that there are, by name. */
  nexusEndpointIds = new Map([["endpoint", "endpoint-id"]]);
  /** Messages to other workflows, in order. */
  messages: Extract<Effect, { type: "send" }>[] = [];
  /** Figures of runs that passed their mark, in order. */
  readonly warnings: SizeWarning[] = [];
  currentRunId: string | null = null;
  readonly #rows = new Map<string, Row>();
  readonly #idPrefix: string;
  #ids = 0;

  constructor(workflowId = "wf") {
    this.workflowId = workflowId;
    // Ids of different workflows must differ, and stay the same from run to run.
    this.#idPrefix = Buffer.from(workflowId.padEnd(4, "_").slice(0, 4)).toString("hex");
  }

  /** Runs the command and returns the reply; throws on a rejection. */
  do<C extends Command>(one: C): ReplyTo<C> {
    const reply = this.try(one);
    if (reply instanceof Rejection) throw new Error(`${one.type} was rejected: ${reply.code} ${reply.message}`);
    return reply as ReplyTo<C>;
  }

  /** Runs the command that must be rejected. */
  refused(one: Command): Rejection {
    const reply = this.try(one);
    assert(reply instanceof Rejection, `${one.type} was accepted`);
    return reply;
  }

  try<C extends Command>(one: C): ReplyTo<C> | Rejection {
    const workflow = (this.keepsMemory && this.#cached) || this.#load();
    this.#cached = workflow;
    const step = new Step({
      nowMs: this.nowMs,
      newId: () => `${this.#idPrefix}-0000-4000-8000-${String(++this.#ids).padStart(12, "0")}`,
      newStamp: (after) => Math.max(this.nowMs, after + 1),
      retentionMs: this.retentionMs,
      routing: this.routing,
    });
    const reply = execute(workflow, one, step);
    const changed = this.#save(workflow);
    if (reply instanceof Rejection) {
      assert.equal(changed, false, `a rejected ${one.type} changed something (E1)`);
      assert.equal(step.effects.length, 0, `a rejected ${one.type} had effects (E1)`);
    }
    for (const effect of step.effects) {
      if (effect.type === "dispatch") this.tasks.push(effect.task);
      else if (effect.type === "send") this.messages.push(effect);
      else if (effect.type === "call") this.calls.push(effect.call);
      else this.ended.push(...effect.ended);
    }
    return reply;
  }

  /** Moves the clock and wakes the runs that fell due, in order. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.#rows]
        .filter(([, row]) => row.armedAtMs !== null && row.armedAtMs <= untilMs)
        .sort(([, a], [, b]) => a.armedAtMs! - b.armedAtMs!)[0];
      if (!due) break;
      const [runId, row] = due;
      const beforeMs = row.armedAtMs!;
      this.nowMs = Math.max(this.nowMs, beforeMs);
      this.do({ type: "wake", runId });
      assert(
        !this.#rows.has(runId) || row.armedAtMs === null || row.armedAtMs > this.nowMs,
        "a wake leaves nothing due behind",
      );
    }
    this.nowMs = untilMs;
  }

  start(request: Init<workflowservice.StartWorkflowExecutionRequest> = {}): Replies["startWorkflow"] {
    return this.do({
      type: "startWorkflow",
      request: startRequest({ workflowId: this.workflowId, requestId: `start-${++this.#ids}`, ...request }),
    });
  }

  signal(signalName: string, requestId = ""): void {
    this.do({
      type: "signal",
      request: workflowservice.SignalWorkflowExecutionRequest.decode(
        workflowservice.SignalWorkflowExecutionRequest.encode({ signalName, requestId }),
      ),
    });
  }

  /** A worker takes the oldest workflow task. */
  pollTask({ sticky = false, version }: { sticky?: boolean; version?: DeploymentVersion } = {}): StartedWorkflowTask {
    const { runId, stamp } = this.#take("workflow");
    return this.do({ type: "startWorkflowTask", runId, stamp, poller: this.#poller(version), sticky });
  }

  pollActivity(version?: DeploymentVersion): StartedActivityTask {
    const started = this.tryActivity(version);
    assert(started, "the run has set out to another version first");
    return started;
  }

  /** Undefined when the run first moves to the worker's version. */
  tryActivity(version?: DeploymentVersion): StartedActivityTask | undefined {
    const { runId, scheduledEventId, stamp } = this.#take("activity");
    return this.do({ type: "startActivityTask", runId, scheduledEventId, stamp, poller: this.#poller(version) });
  }

  complete(
    started: StartedWorkflowTask,
    commands: readonly CommandInit[] = [],
    more: Init<workflowservice.RespondWorkflowTaskCompletedRequest> = {},
  ): Replies["completeWorkflowTask"] | Rejection {
    const codec = workflowservice.RespondWorkflowTaskCompletedRequest;
    return this.try({
      type: "completeWorkflowTask",
      task: started.task,
      request: codec.decode(codec.encode({ identity: "worker", commands, ...more })),
      nexusEndpointIds: this.nexusEndpointIds,
    });
  }

  /** Takes the oldest request of the type out of those that are to be made. */
  takeCall<T extends Call["type"]>(type: T): Extract<Call, { type: T }> {
    const index = this.calls.findIndex((call) => call.type === type);
    assert(index >= 0, `no ${type} was asked for`);
    return this.calls.splice(index, 1)[0] as Extract<Call, { type: T }>;
  }

  failTask(
    started: StartedWorkflowTask,
    cause: enums.WorkflowTaskFailedCause = enums.WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE,
  ): void {
    const codec = workflowservice.RespondWorkflowTaskFailedRequest;
    this.do({
      type: "failWorkflowTask",
      task: started.task,
      request: codec.decode(codec.encode({ identity: "worker", cause })),
    });
  }

  completeActivity({ activity }: StartedActivityTask, value: unknown = "ok"): void {
    this.do({
      type: "completeActivity",
      activity: { by: "token", ...activity },
      result: payloads(value),
      identity: "worker",
    });
  }

  failActivity({ activity }: StartedActivityTask, cause: failure.Failure = applicationFailure("boom")): void {
    this.do({
      type: "failActivity",
      activity: { by: "token", ...activity },
      failure: cause,
      lastHeartbeatDetails: undefined,
      identity: "worker",
    });
  }

  /** The histories that a reset of `runId` to `finishEventId` reads. */
  read(runId: string, finishEventId: number): ReadChain {
    const later: LaterRun[] = [];
    const nextOf = (id: string) =>
      this.events(id).at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    for (let next = nextOf(runId); next !== undefined; next = nextOf(next))
      later.push({ runId: next, lastEventId: this.events(next).length, events: this.events(next).filter(isTakenOver) });
    const ids = { namespaceId: "ns", workflowId: this.workflowId, runId: `${this.#idPrefix}-reset-${++this.#ids}` };
    const base = new BaseReading(finishEventId, { ...ids, namespace: "default", requestId: "" });
    for (const batch of this.batches(runId)) for (const _ of base.take(batch));
    return { currentRunId: this.currentRunId, base: base.read, later };
  }

  /** Resets the run, by default the current one, at the end of a workflow task; returns the run that came of it. */
  reset(
    workflowTaskFinishEventId: number,
    { runId = this.currentRunId!, ...more }: { runId?: string } & Partial<ResetRequest> = {},
  ): string {
    const request = resetRequest(runId, workflowTaskFinishEventId, { requestId: `reset-${++this.#ids}`, ...more });
    const reply = this.do({ type: "reset", request, read: this.read(runId, workflowTaskFinishEventId) });
    assert(reply.type === "reset", "what was read is all that there is");
    return reply.runId;
  }

  /** Types of the events of a run (the current one), without their prefix. */
  eventTypes(runId = this.currentRunId!): string[] {
    return this.events(runId).map((event) => nameOf(event));
  }

  events(runId = this.currentRunId!): readonly history.HistoryEvent[] {
    return this.#row(runId).history.events;
  }

  /** The history of a run (the current one) as it was committed. */
  batches(runId = this.currentRunId!): readonly EventBatch[] {
    return this.#row(runId).history.batches.map((bytes) => {
      const { events } = history.History.decode(bytes);
      return { firstEventId: events[0]!.eventId, lastEventId: events.at(-1)!.eventId, bytes };
    });
  }

  /** The state of a run as it would be read after a restart. */
  run(runId = this.currentRunId!): Run {
    const row = this.#row(runId);
    return restore(row.snapshot, row.parts);
  }

  has(runId: string): boolean {
    return this.#rows.has(runId);
  }

  wakeAtMs(runId = this.currentRunId!): number | null {
    return this.#row(runId).armedAtMs;
  }

  /** What a store would hold of the current run beside its state. */
  rows(): Pick<Row, "history" | "wakeAtMs" | "undispatched" | "visibility"> {
    return this.#row(this.currentRunId!);
  }

  /** Every run with its history, in the order in which they began. */
  kept(): { readonly run: Run; readonly history: RunHistory }[] {
    return [...this.#rows].map(([runId, { history }]) => ({ run: this.run(runId), history }));
  }

  #row(runId: string): Row {
    const row = this.#rows.get(runId);
    assert(row, `no run ${runId}`);
    return row;
  }

  #poller(deploymentVersion?: DeploymentVersion) {
    return { identity: "worker", requestId: `poll-${++this.#ids}`, ...(deploymentVersion && { deploymentVersion }) };
  }

  #take(kind: Task["kind"]): Task {
    const index = this.tasks.findIndex((task) => task.kind === kind);
    assert(index >= 0, `no ${kind} task was dispatched`);
    return this.tasks.splice(index, 1)[0]!;
  }

  #load(): Workflow {
    const runs = new Map([...this.#rows].map(([runId, row]) => [runId, restore(row.snapshot, row.parts)]));
    return { namespaceId: "ns", workflowId: this.workflowId, currentRunId: this.currentRunId, runs };
  }

  #save(workflow: Workflow): boolean {
    let changed = false;
    for (const [runId, run] of workflow.runs) {
      const changes = takeChanges(run);
      if (!changes) continue;
      changed = true;
      this.warnings.push(...(changes.warnings ?? []));
      if (changes.deleted) {
        this.#rows.delete(runId);
        workflow.runs.delete(runId);
        if (workflow.currentRunId === runId) workflow.currentRunId = null;
        continue;
      }
      const row: Row = this.#rows.get(runId) ?? {
        snapshot: changes.snapshot!,
        parts: new Map(),
        history: new RunHistory({ nowMs: () => this.nowMs }),
        ...{ wakeAtMs: null, armedAtMs: null },
        undispatched: false,
        visibility: undefined,
      };
      this.#rows.set(runId, row);
      if (changes.snapshot) {
        row.snapshot = changes.snapshot;
        row.wakeAtMs = changes.wakeAtMs;
        row.undispatched = changes.undispatched;
      }
      row.armedAtMs = changes.wakeAtMs;
      for (const [part, bytes] of changes.parts) {
        if (bytes) row.parts.set(part, bytes);
        else row.parts.delete(part);
      }
      row.visibility = changes.visibility ?? row.visibility;
      for (const batch of changes.batches) row.history.append(batch.firstEventId, batch.lastEventId, batch.bytes);
      assert.deepEqual(differencesFromHistory(row.history.events, run), [], "state rebuilt from history (R1)");
      const { namespaceId, workflowId: businessId } = workflow;
      const kept = { kind: "workflow", namespaceId, businessId, runId, run: this.run(runId) } as const;
      for (const violation of violationsOf({ ...kept, ...row })) throw violation;
    }
    this.currentRunId = workflow.currentRunId;
    return changed;
  }
}

/** A workflow that stays in memory, as in a shard's cache, where the scripted one is read back after each command. */
export class CachedWorkflow extends ScriptedWorkflow {
  protected override keepsMemory = true;

  /** From here on as after a crash. */
  loseMemory(): void {
    this.keepsMemory = false;
  }
}

function nameOf(event: history.HistoryEvent): string {
  return Object.entries(enums.EventType).find(([, value]) => value === event.eventType)?.[0] ?? "?";
}

type ResetRequest = workflowservice.ResetWorkflowExecutionRequest;

export function resetRequest(
  runId: string,
  workflowTaskFinishEventId: number,
  more: Partial<ResetRequest> = {},
): ResetRequest {
  const workflowExecution = { workflowId: "wf", runId };
  const given = { workflowExecution, workflowTaskFinishEventId, reason: "wrong", requestId: "reset", ...more };
  return workflowservice.ResetWorkflowExecutionRequest.create(given);
}

export function startRequest(
  init: Init<workflowservice.StartWorkflowExecutionRequest>,
): workflowservice.StartWorkflowExecutionRequest {
  const codec = workflowservice.StartWorkflowExecutionRequest;
  return codec.decode(
    codec.encode({
      namespace: "default",
      workflowId: "wf",
      workflowType: { name: "Example" },
      taskQueue: { name: "queue" },
      requestId: "start",
      ...init,
    }),
  );
}

export function payloads(value: unknown): common.Payloads {
  return common.Payloads.create({
    payloads: [
      common.Payload.create({
        metadata: { encoding: new TextEncoder().encode("json/plain") },
        data: new TextEncoder().encode(JSON.stringify(value)),
      }),
    ],
  });
}

export function applicationFailure(
  message: string,
  { type = "Error", nonRetryable = false, nextRetryDelayMs = 0 } = {},
): failure.Failure {
  const info = {
    type,
    nonRetryable,
    details: undefined,
    category: enums.ApplicationErrorCategory.UNSPECIFIED,
    ...(nextRetryDelayMs > 0 && { nextRetryDelay: toDuration(nextRetryDelayMs) }),
  };
  return {
    message,
    source: "",
    stackTrace: "",
    encodedAttributes: undefined,
    cause: undefined,
    applicationFailureInfo: info,
  };
}

const { CommandType } = enums;

/** Commands as a worker sends them. */
export const commands = {
  activity: (activityId: string, more: Init<command.ScheduleActivityTaskCommandAttributes> = {}): CommandInit => ({
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId,
      activityType: { name: "act" },
      taskQueue: { name: "queue" },
      startToCloseTimeout: toDuration(10_000),
      ...more,
    },
  }),
  cancelActivity: (scheduledEventId: number): CommandInit => ({
    commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK,
    requestCancelActivityTaskCommandAttributes: { scheduledEventId },
  }),
  timer: (timerId: string, ms: number): CommandInit => ({
    commandType: CommandType.START_TIMER,
    startTimerCommandAttributes: { timerId, startToFireTimeout: toDuration(ms) },
  }),
  cancelTimer: (timerId: string): CommandInit => ({
    commandType: CommandType.CANCEL_TIMER,
    cancelTimerCommandAttributes: { timerId },
  }),
  nexus: (more: Init<command.ScheduleNexusOperationCommandAttributes> = {}): CommandInit => ({
    commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
    scheduleNexusOperationCommandAttributes: { endpoint: "endpoint", service: "service", operation: "op", ...more },
  }),
  cancelNexus: (scheduledEventId: number): CommandInit => ({
    commandType: CommandType.REQUEST_CANCEL_NEXUS_OPERATION,
    requestCancelNexusOperationCommandAttributes: { scheduledEventId },
  }),
  marker: (markerName: string): CommandInit => ({
    commandType: CommandType.RECORD_MARKER,
    recordMarkerCommandAttributes: { markerName },
  }),
  completeWorkflow: (result?: common.Payloads): CommandInit => ({
    commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
    completeWorkflowExecutionCommandAttributes: { result },
  }),
  failWorkflow: (cause: failure.Failure = applicationFailure("boom")): CommandInit => ({
    commandType: CommandType.FAIL_WORKFLOW_EXECUTION,
    failWorkflowExecutionCommandAttributes: { failure: cause },
  }),
  cancelWorkflow: (): CommandInit => ({
    commandType: CommandType.CANCEL_WORKFLOW_EXECUTION,
    cancelWorkflowExecutionCommandAttributes: {},
  }),
  continueAsNew: (more: Init<command.ContinueAsNewWorkflowExecutionCommandAttributes> = {}): CommandInit => ({
    commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    continueAsNewWorkflowExecutionCommandAttributes: { workflowType: { name: "Next" }, ...more },
  }),
} as const;
