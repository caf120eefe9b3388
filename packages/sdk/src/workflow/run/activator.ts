/**
 * The sandbox's side of the door to the worker. The worker calls these functions from scripts that it evaluates in the sandbox's context, so that
 * every promise that an activation settles has run its course before the evaluation returns.
 */
import type { Activation, Fields, Job, Payloads, WorkflowCommand } from "../../value/activation.ts";
import { errorMessage, isError } from "../../value/errors.ts";
import type { ProtoFailure } from "../../value/failure.ts";
import { errorToFailure } from "../../value/failure-converter.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import type { Payload } from "../../value/payload.ts";
import { arrayFromPayloads, defaultPayloadConverter } from "../../value/payload-converter.ts";
import { definitionOf } from "../definition.ts";
import { setCurrentRun } from "./current-run.ts";
import { WorkflowRun } from "./run.ts";
import type { RunHost } from "./run-host.ts";

export { installGlobals } from "../sandbox/globals.ts";
export { freezeShared } from "../sandbox/intrinsics.ts";
export type { WorkflowRun } from "./run.ts";
export type { RunHost, UserCode } from "./run-host.ts";

export interface TaskFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly failure: ProtoFailure;
}

/** Makes the run on its first activation, then applies the jobs. What they settle runs after this returns. */
export function applyJobs(run: WorkflowRun | undefined, activation: Activation, host: RunHost): WorkflowRun {
  // Without the jobs, and so without their payloads: the run keeps it.
  const { jobs: news, ...clock } = activation;
  const [first] = news;
  let activated = run;
  if (!activated) {
    if (first?.type !== "start") throw new TypeError(`a run begins with its start, not with ${first?.type}`);
    activated = new WorkflowRun(first.start, clock, host);
  }
  setCurrentRun(activated);
  if (!run) loadInterceptors(activated);
  activated.tick(clock);
  const { internals } = activated.interceptors;
  const activate = composeInterceptors(internals, "activate", ({ activation: { jobs } }) => {
    for (const job of jobs) {
      if (job.type === "patch") activated.patches.known.add(job.patchId);
    }
    for (const job of jobs) apply(activated, job);
  });
  activate({ activation, batchIndex: 0 });
  return activated;
}

function loadInterceptors(run: WorkflowRun): void {
  try {
    run.enter(() => run.interceptors.load(run.code.interceptors()));
  } catch (error) {
    run.failTask(error);
  }
}

/** Lets go those whose condition holds now. `false` when there is none: the activation is done. */
export function applyConditions(run: WorkflowRun): boolean {
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
  if (failure) return { failed: describe(failure.error, run) };
  run.warnOfEnd();
  const { internals } = run.interceptors;
  const conclude = composeInterceptors(internals, "concludeActivation", (input) => input);
  return { commands: [...conclude({ commands: run.takeCommands() }).commands] };
}

/** Nobody needs the run any more. */
export function dispose(run: WorkflowRun): void {
  try {
    composeInterceptors(run.interceptors.internals, "dispose", () => undefined)({});
  } catch (error) {
    // It is gone all the same.
    run.host.log("WARN", "An interceptor failed to dispose of its run", { error: errorMessage(error) });
  }
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

export interface AskedQuery {
  readonly id: string;
  readonly name: string;
  readonly input: Payloads;
  readonly headers: Fields;
}

/** The answer, or `pending`: interceptors of queries are asynchronous, so that theirs is there once the promises have run their course. */
export interface QueryAnswer {
  outcome: { result: Payload } | { failed: TaskFailure } | undefined;
  end(): void;
}

/** Begins to answer; {@link QueryAnswer.end} must be called before anything else is done with the run. */
export function answerQuery(run: WorkflowRun, { id, name, input, headers }: AskedQuery): QueryAnswer {
  setCurrentRun(run);
  const endReadOnly = run.beginReadOnly();
  const answer: QueryAnswer = {
    outcome: undefined,
    end: () => {
      const violation = endReadOnly();
      const error = violation ?? new TypeError(`query ${name} was not answered at once: a query must not wait`);
      if (violation || !answer.outcome) answer.outcome = { failed: describe(error, run) };
      setCurrentRun(undefined);
    },
  };
  const failed = (error: unknown) => {
    answer.outcome = { failed: describe(error, run) };
  };
  try {
    const builtIn = run.handlers.builtInQuery(name);
    if (builtIn !== undefined) {
      answer.outcome = { result: defaultPayloadConverter.toPayload(builtIn) };
      return answer;
    }
    const args = arrayFromPayloads(run.converter, input);
    const asked = { queryId: id, queryName: name, args, headers };
    const intercepted = run.interceptors.inbound.some(({ handleQuery }) => handleQuery);
    if (!intercepted) {
      answer.outcome = { result: run.converter.toPayload(run.handlers.query(asked)) };
      return answer;
    }
    const handle = composeInterceptors(run.interceptors.inbound, "handleQuery", async (last) =>
      run.handlers.query(last),
    );
    run
      .enter(() => handle(asked))
      .then((result) => {
        answer.outcome = { result: run.converter.toPayload(result) };
      })
      .catch(failed);
  } catch (error) {
    failed(error);
  }
  return answer;
}

function apply(run: WorkflowRun, job: Job): void {
  const { waiters } = run;
  switch (job.type) {
    case "start":
      return begin(run, job);
    case "patch":
      return;
    case "randomSeed":
      return run.reseed(job.seed);
    case "signal":
      return run.handlers.signal(job);
    case "update":
      return run.handlers.update(job);
    case "cancel":
      return run.requestCancel(job.reason);
    case "timer":
      return waiters.of("timer").get(job.seq)?.resolve();
    case "activity":
      return waiters.of("activity").get(job.seq)?.resolve(job.outcome);
    case "localActivity":
      return waiters.of("localActivity").get(job.seq)?.resolve(job.outcome);
    case "childStart":
      return waiters.of("childStart").get(job.seq)?.resolve(job.outcome);
    case "child":
      return waiters.of("child").get(job.seq)?.resolve(job.outcome);
    case "nexusStart":
      return waiters.of("nexusStart").get(job.seq)?.resolve(job);
    case "nexus":
      return waiters.of("nexus").get(job.seq)?.resolve(job.outcome);
    case "nexusCancel":
      return waiters.of("nexusCancel").get(job.seq)?.resolve(job.failure);
    case "externalSignal":
      return waiters.of("externalSignal").get(job.seq)?.resolve(job.failure);
    case "externalCancel":
      return waiters.of("externalCancel").get(job.seq)?.resolve(job.failure);
    default:
      job satisfies never;
  }
}

function begin(run: WorkflowRun, { start, input, headers }: Extract<Job, { type: "start" }>): void {
  if (run.hasTaskFailure) return;
  const { workflowType } = start;
  try {
    const exported = run.enter(() => run.code.workflows());
    const main = exported[workflowType] ?? exported["default"];
    if (typeof main !== "function") {
      const known = Object.keys(exported).filter((name) => typeof exported[name] === "function");
      throw new TypeError(
        `Failed to initialize workflow of type '${workflowType}': no such function is exported by the workflow bundle, which has ${known.join(", ") || "none"}`,
      );
    }
    run.definition = definitionOf(main);
    const args = input.map((payload) => run.valueOf(payload));
    const execute = composeInterceptors(run.interceptors.inbound, "execute", async ({ args }) => await main(...args));
    run.runMain(() => execute({ args, headers }));
  } catch (error) {
    run.failTask(error);
  }
}
