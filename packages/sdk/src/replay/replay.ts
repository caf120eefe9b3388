/**
 * Replay of one run: turns its history into activations of its workflow code, and compares the commands of that code with the history. No I/O, no waiting: the
 * same code serves the worker, the replayer and the tests.
 *
 *   feed(task) ─▶ next() ─▶ activation ─▶ (workflow code) ─▶ commands ─▶ accept() ─▶ next() … until undefined ─▶ takeCompletion()
 *
 *   R1. One activation for each workflow task that completed, or is being done now; news that came with tasks that failed goes to the next.
 *   R2. Within an activation: start, patches, seeds; then signals and updates; then everything else; each in the order of history.
 *   R3. A command leaves one event after its task's completion, in order. At the next task none may be left over.
 *   R4. A local activity ends inside a task: replayed, its marker brings an activation of its own at the place where it stands.
 *   R5. Something that ended in the history before a task cannot be cancelled by that task, even if the code is told of the end only after it has asked for
 *       the cancellation.
 */
import { enums, type history, type protocol, timestampMs, type update } from "@pawl/protocol";
import {
  type Activation,
  type Clock,
  closingCommands,
  type Job,
  type LocalActivityCommand,
  type WorkflowCommand,
} from "../value/activation.ts";
import { decodeReasons } from "../value/continue-as-new.ts";
import { sdkName, sdkVersion } from "../value/version.ts";
import { type LocalActivityEnd, readMarker } from "./marker.ts";
import { HistoryGap, Nondeterminism } from "./nondeterminism.ts";
import {
  describeDeed,
  describeEvent,
  type HistoryCommand,
  isChangeVersionUpsert,
  isCommandEvent,
  Outgoing,
  stackOf,
} from "./outgoing.ts";
import { type Pending, resolutionOf } from "./pending.ts";
import { type RunIdentity, runStart } from "./run-start.ts";
import { UpdateExchange, updateJob, type WireMessage } from "./update-exchange.ts";
import { type WireCommand, wireCommands } from "./wire-command.ts";

const { EventType } = enums;

export interface Task {
  /** From the first event, or from the one after the last that was fed. Events fed before are skipped. */
  readonly events: readonly history.HistoryEvent[];
  /** The event of the task that is to be done now; 0 when there is none (a query, a replay). */
  readonly startedEventId: number;
  readonly messages?: readonly protocol.Message[];
}

export interface Completion {
  readonly commands: readonly WireCommand[];
  readonly messages: readonly WireMessage[];
  readonly sdkMetadata: { sdkName: string; sdkVersion: string } | undefined;
}

const rank = { start: 0, patch: 1, randomSeed: 1, signal: 2, update: 2 } as Partial<Record<Job["type"], number>>;
const rankLast = 3;
const none: readonly never[] = [];

/** The news after which there is nothing left to cancel. */
const endOf = { cancelTimer: "timer", cancelActivity: "activity", cancelNexusOperation: "nexus" } as const;

