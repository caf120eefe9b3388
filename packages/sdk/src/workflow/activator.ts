/**
 * The sandbox's side of the door to the worker. The worker calls these functions from scripts that it evaluates in the sandbox's context, so that
 * every promise that an activation settles has run its course before the evaluation returns.
 */
import type { Activation, Job, Payloads, WorkflowCommand } from "../value/activation.ts";
import { errorMessage, isError } from "../value/errors.ts";
import type { ProtoFailure } from "../value/failure.ts";
import { errorToFailure } from "../value/failure-converter.ts";
import { defaultPayloadConverter, type Payload } from "../value/payload-converter.ts";
import { setCurrentRun } from "./current-run.ts";
import { type RunHost, WorkflowRun } from "./run.ts";

export { installGlobals } from "./globals.ts";
export type { RunHost, UserCode, WorkflowRun } from "./run.ts";

export interface TaskFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly failure: ProtoFailure;
}

/** Makes the run on its first activation, then applies the jobs. What they settle runs after this returns. */
export function applyJobs(run: WorkflowRun | undefined, activation: Activation, host: RunHost): WorkflowRun {
  const [first] = activation.jobs;
  let activated = run;
  if (!activated) {
    if (first?.type !== "start") throw new TypeError(`a run begins with its start, not with ${first?.type}`);
    activated = new WorkflowRun(first.start, activation, host);
  }
  setCurrentRun(activated);
  activated.tick(activation);
  for (const job of activation.jobs) {
    if (job.type === "patch") activated.knownPatches.add(job.patchId);
  }
  for (const job of activation.jobs) apply(activated, job);
  return activated;
}

/** Lets go those whose condition holds now. `false` when there is none: the activation is done. */
export function applyConditions(run: WorkflowRun): boolean {
  if (run.conditions.size === 0) return false;
  let isAny = false;
  for (const [, condition] of [...run.conditions]) {
    try {
      if (!condition.holds()) continue;
      condition.resolve();
    } catch (error) {
      condition.reject(error);
    }
    isAny = true;
  }
  return isAny;
}

/** The end of an activation: what the run asks for, or why its task failed. */
export function finish(run: WorkflowRun): { commands: WorkflowCommand[] } | { failed: TaskFailure } {
  run.handlers.refuseWaitingUpdates();
  setCurrentRun(undefined);
  const failure = run.takeTaskFailure();
  return failure ? { failed: describe(failure.error, run) } : { commands: run.takeCommands() };
}

/** `run`: whose converters write it, when there is one. */
export function describe(error: unknown, run?: WorkflowRun): TaskFailure {
  const name = isError(error) ? error.name : "Error";
  const stack = isError(error) ? (error.stack ?? "") : "";
  const failure = run
    ? run.failures.errorToFailure(error, run.converter)
    : errorToFailure(error, defaultPayloadConverter);
  return { name, message: errorMessage(error), stack, failure };
}

export function answerQuery(
  run: WorkflowRun,
  name: string,
  input: Payloads,
): { result: Payload } | { failed: TaskFailure } {
  setCurrentRun(run);
  try {
    if (name === "__stack_trace") return { result: defaultPayloadConverter.toPayload(waitsFor(run)) };
    return { result: run.readOnly(() => run.handlers.query(name, input)) };
  } catch (error) {
    return { failed: describe(error, run) };
  } finally {
    setCurrentRun(undefined);
  }
}

/** In place of stacks, which cost more than they tell: what the run waits for. */
function waitsFor(run: WorkflowRun): string {
  const lines = Object.entries(run.waiters).flatMap(([kind, waiting]) =>
    [...(waiting as ReadonlyMap<number, unknown>).keys()].map((seq) => `waits for ${kind} ${seq}`),
  );
  for (const condition of run.conditions.values()) lines.push(`waits until ${condition.holds}`);
  return lines.join("\n");
}

function apply(run: WorkflowRun, job: Job): void {
  const { waiters } = run;
  switch (job.type) {
    case "start":
      return begin(run);
    case "patch":
      return;
    case "randomSeed":
      return run.reseed(job.seed);
    case "signal":
      return run.handlers.signal(job.name, job.input);
    case "update":
      return run.handlers.update(job);
    case "cancel":
      return run.requestCancel(job.reason);
    case "timer":
      return waiters.timer.get(job.seq)?.resolve();
    case "activity":
      return waiters.activity.get(job.seq)?.resolve(job.outcome);
    case "localActivity":
      return waiters.localActivity.get(job.seq)?.resolve(job.outcome);
    case "childStart":
      return waiters.childStart.get(job.seq)?.resolve(job.outcome);
    case "child":
      return waiters.child.get(job.seq)?.resolve(job.outcome);
    case "externalSignal":
      return waiters.externalSignal.get(job.seq)?.resolve(job.failure);
    case "externalCancel":
      return waiters.externalCancel.get(job.seq)?.resolve(job.failure);
    default:
      job satisfies never;
  }
}

function begin(run: WorkflowRun): void {
  const { workflowType, input } = run.start;
  try {
    const exported = run.enter(() => run.code.workflows());
    const main = exported[workflowType] ?? exported["default"];
    if (typeof main !== "function") {
      const known = Object.keys(exported).filter((name) => typeof exported[name] === "function");
      throw new TypeError(
        `Failed to initialize workflow of type '${workflowType}': no such function is exported by the workflow bundle, which has ${known.join(", ") || "none"}`,
      );
    }
    const args = input.map((payload) => run.valueOf(payload));
    run.runMain(() => main(...args));
  } catch (error) {
    run.failTask(error);
  }
}
