/** Workflows of the SDK's tests: one for each thing that workflow code can do. */
import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ChildWorkflowFailure,
  condition,
  continueAsNew,
  currentUpdateInfo,
  defineQuery,
  defineSignal,
  defineUpdate,
  deprecatePatch,
  executeChild,
  getExternalWorkflowHandle,
  inWorkflowContext,
  isCancellation,
  log,
  patched,
  proxyActivities,
  proxyLocalActivities,
  setDefaultSignalHandler,
  setHandler,
  sleep,
  startChild,
  TimeoutFailure,
  Trigger,
  upsertMemo,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from "@pawl/sdk/workflow";
import type * as activities from "./activities.ts";

const quick = { initialInterval: 20, backoffCoefficient: 1 } as const;
const remote = proxyActivities<typeof activities>({
  startToCloseTimeout: "10 seconds",
  heartbeatTimeout: "1 second",
  retry: quick,
});
const local = proxyLocalActivities<typeof activities>({ startToCloseTimeout: "10 seconds", retry: quick });

export const add = defineSignal<[number]>("add");
export const finish = defineSignal("finish");
export const total = defineQuery<number>("total");
export const increase = defineUpdate<number, [number]>("increase");
export const failing = defineUpdate<void>("failing");

export async function greeting(name: string): Promise<string> {
  log.info("greeting", { name });
  return await remote.greet(name);
}

export async function ownOptions(): Promise<unknown> {
  await remote.greet.executeWithOptions({ activityId: "mine", summary: "of this call" }, ["x"]);
  return await local.greet.executeWithOptions({ startToCloseTimeout: "1 minute" }, ["y"]);
}

export async function retries(name: string): Promise<string> {
  return await remote.failTwice(name);
}

export async function failure(): Promise<never> {
  return await remote.failForGood();
}

export async function failsOfItself(): Promise<never> {
  throw ApplicationFailure.create({ message: "outer", nonRetryable: true, cause: new RangeError("inner") });
}

export async function caughtFailure(): Promise<unknown> {
  try {
    return await remote.failForGood();
  } catch (error) {
    if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) throw error;
    const { type, message, details, nonRetryable, cause } = error.cause;
    const { activityType, activityId, retryState } = error;
    return { type, message, details, nonRetryable, root: cause?.message, activityType, activityId, retryState };
  }
}

export async function values(): Promise<unknown[]> {
  const echoed = await remote.echo(1, "two", null, { three: [3] }, true);
  const bytes = await remote.bytes();
  return [...echoed, await remote.nothing(), bytes instanceof Uint8Array, [...bytes]];
}

export async function timer(milliseconds: number): Promise<number> {
  const from = Date.now();
  await sleep(milliseconds);
  return Date.now() - from;
}

export async function globalTimers(): Promise<string[]> {
  const heard: string[] = [];
  setTimeout(() => heard.push("late"), 60);
  setTimeout((word: string) => heard.push(word), 10, "early");
  const never = setTimeout(() => heard.push("never"), 30);
  clearTimeout(never);
  await condition(() => heard.length >= 2);
  return heard;
}

export async function messages(): Promise<number> {
  let sum = 0;
  let done = false;
  setHandler(add, (n) => {
    sum += n;
  });
  setHandler(finish, () => {
    done = true;
  });
  setHandler(total, () => sum);
  setHandler(
    increase,
    async (n) => {
      await sleep(5);
      sum += n;
      return sum;
    },
    {
      validator: (n) => {
        if (n < 0) throw new RangeError("must not be negative");
      },
    },
  );
  setHandler(failing, () => {
    throw ApplicationFailure.nonRetryable("update fails", "Refused");
  });
  await condition(() => done);
  await condition(allHandlersFinished);
  return sum;
}

/** Its handlers are set late: what came before waits for them. */
export const which = defineUpdate<unknown>("which");

/** Its update says which it is, after it has waited. */
export async function knowsItsUpdate(): Promise<unknown> {
  let outside: unknown = "not asked";
  let isDone = false;
  setHandler(which, async () => {
    await sleep(5);
    isDone = true;
    return currentUpdateInfo();
  });
  await condition(() => isDone);
  outside = currentUpdateInfo() ?? "none";
  await condition(allHandlersFinished);
  return outside;
}