export class Replay {
  readonly #identity: RunIdentity;
  #events: readonly history.HistoryEvent[] = none;
  #at = 0;
  #lastEventId = 0;
  #startedEventId = 0;
  #taskTimeoutMs = 0;
  #startedAtMs = 0;
  #messages: readonly protocol.Message[] = none;
  #clock: Clock = {
    ...{ timestampMs: 0, isReplaying: true, historyLength: 0, historySize: 0, continueAsNewSuggested: false },
    ...{ continueAsNewReasons: [], targetVersionChanged: false, deploymentVersion: undefined },
  };
  /** News since the last activation. */
  #jobs: Job[] = [];
  /** News of the last activation. */
  #told: readonly Job[] = [];
  /** Local activities that ended while the live task waits for them. */
  #localEnds: Job[] = [];
  readonly #outgoing = new Outgoing();
  readonly #pending: Pending = new Map();
  readonly #updates = new UpdateExchange();
  /** Requests that a reset has carried over, by update id. */
  #admitted: Map<string, update.Request> | undefined;
  /** Those that have come since the last task that was completed, with their events. */
  #unheard: Map<number, update.Request> | undefined;
  readonly #patchIds = new Set<string>();
  /** Begun and without an end in history. `handedOut`: the worker runs it. */
  readonly #localActivities = new Map<number, { command: LocalActivityCommand; handedOut: boolean }>();
  #localCancels: number[] = [];
  #fresh: WireCommand[] = [];
  #freshMessages: WireMessage[] = [];
  #sdk = "";
  #closed = false;

  constructor(identity: RunIdentity) {
    this.#identity = identity;
  }

  /** The last event that was taken in; the next task must go on after it. */
  get lastEventId(): number {
    return this.#lastEventId;
  }

  /** How long a worker may take for one of this run's tasks. */
  get taskTimeoutMs(): number {
    return this.#taskTimeoutMs;
  }

  /** When the run began, by the server's clock. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** The workflow code has ended: completed, failed, was cancelled, or continues as another run. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Throws {@link HistoryGap} when events are missing between the last ones and these. */
  feed({ events, startedEventId, messages = [] }: Task): void {
    const first = events.findIndex(({ eventId }) => eventId > this.#lastEventId);
    if (first !== -1 && events[first]!.eventId !== this.#lastEventId + 1) {
      throw new HistoryGap(this.#lastEventId + 1, events[first]!.eventId);
    }
    this.#events = first === -1 ? [] : events.slice(first);
    this.#at = 0;
    this.#startedEventId = startedEventId;
    this.#messages = messages;
  }

  /** The next activation of this task, or `undefined` when the workflow code has heard everything. Throws {@link Nondeterminism}. */
  next(): Activation | undefined {
    while (this.#at < this.#events.length) {
      const event = this.#events[this.#at]!;
      const activation = this.#take(event);
      this.#lastEventId = event.eventId;
      this.#at++;
      if (activation) return activation;
    }
    // A run that waits in a cache holds nothing of its history, nor the bytes that it was decoded from.
    this.#events = none;
    this.#messages = none;
    this.#at = 0;
    const jobs = this.#localEnds;
    this.#localEnds = [];
    this.#told = jobs;
    return jobs.length > 0 ? { ...this.#clock, jobs } : undefined;
  }

  /** What workflow code did in answer to the last activation. */
  accept(commands: readonly WorkflowCommand[]): void {
    const isLive = !this.#clock.isReplaying;
    for (const command of closedLast(commands)) {
      if (command.type === "scheduleLocalActivity") {
        this.#localActivities.set(command.seq, { command, handedOut: false });
      } else if (command.type === "cancelLocalActivity") {
        this.#localCancels.push(command.seq);
      } else if (this.#isTooLate(command)) {
        // R5.
      } else if (command.type === "rejectUpdate") {
        if (isLive) this.#freshMessages.push(this.#updates.answer(command));
      } else {
        this.#acceptForHistory(command, isLive);
      }
    }
  }

  get beginsLocalActivities(): boolean {
    return [...this.#localActivities.values()].some(({ handedOut }) => !handedOut);
  }

  /** Local activities that no history ends and nobody runs yet. */
  takeLocalActivities(): LocalActivityCommand[] {
    const begun = [...this.#localActivities.values()].filter(({ handedOut }) => !handedOut);
    for (const each of begun) each.handedOut = true;
    return begun.map(({ command }) => command);
  }

  /** Local activities that workflow code does not want any more. */
  takeLocalCancels(): number[] {
    const cancelled = this.#localCancels.filter((seq) => this.#localActivities.has(seq));
    this.#localCancels = [];
    return cancelled;
  }

  get hasLocalActivities(): boolean {
    return this.#localActivities.size > 0;
  }

  /** The worker ran it: `next()` then brings the news to the workflow code. */
  endLocalActivity(end: LocalActivityEnd): void {
    if (!this.#localActivities.delete(end.seq)) return;
    this.#acceptForHistory({ type: "localActivityEnd", end }, true);
    this.#clock = { ...this.#clock, timestampMs: Math.max(this.#clock.timestampMs, end.completedAtMs) };
    this.#localEnds.push({ type: "localActivity", seq: end.seq, outcome: end.outcome });
  }

  /** What the worker answers the task with; what it takes is given once. */
  takeCompletion(): Completion {
    const commands = this.#fresh;
    const messages = this.#freshMessages;
    this.#fresh = [];
    this.#freshMessages = [];
    const isKnown = this.#sdk === `${sdkName}/${sdkVersion}`;
    return { commands, messages, sdkMetadata: isKnown ? undefined : { sdkName, sdkVersion } };
  }

  /** The server dropped the last task, which changed nothing, from the history: its events did not happen. */
  forgetTask(lastStartedEventId: number): void {
    // What was taken in before the dropped task stays taken in: its two events were the last.
    this.#lastEventId = Math.max(lastStartedEventId, this.#lastEventId - 2);
  }

  #isTooLate(command: WorkflowCommand): boolean {
    switch (command.type) {
      case "cancelTimer":
      case "cancelActivity":
      case "cancelNexusOperation":
        return this.#told.some((job) => job.type === endOf[command.type] && job.seq === command.seq);
      default:
        return false;
    }
  }

  #acceptForHistory(command: HistoryCommand, isLive: boolean): void {
    if (command.type === "patch") this.#patchIds.add(command.patchId);
    if (closingCommands.has(command.type as WorkflowCommand["type"])) this.#closed = true;
    this.#outgoing.push(command);
    if (!isLive) return;
    this.#fresh.push(
      ...wireCommands(command, {
        ...this.#identity,
        patchIds: this.#patchIds,
        scheduledEventId: (kind, seq) => this.#scheduledEventId(kind, seq),
      }),
    );
    if (command.type === "acceptUpdate" || command.type === "completeUpdate") {
      this.#freshMessages.push(this.#updates.answer(command));
    }
  }

  #scheduledEventId(kind: "activity" | "nexusOperation", seq: number): number {
    for (const [scheduledEventId, begun] of this.#pending) {
      if (begun.kind === kind && begun.seq === seq) return scheduledEventId;
    }
    throw new RangeError(`${kind} ${seq} is not pending`);
  }

  #take(event: history.HistoryEvent): Activation | undefined {
    if (event.eventType === EventType.WORKFLOW_TASK_STARTED) return this.#taskStarted(event);
    if (isCommandEvent(event)) return this.#commandEvent(event);
    const job = this.#newsOf(event);
    if (job) this.#jobs.push(job);
    return undefined;
  }

  #newsOf(event: history.HistoryEvent): Job | undefined {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) {
      const start = runStart(event, this.#identity);
      this.#taskTimeoutMs = start.taskTimeoutMs;
      this.#startedAtMs = start.startTimeMs;
      const { input, header } = started;
      return { type: "start", start, input: input?.payloads ?? [], headers: header?.fields ?? {} };
    }
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal) {
      const { signalName: name, input, header } = signal;
      return { type: "signal", name, input: input?.payloads ?? [], headers: header?.fields ?? {} };
    }
    const cancel = event.workflowExecutionCancelRequestedEventAttributes;
    if (cancel) return { type: "cancel", reason: cancel.cause };
    const failed = event.workflowTaskFailedEventAttributes;
    // After a reset the choices that are still to be made must not repeat those of the run that was reset.
    if (failed?.newRunId && failed.cause === enums.WorkflowTaskFailedCause.RESET_WORKFLOW) {
      return { type: "randomSeed", seed: failed.newRunId };
    }
    const sdk = event.workflowTaskCompletedEventAttributes?.sdkMetadata;
    if (sdk?.sdkName) this.#sdk = `${sdk.sdkName}/${sdk.sdkVersion}`;
    const request = event.workflowExecutionUpdateAdmittedEventAttributes?.request;
    if (request) {
      this.#admitted ??= new Map();
      this.#admitted.set(request.meta?.updateId ?? "", request);
      this.#unheard ??= new Map();
      this.#unheard.set(event.eventId, request);
    }
    return resolutionOf(event, this.#pending);
  }

  #taskStarted(event: history.HistoryEvent): Activation | undefined {
    const isLive = event.eventId === this.#startedEventId;
    const next = this.#events[this.#at + 1];
    // R1: a task that failed, timed out, or was cut short has told the workflow code nothing.
    if (!isLive && next?.eventType !== EventType.WORKFLOW_TASK_COMPLETED) return undefined;
    if (!this.#outgoing.isEmpty) {
      const history = `${describeEvent(event)} and nothing of it before`;
      const { head } = this.#outgoing;
      throw new Nondeterminism({ eventId: event.eventId, history, code: describeDeed(head), stack: stackOf(head) });
    }
    const started = event.workflowTaskStartedEventAttributes!;
    const { deploymentVersion: replayed } = next?.workflowTaskCompletedEventAttributes ?? {};
    this.#clock = {
      // A local activity may have ended, by its worker's clock, later than the server says that this task began.
      timestampMs: Math.max(this.#clock.timestampMs, timestampMs(event.eventTime)),
      isReplaying: !isLive,
      historyLength: event.eventId,
      historySize: started.historySizeBytes,
      continueAsNewSuggested: started.suggestContinueAsNew,
      continueAsNewReasons: decodeReasons(started.suggestContinueAsNewReasons),
      targetVersionChanged: started.targetWorkerDeploymentVersionChanged,
      deploymentVersion: isLive ? this.#identity.deploymentVersion : replayed && { ...replayed },
    };
    const beside = isLive ? this.#received() : this.#foretold();
    this.#jobs.push(...beside);
    this.#unheard = undefined;
    return this.#jobs.length > 0 ? this.#activation() : undefined;
  }

  /** Updates that came with the live task, or before it by a reset. */
  #received(): Job[] {
    const carried = [...(this.#unheard ?? [])].map(([eventId, request]) =>
      this.#updates.receiveAdmitted(eventId, request),
    );
    const received = this.#messages.map((message) => this.#updates.receive(message));
    return [...carried, ...received.filter((job) => job !== undefined)];
  }

  /** What the replayed task went on to record: the patches its code met, the updates it accepted. Its code must know both beforehand. */
  #foretold(): Job[] {
    const jobs: Job[] = [];
    for (let at = this.#at + 1; at < this.#events.length; at++) {
      const event = this.#events[at]!;
      if (event.eventType === EventType.WORKFLOW_TASK_STARTED) break;
      const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
      if (accepted) {
        const id = accepted.protocolInstanceId;
        const request = accepted.acceptedRequest ?? this.#admitted?.get(id);
        jobs.push(updateJob(id, request, false));
      }
      const marker = event.markerRecordedEventAttributes && readMarker(event.markerRecordedEventAttributes);
      if (marker?.kind === "patch") jobs.push({ type: "patch", patchId: marker.patchId });
    }
    return jobs;
  }

  #commandEvent(event: history.HistoryEvent): Activation | undefined {
    if (isChangeVersionUpsert(event)) return undefined;
    const marker = event.markerRecordedEventAttributes && readMarker(event.markerRecordedEventAttributes);
    if (marker?.kind === "localActivity" && this.#outgoing.isEmpty)
      return this.#replayedLocalActivity(event, marker.end);
    const command = this.#outgoing.match(event);
    const { eventId } = event;
    switch (command?.type) {
      case "scheduleActivity":
        this.#pending.set(eventId, {
          ...{ kind: "activity", seq: command.seq, activityId: command.activityId, activityType: command.activityType },
        });
        break;
      case "startChild":
        this.#pending.set(eventId, {
          ...{ kind: "child", seq: command.seq, workflowId: command.workflowId, workflowType: command.workflowType },
        });
        break;
      case "scheduleNexusOperation":
        this.#pending.set(eventId, { kind: "nexusOperation", seq: command.seq });
        break;
      case "signalExternal":
        this.#pending.set(eventId, { kind: "externalSignal", seq: command.seq });
        break;
      case "cancelExternal":
        this.#pending.set(eventId, { kind: "externalCancel", seq: command.seq });
        break;
      default:
    }
    return undefined;
  }

  /** R4. */
  #replayedLocalActivity(event: history.HistoryEvent, end: LocalActivityEnd): Activation {
    const begun = this.#localActivities.get(end.seq)?.command;
    if (begun?.activityType !== end.activityType) {
      const code = begun ? `ran local activity ${begun.activityType} (${end.seq})` : `ran no local activity ${end.seq}`;
      throw new Nondeterminism({ eventId: event.eventId, history: describeEvent(event), code });
    }
    this.#localActivities.delete(end.seq);
    this.#clock = { ...this.#clock, timestampMs: Math.max(this.#clock.timestampMs, end.completedAtMs) };
    // News that stands after the task's completion belongs to the next task; this alone belongs to this one.
    const job: Job = { type: "localActivity", seq: end.seq, outcome: end.outcome };
    this.#told = [job];
    return { ...this.#clock, jobs: [job] };
  }

  #activation(): Activation {
    const jobs = this.#jobs.toSorted((a, b) => (rank[a.type] ?? rankLast) - (rank[b.type] ?? rankLast));
    this.#jobs = [];
    this.#told = jobs;
    return { ...this.#clock, jobs };
  }
}

/** What code did after it had ended counts for nothing, but for updates that it still answered. */
function closedLast(commands: readonly WorkflowCommand[]): readonly WorkflowCommand[] {
  const end = commands.findIndex(({ type }) => closingCommands.has(type));
  if (end === -1 || end === commands.length - 1) return commands;
  const answers = commands.slice(end + 1).filter(({ type }) => /Update$/.test(type));
  return [...commands.slice(0, end), ...answers, commands[end]!];
}
