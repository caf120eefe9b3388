/** Why a workflow does not go on, in plain sentences: what a description, a history and its task queues say together. Pure. */
import {
  durationMs,
  enums,
  type failure,
  type history,
  timestampMs,
  type workflow,
  type workflowservice,
} from "@pawl/protocol";
import { explanationLimits } from "../limits.ts";
import { agoText, spanText } from "./span-text.ts";
import { stackPlace } from "./stack-place.ts";

/** One thing that a workflow waits for, or is held up by. */
export interface Cause {
  /** For programs. */
  readonly kind:
    | ("closed" | "paused" | "startDelay" | "workflowTaskFailing" | "workflowTaskWaiting" | "workflowTaskRunning")
    | ("noWorker" | "activityRunning" | "activityWaiting" | "activityBackingOff" | "activityPaused")
    | ("timer" | "child" | "nexusOperation" | "message");
  /** For people: one or two sentences. */
  readonly text: string;
  /** It will not go on by itself: somebody must do something. */
  readonly isStuck: boolean;
  /** Command lines to try next. */
  readonly next: readonly string[];
  /** For a child: what it waits for in turn. */
  readonly within?: Explanation;
}

/** Why a workflow does not go on; a closed one has one cause, which says so. */
export interface Explanation {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  /** `Running`, `Paused`, `Completed`, … */
  readonly status: string;
  /** What is stuck comes first. */
  readonly causes: readonly Cause[];
}

export interface Poller {
  readonly identity: string;
  readonly lastPollMs: number;
}

/** What is known of one workflow. */
export interface Evidence {
  readonly namespace: string;
  readonly nowMs: number;
  readonly description: workflowservice.DescribeWorkflowExecutionResponse;
  /** The newest first, as far back as it was read. */
  readonly events: readonly history.HistoryEvent[];
  /** Whether that is the whole history. */
  readonly isWhole: boolean;
  /** By {@link queueKey}. */
  readonly pollers: ReadonlyMap<string, readonly Poller[]>;
  /** By run id, those that were looked into. */
  readonly children: ReadonlyMap<string, Explanation>;
}

type QueueType = "workflow" | "activity";

export function queueKey(type: QueueType, name: string): string {
  return `${type} ${name}`;
}

/** The queues whose pollers matter to this workflow now. */
export function queuesOf(
  description: workflowservice.DescribeWorkflowExecutionResponse,
): { type: QueueType; name: string }[] {
  const own = ownQueue(description);
  const queues = [
    ...(description.pendingWorkflowTask ? [{ type: "workflow" as const, name: own }] : []),
    ...description.pendingActivities.map((each) => ({ type: "activity" as const, name: activityQueue(each, own) })),
  ];
  return [...new Map(queues.map((queue) => [queueKey(queue.type, queue.name), queue])).values()];
}

function ownQueue({
  executionConfig,
  workflowExecutionInfo,
}: workflowservice.DescribeWorkflowExecutionResponse): string {
  return executionConfig?.taskQueue?.name || workflowExecutionInfo?.taskQueue || "";
}

function activityQueue({ activityOptions }: workflow.PendingActivityInfo, own: string): string {
  return activityOptions?.taskQueue?.name || own;
}

export function explain(evidence: Evidence): Explanation {
  const info = evidence.description.workflowExecutionInfo;
  const subject = {
    workflowId: info?.execution?.workflowId ?? "",
    runId: info?.execution?.runId ?? "",
    workflowType: info?.type?.name ?? "",
    status: word(enums.WorkflowExecutionStatus, info?.status ?? 0),
  };
  const causes = causesOf(evidence, new Commands(evidence.namespace, subject.workflowId));
  return { ...subject, causes: causes.toSorted((a, b) => Number(b.isStuck) - Number(a.isStuck)) };
}

function causesOf(evidence: Evidence, commands: Commands): Cause[] {
  const { description } = evidence;
  const { status } = description.workflowExecutionInfo ?? {};
  const states = enums.WorkflowExecutionStatus;
  if (status !== states.RUNNING && status !== states.PAUSED) return [closedCause(evidence, commands)];
  const causes = [
    ...pauseCauses(evidence, commands),
    ...startDelayCauses(evidence, commands),
    ...taskCauses(evidence, commands),
    ...description.pendingActivities.map((activity) => activityCause(evidence, activity, commands)),
    ...description.pendingChildren.map((child) => childCause(evidence, child, commands)),
    ...description.pendingNexusOperations.map((operation) => nexusCause(evidence, operation, commands)),
    ...timerCauses(evidence, commands),
  ];
  return causes.length > 0 ? causes : [messageCause(evidence, commands)];
}