/** Ends while its handlers still work; `quietly`: as they were told that it may. */
export async function endsAmidHandlers(quietly: boolean): Promise<void> {
  const unfinishedPolicy = quietly ? "ABANDON" : "WARN_AND_ABANDON";
  let updates = 0;
  setHandler(add, () => sleep("1 minute"), { unfinishedPolicy });
  const slow = async (): Promise<number> => {
    updates++;
    await sleep("1 minute");
    return 1;
  };
  setHandler(increase, slow, { unfinishedPolicy });
  await condition(() => updates > 0);
}

/** Its update decides how it goes on: as another run, or not at all. */
export async function endedByUpdate(runs: number): Promise<string> {
  if (runs > 1) return "continued by its update";
  setHandler(increase, async () => await continueAsNew<typeof endedByUpdate>(runs + 1));
  await condition(() => false);
  return "never";
}

export async function lateHandlers(): Promise<string[]> {
  const heard: string[] = [];
  await sleep(50);
  setDefaultSignalHandler((name, ...args) => {
    heard.push(`${name} ${args.join(",")}`);
  });
  await condition(() => heard.length >= 2);
  return heard;
}

export async function waitsForSignalOrTime(): Promise<boolean> {
  let told = false;
  setHandler(finish, () => {
    told = true;
  });
  return await condition(() => told, 100);
}

export async function triggered(): Promise<number> {
  const trigger = new Trigger<number>();
  setHandler(add, (n) => trigger.resolve(n));
  return await trigger;
}

export async function cleansUp(): Promise<string> {
  try {
    return await remote.untilCancelled();
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => remote.greet("cleaner"));
    throw error;
  }
}

export async function waitsForCancelledActivity(): Promise<string> {
  const { untilCancelled } = proxyActivities<typeof activities>({
    startToCloseTimeout: "10 seconds",
    heartbeatTimeout: "500 milliseconds",
    cancellationType: "WAIT_CANCELLATION_COMPLETED",
  });
  const scope = new CancellationScope({ cancellable: true });
  const ended = scope.run(() => untilCancelled());
  await sleep(300);
  scope.cancel();
  try {
    return await ended;
  } catch (error) {
    return isCancellation(error) ? `cancelled: ${(error as Error).name}` : String(error);
  }
}

export async function scopeWithTimeout(): Promise<string> {
  try {
    await CancellationScope.withTimeout(30, () => sleep("1 hour"));
    return "slept";
  } catch (error) {
    return isCancellation(error) ? "timed out" : String(error);
  }
}

export async function takesBack(): Promise<string> {
  const scope = new CancellationScope({ cancellable: true });
  const never = scope.run(async () => await Promise.all([sleep("1 hour"), remote.greet("nobody")]));
  never.catch(() => undefined);
  scope.cancel();
  await sleep(1);
  return "done";
}

export async function activityTimesOut(): Promise<string> {
  const { tooLong } = proxyActivities<typeof activities>({
    startToCloseTimeout: "1 second",
    retry: { maximumAttempts: 1 },
  });
  try {
    await tooLong();
    return "ended";
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : undefined;
    return cause instanceof TimeoutFailure ? `${cause.timeoutType}` : String(cause);
  }
}

export async function resumes(): Promise<{ from: number; total: number }> {
  return await remote.resume(10);
}

export async function asyncCompletion(): Promise<string> {
  const { completeElsewhere } = proxyActivities<typeof activities>({ startToCloseTimeout: "20 seconds" });
  return await completeElsewhere();
}

export async function remainingTime(): Promise<{ remainingMs: number; deadlineIn: number }> {
  return await remote.remaining();
}

export async function shutdownSignal(): Promise<string> {
  const { untilShutdown } = proxyActivities<typeof activities>({ startToCloseTimeout: "20 seconds" });
  return await untilShutdown();
}

