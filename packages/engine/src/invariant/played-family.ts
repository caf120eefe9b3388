/**
 * Workflows that deal with each other, and everything that clients, workers and operators may ask of them, in an order that a seed decides. What
 * comes of it is as the engine leaves it, so no check may find anything in it.
 */
import { enums, type Init, type protocol, toDuration, update, workflowservice } from "@pawl/protocol";
import { machineOf } from "../machines.ts";
import { Rejection } from "../rejection.ts";
import type { Delivery, Message } from "../state/message.ts";
import type { ActivitySelector, Command, StartedActivityTask, StartedWorkflowTask, Task } from "../vocabulary.ts";
import {
  applicationFailure,
  CachedWorkflow,
  type CommandInit,
  commands,
  payloads,
  resetRequest,
  type ScriptedWorkflow,
  startRequest,
} from "../workflow/scripted-workflow.ts";
import { FamilyCheck } from "./family-check.ts";
import { currentViolations } from "./run-check.ts";
import type { RunHistory } from "./run-history.ts";
import { StartCheck } from "./start-check.ts";
import { Violation } from "./violation.ts";

const { CommandType, EventType, ParentClosePolicy, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } = enums;

/** Draws from a seed. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In 0 … below-1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  of<T>(many: readonly T[]): T {
    return many[this.below(many.length)]!;
  }

  /** One time in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

const ids = ["mum", "kid", "bro"] as const;
const activityIds = ["a", "b"] as const;
const updateIds = ["v", "w"] as const;
const timerIds = ["t", "u"] as const;
/** Few, so that requests come again. */
const requestIds = ["", "one", "two", "three", "four", "five"] as const;

export class PlayedFamily {
  readonly #draw: Draw;
  readonly #workflows: readonly CachedWorkflow[] = ids.map((id) => new CachedWorkflow(id));
  readonly #tasks: { readonly of: ScriptedWorkflow; readonly started: StartedWorkflowTask }[] = [];
  readonly #running: { readonly of: ScriptedWorkflow; readonly started: StartedActivityTask }[] = [];
  #count = 0;
  /** What was done so far. */
  readonly told: string[] = [];

  constructor(seed: number) {
    this.#draw = new Draw(seed);
  }