function closedCause({ description, events, nowMs }: Evidence, commands: Commands): Cause {
  const info = description.workflowExecutionInfo;
  const status = word(enums.WorkflowExecutionStatus, info?.status ?? 0);
  const ended = events.find(({ workflowExecutionFailedEventAttributes }) => workflowExecutionFailedEventAttributes);
  const terminated = events[0]?.workflowExecutionTerminatedEventAttributes;
  let why = "";
  if (ended) why = `: ${failureText(ended.workflowExecutionFailedEventAttributes?.failure)}`;
  else if (terminated)
    why = ` by ${terminated.identity || "somebody"}${terminated.reason && `: ${unended(terminated.reason)}`}`;
  return {
    kind: "closed",
    text: `It waits for nothing: it is closed (${status}) since ${when(timestampMs(info?.closeTime), nowMs)}${why}.`,
    isStuck: false,
    next: [
      commands.workflow("result"),
      ...(ended ? [commands.workflow("reset", '--type LastWorkflowTask --reason "…"')] : []),
    ],
  };
}

function pauseCauses({ description, nowMs }: Evidence, commands: Commands): Cause[] {
  const pause = description.workflowExtendedInfo?.pauseInfo;
  if (!pause) return [];
  const reason = pause.reason === "" ? "" : ` ("${pause.reason}")`;
  const since = when(timestampMs(pause.pausedTime), nowMs);
  const text = `It is paused by ${pause.identity || "somebody"}${reason} since ${since}: no worker is given its tasks.`;
  return [{ kind: "paused", text, isStuck: true, next: [commands.workflow("unpause")] }];
}

function startDelayCauses({ description, nowMs }: Evidence, commands: Commands): Cause[] {
  const info = description.workflowExecutionInfo;
  const beginsAtMs = timestampMs(info?.executionTime);
  if (beginsAtMs <= nowMs || description.pendingWorkflowTask) return [];
  const text = `It has not begun: its start is put off until ${when(beginsAtMs, nowMs)}.`;
  return [{ kind: "startDelay", text, isStuck: false, next: [commands.workflow("describe")] }];
}

function taskCauses(evidence: Evidence, commands: Commands): Cause[] {
  const { description, nowMs } = evidence;
  const task = description.pendingWorkflowTask;
  // A paused workflow's task is held back for that one reason.
  if (!task || description.workflowExtendedInfo?.pauseInfo) return [];
  const queue = ownQueue(description);
  const causes: Cause[] = [];
  const failing = failingTask(evidence, task);
  if (failing !== undefined) {
    const attribute = /has no mapping defined for search attribute (\S+)$/.exec(failing)?.[1];
    causes.push({
      kind: "workflowTaskFailing",
      text: `Its workflow task fails again and again, this is attempt ${task.attempt}: ${failing}. It is tried until ${attribute === undefined ? "" : "there is such an attribute, or "}its code is repaired.`,
      isStuck: true,
      next:
        attribute === undefined
          ? [commands.workflow("show", "--reverse"), commands.workflow("reset", '--type LastWorkflowTask --reason "…"')]
          : [commands.searchAttribute(attribute)],
    });
  }
  if (task.state === enums.PendingWorkflowTaskState.STARTED) {
    const since = when(timestampMs(task.startedTime), nowMs);
    const text = `A worker has its workflow task since ${since}, and has not answered yet.`;
    if (causes.length === 0)
      causes.push({ kind: "workflowTaskRunning", text, isStuck: false, next: [commands.workflow("stack")] });
    return causes;
  }
  const waited = `Its workflow task waits on task queue "${queue}" since ${when(timestampMs(task.scheduledTime), nowMs)}`;
  const missing = missingWorker(evidence, "workflow", queue);
  if (missing !== undefined)
    causes.push({ kind: "noWorker", text: `${waited}. ${missing}`, isStuck: true, next: [commands.queue(queue)] });
  else if (causes.length === 0)
    causes.push({
      kind: "workflowTaskWaiting",
      text: `${waited}; workers poll it, and one will take it when it is free.`,
      isStuck: false,
      next: [commands.queue(queue)],
    });
  return causes;
}

/** The error of the last try, when the task is a retry. */
function failingTask({ events }: Evidence, task: workflow.PendingWorkflowTaskInfo): string | undefined {
  if (task.attempt <= 1) return undefined;
  for (const event of events) {
    if (event.workflowTaskCompletedEventAttributes) break;
    const failed = event.workflowTaskFailedEventAttributes;
    if (failed) {
      const cause = `${word(enums.WorkflowTaskFailedCause, failed.cause)}: `;
      const text = failureText(failed.failure);
      const place = stackPlace(failed.failure ?? {});
      const where = place === "" ? "" : `, ${place}`;
      // Failures that the server has written begin with it.
      return text.startsWith(cause) ? text : `${cause}${text}${where}`;
    }
    if (event.workflowTaskTimedOutEventAttributes) return "the worker did not answer in time";
  }
  return "the server keeps no error of it";
}