export async function localActivities(): Promise<string[]> {
  const both = await Promise.all([local.greet("one"), local.greet("two")]);
  const failing = local.failTwice.executeWithOptions({ summary: "fails at first" }, ["local"]);
  return [...both, await failing];
}

/** Longer than its workflow task may take: the worker asks for more time. */
export async function slowLocalActivity(): Promise<string> {
  return `${await local.wait(3_000)}, ${await remote.greet("after")}`;
}

export async function localActivityFails(): Promise<string> {
  const { failForGood } = local;
  try {
    return await failForGood();
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    return cause instanceof ApplicationFailure ? `${cause.type}: ${cause.message}` : String(cause);
  }
}

/** A backoff beyond the threshold becomes a timer. */
export async function localBackoff(): Promise<string> {
  const { failTwice } = proxyLocalActivities<typeof activities>({
    startToCloseTimeout: "10 seconds",
    retry: { initialInterval: 30, backoffCoefficient: 1 },
    localRetryThreshold: 10,
  });
  return await failTwice("by timers");
}

export async function cancelledLocalActivity(): Promise<string> {
  const scope = new CancellationScope({ cancellable: true });
  const ended = scope.run(() => local.wait(5_000));
  await sleep(50);
  scope.cancel();
  return await ended.then(String, (error) => (isCancellation(error) ? "cancelled" : String(error)));
}

export async function parent(names: string[]): Promise<string[]> {
  return await Promise.all(names.map((name) => executeChild(greeting, { args: [name] })));
}

export async function namesChild(): Promise<string> {
  return await executeChild(greeting, { workflowId: `${workflowInfo().workflowId}/child`, args: ["x"] });
}

export async function parentOfFailure(): Promise<string> {
  try {
    return await executeChild(failure);
  } catch (error) {
    if (!(error instanceof ChildWorkflowFailure)) throw error;
    const root = error.cause instanceof ActivityFailure ? error.cause.cause : error.cause;
    return `${error.workflowType}: ${root?.message}`;
  }
}

export async function parentSignals(): Promise<number> {
  const child = await startChild(messages);
  await child.signal(add, 2);
  await getExternalWorkflowHandle(child.workflowId).signal(add, 3);
  await child.signal(finish);
  return await child.result();
}

export async function parentCancels(): Promise<string> {
  const scope = new CancellationScope({ cancellable: true });
  const ended = scope.run(async () => await executeChild(timer, { args: [3_600_000] }));
  await sleep(100);
  scope.cancel();
  return await ended.then(String, (error) => (isCancellation(error) ? "child cancelled" : String(error)));
}

export async function childExists(workflowId: string): Promise<string> {
  return await executeChild(greeting, { workflowId, args: ["x"] }).catch((error) => (error as Error).name);
}

export async function externalTargets(workflowId: string): Promise<string[]> {
  const heard: string[] = [];
  await getExternalWorkflowHandle("there is no such workflow")
    .signal(add, 1)
    .catch((error) => heard.push((error as Error).name));
  await getExternalWorkflowHandle(workflowId).cancel();
  return heard;
}

export async function counts(n: number): Promise<{ n: number; memo: unknown; continued: boolean }> {
  if (n < 3) {
    upsertMemo({ reached: n });
    return await continueAsNew<typeof counts>(n + 1);
  }
  const { memo, continuedFromExecutionRunId } = workflowInfo();
  return { n, memo, continued: continuedFromExecutionRunId !== undefined };
}

export async function patches(): Promise<string> {
  const before = patched("first") ? "new" : "old";
  await sleep(10);
  deprecatePatch("second");
  await sleep(10);
  return `${before} ${patched("first") ? "new" : "old"}`;
}

export async function attributes(): Promise<unknown> {
  upsertMemo({ a: 1, b: 2 });
  upsertMemo({ a: null });
  upsertSearchAttributes({ CustomKeywordField: ["blue"] });
  await sleep(1);
  const { memo, searchAttributes } = workflowInfo();
  return { memo, searchAttributes };
}