  /** Does something, whether it is possible or not. */
  step(): void {
    const draw = this.#draw;
    const act = draw.once(6) ? draw.of(endings) : draw.of(acts);
    const one = draw.of(this.#able(act));
    this.told.push(`${one.workflowId} ${act}`);
    this.#count += 1;
    this[act](one);
  }

  /** Those that have something for a worker, or a message on its way, when it is about that; else all. */
  #able(act: Act): readonly CachedWorkflow[] {
    const able = this.#workflows.filter(({ tasks, messages, calls }) => {
      if (act === "poll") return tasks.length > 0;
      if (act === "deliver") return messages.length > 0;
      return act !== "callOut" || calls.length > 0;
    });
    return able.length > 0 ? able : this.#workflows;
  }

  /** What the checks among runs find. */
  *violations(): Generator<Violation> {
    const [families, starts] = [new FamilyCheck(), new StartCheck()];
    for (const workflow of this.#workflows) {
      const runs = workflow.kept();
      for (const { run, history } of runs) {
        yield* families.violationsOf(run, history);
        yield* starts.violationsOf(run, history);
      }
      yield* currentViolations({
        name: workflow.workflowId,
        currentRunId: workflow.currentRunId,
        runs: runs.map(({ run }) => ({ runId: run.runId, isOpen: run.status.type === "open" })),
      });
    }
    for (const { violation } of families.left()) yield violation;
    yield* this.#disowned();
  }

  /** Children that were started, and of which their parents were told that they were not. */
  *#disowned(): Generator<Violation> {
    const refused = new Set<string>();
    const runs = this.#workflows.flatMap((workflow) => workflow.kept());
    for (const { run, history } of runs)
      for (const { startChildWorkflowExecutionFailedEventAttributes: failed } of history.events)
        if (failed) refused.add(`${run.runId} ${failed.initiatedEventId}`);
    for (const { run } of runs) {
      const { parent } = run.start;
      if (parent && refused.has(`${parent.runId} ${parent.initiatedEventId}`))
        yield new Violation("I21", `run ${run.runId} has a parent that knows of no child`);
    }
  }

  #try(one: ScriptedWorkflow, command: Command): unknown {
    const reply = one.try(command);
    this.told.push(`  ${command.type} ${reply instanceof Rejection ? reply.code : "ok"} ${one.nowMs}`);
    return reply;
  }

  /** A run of the workflow, open or not; "" is the current one. */
  #runId(one: ScriptedWorkflow): string {
    const runs = one.kept();
    return this.#draw.once(3) && runs.length > 0 ? this.#draw.of(runs).run.runId : "";
  }

  start(one: ScriptedWorkflow): void {
    const draw = this.#draw;
    const { workflowId } = one;
    const init = {
      workflowId,
      requestId: draw.of(requestIds) || `start-${this.#count}`,
      workflowIdReusePolicy: draw.of(Object.values(WorkflowIdReusePolicy)) as enums.WorkflowIdReusePolicy,
      workflowIdConflictPolicy: draw.of(Object.values(WorkflowIdConflictPolicy)) as enums.WorkflowIdConflictPolicy,
      ...(draw.once(3) && { retryPolicy: { maximumAttempts: draw.below(4) } }),
      ...(draw.once(6) && { cronSchedule: "* * * * *" }),
      ...(draw.once(4) && { workflowStartDelay: toDuration(draw.below(9_000)) }),
      ...(draw.once(4) && { workflowRunTimeout: toDuration(1_000 + draw.below(60_000)) }),
      ...(draw.once(3) && { onConflictOptions: { attachRequestId: true, attachLinks: true } }),
    };
    const { cronSchedule, workflowStartDelay, ...rest } = init;
    const request = startRequest(
      cronSchedule ? { ...rest, cronSchedule } : { ...rest, ...(workflowStartDelay && { workflowStartDelay }) },
    );
    if (draw.once(2)) return void this.#try(one, { type: "startWorkflow", request });
    const codec = workflowservice.SignalWithStartWorkflowExecutionRequest;
    const { onConflictOptions: _, ...signalled } = rest;
    const bytes = codec.encode({
      ...signalled,
      workflowType: { name: "E" },
      taskQueue: { name: "queue" },
      signalName: "s",
    });
    this.#try(one, { type: "signalWithStart", request: codec.decode(bytes) });
  }

  signal(one: ScriptedWorkflow): void {
    const workflowExecution = { workflowId: one.workflowId, runId: this.#runId(one) };
    const init = { workflowExecution, signalName: "s", requestId: this.#draw.of(requestIds) };
    this.#try(one, { type: "signal", request: workflowservice.SignalWorkflowExecutionRequest.create(init) });
  }

  update(one: ScriptedWorkflow): void {
    const codec = workflowservice.UpdateWorkflowExecutionRequest;
    const meta = { updateId: this.#draw.of(updateIds), identity: "caller" };
    const request = codec.decode(codec.encode({ request: { meta, input: { name: "add" } } }));
    request.workflowExecution = { workflowId: one.workflowId, runId: this.#runId(one) };
    this.#try(one, { type: "update", request });
  }

  options(one: ScriptedWorkflow): void {
    const request = workflowservice.UpdateWorkflowExecutionOptionsRequest.create({
      workflowExecution: { workflowId: one.workflowId, runId: this.#runId(one) },
      workflowExecutionOptions: { priority: { priorityKey: this.#draw.below(5), fairnessKey: "", fairnessWeight: 0 } },
      updateMask: { paths: ["priority"] },
    } as never);
    this.#try(one, { type: "updateOptions", request });
  }

  cancel(one: ScriptedWorkflow): void {
    const workflowExecution = { workflowId: one.workflowId, runId: this.#runId(one) };
    const init = { workflowExecution, requestId: this.#draw.of(requestIds) };
    const request = workflowservice.RequestCancelWorkflowExecutionRequest.create(init);
    this.#try(one, { type: "requestCancel", request });
  }

  terminate(one: ScriptedWorkflow): void {
    const workflowExecution = { workflowId: one.workflowId, runId: this.#runId(one) };
    const request = workflowservice.TerminateWorkflowExecutionRequest.create({ workflowExecution });
    this.#try(one, { type: "terminate", request });
  }

  delete(one: ScriptedWorkflow): void {
    this.#try(one, { type: "delete", runId: this.#runId(one) });
  }

  reset(one: ScriptedWorkflow): void {
    const draw = this.#draw;
    const runs = one.kept();
    if (runs.length === 0 || one.currentRunId === null) return;
    const { run, history } = draw.once(2) ? draw.of(runs) : runs.at(-1)!;
    const ends = history.events.filter(({ eventType }) => taskEnds.includes(eventType));
    if (ends.length === 0) return;
    const { eventId } = draw.of(ends);
    // What was continued may have been deleted: then nothing can be read.
    for (let next: RunHistory | undefined = history; next; ) {
      const nextId: string | undefined =
        next.closing?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
      if (nextId !== undefined && !one.has(nextId)) return;
      next = nextId === undefined ? undefined : runs.find(({ run }) => run.runId === nextId)!.history;
    }
    const excludable = Object.values(enums.ResetReapplyExcludeType) as enums.ResetReapplyExcludeType[];
    const request = resetRequest(run.runId, eventId, {
      workflowExecution: { workflowId: one.workflowId, runId: run.runId },
      requestId: `reset-${this.#count}`,
      resetReapplyExcludeTypes: excludable.filter(() => draw.once(4)),
    });
    this.#try(one, { type: "reset", request, read: one.read(run.runId, eventId) });
  }

  pause(one: ScriptedWorkflow): void {
    const request = { identity: "o", reason: "r", requestId: this.#draw.of(requestIds) };
    this.#try(one, { type: "pause", runId: this.#runId(one), ...request });
  }

  unpause(one: ScriptedWorkflow): void {
    const request = { identity: "o", reason: "r", requestId: this.#draw.of(requestIds) };
    this.#try(one, { type: "unpause", runId: this.#runId(one), ...request });
  }

  /** A worker takes one of the tasks; perhaps one that it was given before. */
  poll(one: ScriptedWorkflow): void {
    const draw = this.#draw;
    if (one.tasks.length === 0) return;
    const task = draw.of(one.tasks);
    if (!draw.once(8)) one.tasks.splice(one.tasks.indexOf(task), 1);
    const reply = this.#try(one, startOf(task, `poll-${this.#count}`, draw.once(2)));
    if (reply instanceof Rejection || reply === undefined) return;
    if (task.kind === "workflow") this.#tasks.push({ of: one, started: reply as StartedWorkflowTask });
    else this.#running.push({ of: one, started: reply as StartedActivityTask });
  }

  answer(): void {
    const draw = this.#draw;
    const held = this.#tasks.splice(draw.once(3) ? draw.below(this.#tasks.length) : this.#tasks.length - 1, 1)[0];
    if (!held) return;
    const { of: one, started } = held;
    if (draw.once(8)) {
      const codec = workflowservice.RespondWorkflowTaskFailedRequest;
      const request = codec.decode(codec.encode({ identity: "worker", cause: 24 }));
      return void this.#try(one, { type: "failWorkflowTask", task: started.task, request });
    }
    const codec = workflowservice.RespondWorkflowTaskCompletedRequest;
    const messages = this.#messages(one, started);
    const request = codec.decode(
      codec.encode({ identity: "worker", commands: this.#commands(one, started), messages }),
    );
    request.forceCreateNewWorkflowTask = draw.once(9);
    const reply = this.#try(one, {
      type: "completeWorkflowTask",
      task: started.task,
      request,
      nexusEndpointIds: one.nexusEndpointIds,
    });
    this.told.push(`    ${request.commands.map(({ commandType }) => commandType).join(" ")}`);
    if (reply instanceof Rejection) return;
    const { newTask, eagerActivities } = reply as {
      newTask?: StartedWorkflowTask;
      eagerActivities: StartedActivityTask[];
    };
    if (newTask) this.#tasks.push({ of: one, started: newTask });
    for (const eager of eagerActivities) this.#running.push({ of: one, started: eager });
  }

  /** What is said of updates: of those that have come with the task, and of those that were accepted before. */
  #messages(one: ScriptedWorkflow, { task, messages }: StartedWorkflowTask): Init<protocol.Message>[] {
    const draw = this.#draw;
    const said: Init<protocol.Message>[] = [];
    for (const { protocolInstanceId: id = "" } of messages) {
      const how = draw.below(4);
      if (how === 0) said.push(message(update.Rejection, id, { rejectedRequestMessageId: `${id}/request` }));
      if (how > 1) said.push(message(update.Acceptance, id, { acceptedRequestMessageId: `${id}/request` }));
      if (how === 3) said.push(answered(id));
    }
    const run = one.has(task.runId) ? one.run(task.runId) : undefined;
    for (const [id, { status }] of run?.updates ?? [])
      if (status === "accepted" && draw.once(2)) said.push(answered(id));
    return said;
  }

  #commands(one: ScriptedWorkflow, { task }: StartedWorkflowTask): CommandInit[] {
    const draw = this.#draw;
    const run = one.has(task.runId) ? one.run(task.runId) : undefined;
    const made: CommandInit[] = [];
    for (let n = draw.below(4); n > 0; n--) {
      const next = `${this.#count}-${n}`;
      const other = draw.of(ids);
      const activity = draw.of([...(run?.activities.keys() ?? [])]);
      const timer = draw.of([...(run?.timers.keys() ?? [])]);
      const operation = draw.of([...(run?.nexusOperations.keys() ?? [])]);
      made.push(
        draw.of<CommandInit>([
          commands.activity(draw.once(3) ? next : draw.of(activityIds), activityRules(draw)),
          commands.activity(draw.of(activityIds), activityRules(draw)),
          commands.timer(draw.once(2) ? next : draw.of(timerIds), draw.below(20_000)),
          startChild(other, draw),
          startChild(other, draw),
          signalOther(other),
          cancelOther(other),
          commands.marker("m"),
          commands.nexus(draw.once(2) ? { scheduleToCloseTimeout: toDuration(draw.below(9_000)) } : {}),
          ...(activity === undefined ? [] : [commands.cancelActivity(activity)]),
          ...(timer === undefined ? [] : [commands.cancelTimer(timer)]),
          ...(operation === undefined ? [] : [commands.cancelNexus(operation)]),
        ]),
      );
    }
    if (draw.once(4))
      made.push(
        draw.of([
          commands.completeWorkflow(),
          commands.failWorkflow(applicationFailure("x", { nonRetryable: draw.once(3) })),
          commands.cancelWorkflow(),
          commands.continueAsNew(),
        ]),
      );
    return made;
  }

  #activity(): { readonly of: ScriptedWorkflow; readonly activity: ActivitySelector } {
    const draw = this.#draw;
    const held = draw.of(this.#running);
    if (held && !draw.once(3)) return { of: held.of, activity: { by: "token", ...held.started.activity } };
    const one = draw.of(this.#workflows);
    return { of: one, activity: { by: "id", runId: this.#runId(one), activityId: draw.of(activityIds) } };
  }

  completeActivity(): void {
    const { of: one, activity } = this.#activity();
    this.#try(one, { type: "completeActivity", activity, result: undefined, identity: "w" });
  }

  failActivity(): void {
    const draw = this.#draw;
    const { of: one, activity } = this.#activity();
    const nextRetryDelayMs = draw.once(4) ? draw.below(5_000) : 0;
    const cause = applicationFailure("x", { nonRetryable: draw.once(6), nextRetryDelayMs });
    const [failure, lastHeartbeatDetails] = [cause, draw.once(3) ? payloads(1) : undefined];
    this.#try(one, { type: "failActivity", activity, failure, lastHeartbeatDetails, identity: "w" });
  }

  cancelActivity(): void {
    const { of: one, activity } = this.#activity();
    this.#try(one, { type: "cancelActivity", activity, details: undefined, identity: "w" });
  }

  heartbeat(): void {
    const { of: one, activity } = this.#activity();
    this.#try(one, { type: "heartbeatActivity", activity, details: payloads(1), identity: "w" });
  }

  operate(one: ScriptedWorkflow): void {
    const draw = this.#draw;
    const selection = draw.of([{ activityId: draw.of(activityIds) }, { activityType: "act" }, { all: true }]);
    const head = { runId: this.#runId(one), ...selection };
    this.#try(one, { ...head, ...operatorCommand(draw) } as Command);
  }

  deliver(one: ScriptedWorkflow): void {
    const sent = this.#draw.once(8) ? one.messages[0] : one.messages.shift();
    if (!sent) return;
    const { message, from, id } = sent;
    const receiver = this.#workflows.find(({ workflowId }) => workflowId === message.workflowId);
    // What has been answered is not sent again.
    if (!receiver || !one.has(from.runId) || !one.run(from.runId).outbox.has(id)) return;
    const delivery: Delivery = this.#receive(receiver, message);
    if (this.#draw.once(9)) this.#receive(receiver, message);
    if (this.#draw.once(9)) return void one.messages.unshift(sent);
    this.#try(one, { type: "delivered", runId: from.runId, messageId: id, delivery });
  }

  #receive(receiver: ScriptedWorkflow, message: Message): Delivery {
    const delivery = this.#try(receiver, { type: "receive", message }) as Delivery;
    this.told.push(`    ${message.type} to ${receiver.workflowId}: ${delivery.type}`);
    return delivery;
  }

  callOut(one: ScriptedWorkflow): void {
    const draw = this.#draw;
    const call = one.calls.shift();
    if (!call || call.type === "completionCallback") return;
    const { attempt, scheduledEventId } = call;
    const head = { runId: call.from.runId, scheduledEventId, attempt };
    const refused = { type: "refused", retryable: draw.once(2), failure: applicationFailure("no") } as const;
    if (call.type === "cancelNexusOperation") {
      const outcome = draw.of([{ type: "done" } as const, refused, { type: "tooLate" } as const]);
      return void this.#try(one, { type: "cancelNexusOperationEnded", ...head, outcome });
    }
    const result = payloads("out").payloads[0]!;
    const ended = draw.of([
      { type: "completed", result } as const,
      { type: "failed", failure: applicationFailure("f") } as const,
      { type: "canceled", failure: applicationFailure("c") } as const,
    ]);
    const outcome = draw.of([
      { ...ended, links: [] },
      { type: "started", operationToken: "t", links: [] } as const,
      { type: "started", operationToken: "t", links: [] } as const,
      refused,
      { type: "tooLate" } as const,
    ]);
    if (draw.once(4) || (outcome.type === "started" && draw.once(2)))
      this.#try(one, {
        ...{ type: "completeNexusOperation", runId: head.runId, scheduledEventId, requestId: call.requestId },
        ...{ operationToken: "t", startedAtMs: null, startedLinks: [], outcome: ended },
      });
    this.#try(one, { type: "startNexusOperationEnded", ...head, outcome });
  }

  /** Time passes for all. */
  advance(): void {
    const ms = this.#draw.below(this.#draw.of([2, 200, 3_000, 20_000, 100_000]));
    for (const one of this.#workflows) one.advance(ms);
    this.told.push(`  ${ms} ms`);
  }

  /** What was to happen after the last commit may not have: it is found again in what is kept. */
  restart(one: CachedWorkflow): void {
    one.loseMemory();
    [one.tasks, one.messages, one.calls] = [[], [], []];
    for (const { run } of one.kept())
      for (const effect of machineOf("workflow").pendingEffects(run)) {
        if (effect.type === "dispatch") one.tasks.push(effect.task);
        else if (effect.type === "send") one.messages.push(effect);
        else if (effect.type === "call") one.calls.push(effect.call);
      }
  }
}

const acts = [
  ...(["start", "signal", "update", "options", "unpause", "advance", "advance", "restart"] as const),
  ...(["poll", "poll", "poll", "poll", "poll", "poll", "answer", "answer", "answer", "answer", "answer"] as const),
  ...([
    "completeActivity",
    "failActivity",
    "failActivity",
    "cancelActivity",
    "heartbeat",
    "operate",
    "operate",
  ] as const),
  ...(["deliver", "deliver", "deliver", "callOut", "callOut"] as const),
] as const;
/** After which there is less to do: they come seldom. */
const endings = ["cancel", "terminate", "delete", "reset", "reset", "pause", "unpause"] as const;
type Act = (typeof acts)[number] | (typeof endings)[number];

const taskEnds: readonly number[] = [
  EventType.WORKFLOW_TASK_COMPLETED,
  EventType.WORKFLOW_TASK_FAILED,
  EventType.WORKFLOW_TASK_TIMED_OUT,
  EventType.WORKFLOW_TASK_STARTED,
];

function startOf(task: Task, requestId: string, sticky: boolean): Command {
  const poller = { identity: "w", requestId };
  const { runId, stamp, scheduledEventId } = task;
  return task.kind === "workflow"
    ? { type: "startWorkflowTask", runId, stamp, poller, sticky }
    : { type: "startActivityTask", runId, scheduledEventId, stamp, poller };
}

function startChild(workflowId: string, draw: Draw): CommandInit {
  return {
    commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: {
      workflowId,
      workflowType: { name: "Child" },
      parentClosePolicy: draw.of(Object.values(ParentClosePolicy)) as enums.ParentClosePolicy,
      workflowIdReusePolicy: draw.of(Object.values(WorkflowIdReusePolicy)) as enums.WorkflowIdReusePolicy,
      ...(draw.once(3) && { retryPolicy: { maximumAttempts: draw.below(4) } }),
      ...(draw.once(5) && { cronSchedule: "* * * * *" }),
    },
  };
}

function message<T>(
  codec: { typeName: string; encode(value: Init<T>): Uint8Array },
  updateId: string,
  body: Init<T>,
): Init<protocol.Message> {
  const type_url = `type.googleapis.com/${codec.typeName}`;
  const id = `${updateId}/${codec.typeName}`;
  return { id, protocolInstanceId: updateId, body: { type_url, value: codec.encode(body) } };
}

function answered(updateId: string): Init<protocol.Message> {
  return message(update.Response, updateId, { meta: { updateId }, outcome: { success: payloads("done") } });
}

function signalOther(workflowId: string): CommandInit {
  return {
    commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    signalExternalWorkflowExecutionCommandAttributes: { execution: { workflowId }, signalName: "hello" },
  };
}

function cancelOther(workflowId: string): CommandInit {
  return {
    commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
    requestCancelExternalWorkflowExecutionCommandAttributes: { workflowId },
  };
}

/** What an operator asks of activities, but for which. */
export function operatorCommand(draw: Draw) {
  const flags = () => ({ resetHeartbeat: draw.once(2), delayMs: draw.once(2) ? 0 : draw.below(5_000) });
  switch (draw.below(4)) {
    case 0:
      return { type: "pauseActivity", identity: "o", reason: "r", requestId: draw.of(requestIds) } as const;
    case 1:
      return { type: "unpauseActivity", resetAttempts: draw.once(2), ...flags() } as const;
    case 2: {
      const [keepPaused, restoreOriginalOptions] = [draw.once(2), draw.once(3)];
      return { type: "resetActivity", keepPaused, restoreOriginalOptions, ...flags() } as const;
    }
    default: {
      const [path, options] = draw.of(optionChanges(draw));
      const restoreOriginal = draw.once(4);
      return { type: "updateActivityOptions", options: options as never, paths: [path], restoreOriginal } as const;
    }
  }
}

function optionChanges(draw: Draw): readonly (readonly [path: string, options: object])[] {
  const duration = toDuration(1 + draw.below(9_000));
  const retryPolicy = {
    initialInterval: duration,
    maximumAttempts: draw.below(4),
    backoffCoefficient: 1 + draw.below(3),
  };
  return [
    ["retry_policy", { retryPolicy: { ...retryPolicy, nonRetryableErrorTypes: draw.once(2) ? ["Error"] : [] } }],
    ["retry_policy.initial_interval", { retryPolicy }],
    ["retry_policy.maximum_attempts", { retryPolicy }],
    ["start_to_close_timeout", { startToCloseTimeout: duration }],
    ["heartbeat_timeout", { heartbeatTimeout: duration }],
    ["schedule_to_close_timeout", { scheduleToCloseTimeout: duration }],
    ["task_queue.name", { taskQueue: { name: "other" } }],
  ];
}

/** Timeouts and a policy for an activity's attempts, or none. */
export function activityRules(draw: Draw) {
  return {
    ...(draw.once(2) && {
      retryPolicy: { maximumAttempts: draw.below(4), initialInterval: toDuration(1 + draw.below(3_000)) },
    }),
    ...(draw.once(3) && { heartbeatTimeout: toDuration(1 + draw.below(4_000)) }),
    ...(draw.once(4) && { scheduleToCloseTimeout: toDuration(1 + draw.below(30_000)) }),
    ...(draw.once(4) && { scheduleToStartTimeout: toDuration(1 + draw.below(9_000)) }),
  };
}