/** Undefined when somebody polls. */
function missingWorker({ pollers, nowMs }: Evidence, type: QueueType, queue: string): string | undefined {
  const all = pollers.get(queueKey(type, queue)) ?? [];
  const last = all.toSorted((a, b) => b.lastPollMs - a.lastPollMs)[0];
  if (last === undefined) return `No worker polls it for ${type} tasks.`;
  if (nowMs - last.lastPollMs < explanationLimits.pollerGoneMs) return undefined;
  return `No worker polls it for ${type} tasks any more: the last was ${last.identity}, ${when(last.lastPollMs, nowMs)}.`;
}

function activityCause(evidence: Evidence, activity: workflow.PendingActivityInfo, commands: Commands): Cause {
  const { nowMs, description } = evidence;
  const { activityId, attempt, maximumAttempts, state, paused } = activity;
  const states = enums.PendingActivityState;
  const name = `Activity ${activity.activityType?.name ?? ""} (${activityId})`;
  const most = maximumAttempts === 0 ? "" : ` of ${maximumAttempts}`;
  const last = activity.lastFailure ? ` Its last error: ${failureText(activity.lastFailure)}.` : "";
  const describe = commands.workflow("describe");
  if (paused || state === states.PAUSED || state === states.PAUSE_REQUESTED) {
    const by = activity.pauseInfo?.manual;
    const reason = by?.reason ? ` ("${by.reason}")` : "";
    const text = `${name} is paused${by?.identity ? ` by ${by.identity}` : ""}${reason}, at attempt ${attempt}${most}.${last}`;
    return { kind: "activityPaused", text, isStuck: true, next: [commands.activity("unpause", activityId)] };
  }
  if (state === states.STARTED || state === states.CANCEL_REQUESTED) {
    const beat = timestampMs(activity.lastHeartbeatTime);
    const heartbeat = beat === 0 ? "" : ` Its last heartbeat was ${when(beat, nowMs)}.`;
    const since = when(timestampMs(activity.lastStartedTime), nowMs);
    const text = `${name} runs on ${activity.lastWorkerIdentity || "a worker"} since ${since}, attempt ${attempt}${most}.${heartbeat}${last}`;
    return { kind: "activityRunning", text, isStuck: false, next: [describe] };
  }
  const nextMs = timestampMs(activity.nextAttemptScheduleTime);
  if (nextMs > nowMs) {
    const text = `${name} has failed and is tried again ${when(nextMs, nowMs)}, attempt ${attempt}${most}.${last}`;
    return {
      kind: "activityBackingOff",
      text,
      isStuck: false,
      next: [describe, commands.activity("reset", activityId)],
    };
  }
  const queue = activityQueue(activity, ownQueue(description));
  const since = when(Math.max(timestampMs(activity.scheduledTime), nextMs), nowMs);
  const waits = `${name} waits on task queue "${queue}" since ${since}, attempt ${attempt}${most}.`;
  const missing = missingWorker(evidence, "activity", queue);
  if (missing !== undefined)
    return { kind: "noWorker", text: `${waits} ${missing}${last}`, isStuck: true, next: [commands.queue(queue)] };
  return {
    kind: "activityWaiting",
    text: `${waits} Workers poll it.${last}`,
    isStuck: false,
    next: [commands.queue(queue)],
  };
}

function childCause(
  { children, namespace }: Evidence,
  child: workflow.PendingChildExecutionInfo,
  commands: Commands,
): Cause {
  const within = children.get(child.runId);
  const name = `Child workflow ${child.workflowTypeName} (${child.workflowId})`;
  const next = [new Commands(namespace, child.workflowId).workflow("why")];
  if (child.runId === "")
    return {
      kind: "child",
      text: `${name} is about to be started.`,
      isStuck: false,
      next: [commands.workflow("describe")],
    };
  const isStuck = within?.causes.some((cause) => cause.isStuck) ?? false;
  const text = `${name} has not closed${within ? ", because:" : "."}`;
  return { kind: "child", text, isStuck, next: within ? [] : next, ...(within && { within }) };
}