export async function information(): Promise<unknown> {
  const {
    workflowId,
    workflowType,
    taskQueue,
    namespace,
    attempt,
    historyLength,
    startTime,
    parent: by,
  } = workflowInfo();
  return {
    workflowId,
    workflowType,
    taskQueue,
    namespace,
    attempt,
    historyLength,
    by,
    isDate: startTime instanceof Date,
  };
}

export async function retried(): Promise<number> {
  const { attempt } = workflowInfo();
  if (attempt < 3) throw ApplicationFailure.retryable("again");
  return attempt;
}

let moduleState = 0;

/** Everything that would differ from run to run and from replay to replay if it were the process's. */
export async function sandboxed(): Promise<unknown> {
  moduleState++;
  const shared = globalThis as { leaked?: number };
  shared.leaked = (shared.leaked ?? 0) + 1;
  const first = { now: Date.now(), random: Math.random(), uuid: uuid4() };
  await sleep(20);
  return {
    ...{ moduleState, leaked: shared.leaked, first },
    second: {
      now: Date.now(),
      random: Math.random(),
      date: new Date().toISOString(),
      isDate: new Date() instanceof Date,
    },
    types: [typeof process, typeof fetch, typeof require, typeof setImmediate],
    inside: inWorkflowContext(),
  };
}

class Named extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Named";
    this.message = `${message}!`;
  }
}

/** Tries to leave something behind for the next run, in every place that runs share. */
export async function pollutes(): Promise<unknown> {
  const attempt = (deed: () => unknown) => {
    try {
      deed();
      return "done";
    } catch (error) {
      return (error as Error).constructor.name;
    }
  };
  const shared: [string, object][] = [
    ["array", Array.prototype],
    ["object", Object.prototype],
    ["promise", Promise.prototype],
    ["map", Map.prototype],
    ["function", Function.prototype],
    ["error", Error.prototype],
    ["math", Math],
    ["json", JSON],
    ["iterator", Object.getPrototypeOf([].values()) as object],
    ["async", Object.getPrototypeOf(async () => undefined) as object],
    ["failure", ApplicationFailure.prototype],
    ["scope", CancellationScope],
  ];
  const added = shared.map(([name, each]) => [name, attempt(() => Object.assign(each, { leaked: 1 }))]);
  const { push } = Array.prototype;
  attempt(() => {
    Array.prototype.push = () => 0;
  });
  const kept = Array.prototype.push === push;
  const plain = { toString: () => "mine" };
  plain.toString = () => "still mine";
  const named = new Named("x");
  const left = ([] as unknown[] & { leaked?: number }).leaked;
  return {
    added: Object.fromEntries(added),
    ...{ kept, left, text: String(plain), name: named.name, message: named.message, is: named instanceof Error },
    sum: [1, 2, 3].map((n) => n + 1).reduce((a, b) => a + b),
  };
}

export async function usesProcess(): Promise<string | undefined> {
  return process.env["HOME"];
}

export async function usesFetch(): Promise<void> {
  await fetch("http://localhost");
}

export async function floats(): Promise<void> {
  // biome-ignore lint/nursery/noFloatingPromises: what becomes of such a one is the question.
  Promise.reject(new TypeError("nobody waits for this"));
  await sleep(10);
}

export async function throwsPlainError(): Promise<void> {
  throw new TypeError("a bug");
}

export async function neverYields(): Promise<void> {
  for (;;) {
    // Holds the thread.
  }
}

export async function yieldsOnce(): Promise<void> {
  await Promise.resolve();
  for (;;) {
    // Holds the thread.
  }
}

export async function queryChanges(): Promise<void> {
  setHandler(total, () => {
    sleep(1).catch(() => undefined);
    return 1;
  });
  await sleep("1 minute");
}

export async function waitsForever(): Promise<string> {
  let told = false;
  setHandler(finish, () => {
    told = true;
  });
  setHandler(total, () => 0);
  await condition(() => told, "1 day");
  return "told";
}

export async function longWay(steps: number): Promise<number> {
  let done = 0;
  setHandler(total, () => done);
  for (; done < steps; done++) {
    await remote.greet(String(done));
    await sleep(30);
  }
  return done;
}