function nexusCause({ nowMs }: Evidence, operation: workflow.PendingNexusOperationInfo, commands: Commands): Cause {
  const states = enums.PendingNexusOperationState;
  const name = `Nexus operation ${operation.service}.${operation.operation} at endpoint "${operation.endpoint}"`;
  const last = operation.lastAttemptFailure ? ` Its last error: ${failureText(operation.lastAttemptFailure)}.` : "";
  const nextMs = timestampMs(operation.nextAttemptScheduleTime);
  const is = {
    [states.STARTED]: "has been started, and has not said how it ended.",
    [states.BACKING_OFF]: `could not be started and is tried again ${when(nextMs, nowMs)}, attempt ${operation.attempt}.${last}`,
    [states.BLOCKED]: `is held back: ${operation.blockedReason}.`,
  } as Readonly<Record<number, string>>;
  const text = `${name} ${is[operation.state] ?? `is being started, attempt ${operation.attempt}.${last}`}`;
  return {
    kind: "nexusOperation",
    text,
    isStuck: operation.state === states.BLOCKED,
    next: [commands.workflow("describe")],
  };
}

/** The description does not have them; the history does. */
function timerCauses({ events, nowMs }: Evidence, commands: Commands): Cause[] {
  const over = new Set<number>();
  for (const event of events) {
    over.add(event.timerFiredEventAttributes?.startedEventId ?? 0);
    over.add(event.timerCanceledEventAttributes?.startedEventId ?? 0);
  }
  const open = events.filter(
    ({ eventId, timerStartedEventAttributes }) => timerStartedEventAttributes && !over.has(eventId),
  );
  const timers = open.map(({ eventTime, timerStartedEventAttributes: timer }) => {
    const firesAtMs = timestampMs(eventTime) + durationMs(timer?.startToFireTimeout);
    return { firesAtMs, id: timer?.timerId ?? "", spanMs: durationMs(timer?.startToFireTimeout) };
  });
  return timers
    .toSorted((a, b) => a.firesAtMs - b.firesAtMs)
    .map(({ firesAtMs, id, spanMs }) => ({
      kind: "timer",
      text: `A timer (${id}) of ${spanText(spanMs)} fires ${when(firesAtMs, nowMs)}.`,
      isStuck: false,
      next: [commands.workflow("stack")],
    }));
}

function messageCause({ isWhole }: Evidence, commands: Commands): Cause {
  const beyond = isWhole ? "" : " (a timer that was started long ago would not be seen here)";
  return {
    kind: "message",
    text: `Nothing is under way for it${beyond}: it waits for a signal or an update.`,
    isStuck: false,
    next: [
      commands.workflow("stack"),
      commands.workflow("signal", "--name <name>"),
      commands.workflow("show", "--reverse"),
    ],
  };
}

/** `2030-01-01T00:00:00Z (in 3h)`. */
function when(ms: number, nowMs: number): string {
  return `${new Date(ms).toISOString()} (${agoText(ms - nowMs)})`;
}

/** What others have said, as part of a sentence of ours, which goes on behind it or ends there. */
function unended(text: string): string {
  return text.replace(/\.+$/, "");
}

/** With the causes below it, down to the deepest. */
function failureText(given: failure.Failure | undefined): string {
  const texts: string[] = [];
  for (let each = given; each !== undefined; each = each.cause) {
    const type = each.applicationFailureInfo?.type;
    texts.push([type, each.message].filter((text) => text).join(": "));
  }
  return texts.length === 0 ? "no error was given" : unended(texts.join("; caused by "));
}

/** `TimedOut` for the member `TIMED_OUT`. */
function word(members: Readonly<Record<string, number>>, value: number): string {
  const name = Object.entries(members).find(([, each]) => each === value)?.[0] ?? String(value);
  return name.toLowerCase().replaceAll(/(^|_)([a-z])/g, (_all, _bar, letter: string) => letter.toUpperCase());
}

class Commands {
  readonly #space: string;
  readonly #workflowId: string;

  constructor(namespace: string, workflowId: string) {
    this.#space = namespace === "default" ? "" : ` -n ${quoted(namespace)}`;
    this.#workflowId = workflowId;
  }

  workflow(verb: string, more = ""): string {
    return `pawl workflow ${verb} -w ${quoted(this.#workflowId)}${more === "" ? "" : ` ${more}`}${this.#space}`;
  }

  activity(verb: string, activityId: string): string {
    return `pawl activity ${verb} -w ${quoted(this.#workflowId)} -a ${quoted(activityId)}${this.#space}`;
  }

  queue(name: string): string {
    return `pawl task-queue describe -t ${quoted(name)}${this.#space}`;
  }

  searchAttribute(name: string): string {
    return `pawl search-attribute create --name ${quoted(name)} --type …${this.#space}`;
  }
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
