/** Other workflows: children of this one, and any other by its id. */
import type { ChildCommand, ChildStartOutcome, Outcome, Target } from "../../value/activation.ts";
import { msOptionalToNumber } from "../../value/duration.ts";
import { NamespaceNotFoundError, WorkflowExecutionAlreadyStartedError } from "../../value/errors.ts";
import { CancelledFailure, ChildWorkflowFailure, type ProtoFailure } from "../../value/failure.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import {
  type AnyArgs,
  requireOneOf,
  type SignalDefinition,
  type WithWorkflowArgs,
  type Workflow,
  WorkflowIdReusePolicy,
  type WorkflowResultType,
} from "../../value/options.ts";
import { mapToPayloads } from "../../value/payload-converter.ts";
import { compileRetryPolicy } from "../../value/retry-policy.ts";
import { encodeOptionalSearchAttributes } from "../../value/search-attributes.ts";
import type { SignalWorkflowInput, StartChildWorkflowExecutionInput } from "../interceptors.ts";
import { uuidFrom } from "../random/random.ts";
import { getRun } from "../run/current-run.ts";
import type { WorkflowRun } from "../run/run.ts";
import type { Waiter } from "../wait/waiters.ts";
import { waitFor } from "../wait/waiting.ts";
import {
  ChildWorkflowCancellationType,
  type ChildWorkflowOptions,
  ParentClosePolicy,
} from "./child-workflow-options.ts";

/** A child that has started. */
export interface ChildWorkflowHandle<T extends Workflow> {
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
  /** Throws `ChildWorkflowFailure`. */
  result(): Promise<WorkflowResultType<T>>;
  signal<Args extends AnyArgs = []>(def: SignalDefinition<Args> | string, ...args: Args): Promise<void>;
}

/** Another workflow of the namespace. Both calls throw when there is none with this id that is open. */
export interface ExternalWorkflowHandle {
  readonly workflowId: string;
  readonly runId: string | undefined;
  signal<Args extends AnyArgs = []>(def: SignalDefinition<Args> | string, ...args: Args): Promise<void>;
  cancel(): Promise<void>;
}

const closePolicyNumber = { TERMINATE: 1, ABANDON: 2, REQUEST_CANCEL: 3 } as const satisfies Record<
  ParentClosePolicy,
  number
>;
const reusePolicyNumber = {
  ALLOW_DUPLICATE: 1,
  ALLOW_DUPLICATE_FAILED_ONLY: 2,
  REJECT_DUPLICATE: 3,
  TERMINATE_IF_RUNNING: 4,
} as const;

/** Starts a child and waits for its result. Throws `ChildWorkflowFailure`, `WorkflowExecutionAlreadyStartedError`. */
export async function executeChild<T extends Workflow>(
  workflowTypeOrFunc: string | T,
  ...[options]: Record<never, never> extends WithWorkflowArgs<T, ChildWorkflowOptions>
    ? [options?: WithWorkflowArgs<T, ChildWorkflowOptions>]
    : [options: WithWorkflowArgs<T, ChildWorkflowOptions>]
): Promise<WorkflowResultType<T>> {
  const { completed } = await beginChild(workflowTypeOrFunc, options ?? {});
  return (await completed()) as WorkflowResultType<T>;
}

/** Starts a child and returns once it has started. Throws `WorkflowExecutionAlreadyStartedError`. */
export async function startChild<T extends Workflow>(
  workflowTypeOrFunc: string | T,
  ...[options]: Record<never, never> extends WithWorkflowArgs<T, ChildWorkflowOptions>
    ? [options?: WithWorkflowArgs<T, ChildWorkflowOptions>]
    : [options: WithWorkflowArgs<T, ChildWorkflowOptions>]
): Promise<ChildWorkflowHandle<T>> {
  const { run, seq, workflowId, runId, completed } = await beginChild(workflowTypeOrFunc, options ?? {});
  return {
    workflowId,
    firstExecutionRunId: runId,
    result: () => completed() as Promise<WorkflowResultType<T>>,
    signal: (def, ...args) => signalTarget(run, { childSeq: seq, workflowId }, def, args),
  };
}

/** A workflow that this one did not start. Without `runId`: whichever run is current. */
export function getExternalWorkflowHandle(workflowId: string, runId?: string): ExternalWorkflowHandle {
  const run = getRun("getExternalWorkflowHandle()");
  const target = { workflowId, runId, namespace: run.info.namespace };
  return {
    workflowId,
    runId,
    signal: (def, ...args) => signalTarget(run, target, def, args),
    cancel: async () => {
      const seq = run.nextSeq("externalCancel");
      const failure = await waitFor<ProtoFailure | undefined>(
        run.waiters.of("externalCancel"),
        seq,
        () => run.push({ type: "cancelExternal", seq, target, reason: "" }),
        (reason, reject) => reject(reason),
      );
      if (failure) throw run.errorOf(failure);
    },
  };
}

interface BegunChild {
  readonly run: WorkflowRun;
  readonly seq: number;
  readonly workflowId: string;
  readonly runId: string;
  readonly completed: () => Promise<unknown>;
}

/** The two ends of a child: its run's id once it has started, and its result. */
type ChildPromises = [started: Promise<string>, completed: Promise<unknown>];

async function beginChild(
  workflowTypeOrFunc: string | Workflow,
  options: ChildWorkflowOptions & { args?: readonly unknown[] },
): Promise<BegunChild> {
  const run = getRun("a child workflow");
  const workflowType = typeof workflowTypeOrFunc === "string" ? workflowTypeOrFunc : workflowTypeOrFunc.name;
  checkChoices(options);
  const workflowId = options.workflowId ?? uuidFrom(run.random);
  const seq = run.nextSeq("childStart");
  const start = composeInterceptors(run.interceptors.outbound, "startChildWorkflowExecution", async (input) =>
    childPromises(run, input),
  );
  const full = { ...options, workflowId, args: [...(options.args ?? [])] };
  const [started, completed] = await start({ workflowType, options: full, headers: {}, seq });
  // Whoever started the child need not wait for its end.
  completed.catch(() => undefined);
  return { run, seq, workflowId, runId: await started, completed: () => completed };
}

function checkChoices({ parentClosePolicy, cancellationType, workflowIdReusePolicy }: ChildWorkflowOptions): void {
  requireOneOf(ParentClosePolicy, parentClosePolicy, "ChildWorkflowOptions.parentClosePolicy");
  requireOneOf(ChildWorkflowCancellationType, cancellationType, "ChildWorkflowOptions.cancellationType");
  requireOneOf(WorkflowIdReusePolicy, workflowIdReusePolicy, "ChildWorkflowOptions.workflowIdReusePolicy");
}

function childPromises(run: WorkflowRun, input: StartChildWorkflowExecutionInput): ChildPromises {
  const { seq, workflowType, options } = input;
  const { workflowId } = options;
  // Both wait from the start: the end of a child may come with the news of its beginning.
  const end = waitFor<Outcome>(
    run.waiters.of("child"),
    seq,
    () => run.push(childCommand(run, input)),
    (_, reject) => cancelChild(run, { seq, workflowType, workflowId }, options.cancellationType, reject),
  );
  const began = Promise.withResolvers<ChildStartOutcome>();
  const waiter: Waiter<ChildStartOutcome> = began;
  run.waiters.of("childStart").set(seq, waiter);
  const started = async (): Promise<string> => {
    // A start that is cancelled rejects the end and brings no news of a beginning.
    const outcome = await Promise.race([began.promise, end.then(() => began.promise)]).finally(() =>
      run.waiters.of("childStart").delete(seq),
    );
    if (outcome.status === "started") return outcome.runId;
    run.waiters.of("child").get(seq)?.resolve({ status: "completed", result: undefined });
    throw notStarted(run, outcome, workflowId, workflowType);
  };
  const completed = async (): Promise<unknown> => {
    const ended = await end;
    if (ended.status === "completed") return run.valueOf(ended.result);
    throw run.errorOf(ended.failure);
  };
  const promises: ChildPromises = [started(), completed()];
  for (const each of promises) each.catch(() => undefined);
  return promises;
}

function notStarted(
  run: WorkflowRun,
  outcome: Exclude<ChildStartOutcome, { status: "started" }>,
  workflowId: string,
  workflowType: string,
): Error {
  if (outcome.status === "cancelled") return run.errorOf(outcome.failure);
  if (outcome.status === "notFound") return new NamespaceNotFoundError(run.info.namespace);
  const message = "Workflow execution already started";
  return new WorkflowExecutionAlreadyStartedError(message, workflowId, workflowType);
}

interface ChildName {
  readonly seq: number;
  readonly workflowType: string;
  readonly workflowId: string;
}

function cancelChild(
  run: WorkflowRun,
  { seq, workflowType, workflowId }: ChildName,
  cancellationType: ChildWorkflowCancellationType = "WAIT_CANCELLATION_COMPLETED",
  reject: (error: unknown) => void,
): void {
  const cancelled = () => {
    const cause = new CancelledFailure("Child Workflow execution cancelled");
    const execution = { workflowId, runId: "" };
    return new ChildWorkflowFailure(run.info.namespace, execution, workflowType, "CANCEL_REQUESTED", cause);
  };
  // Asked for and given up within one activation: nobody else ever knew of it.
  if (run.takeBack("startChild", seq)) return reject(cancelled());
  if (cancellationType === "ABANDON") return reject(cancelled());
  const cancelSeq = run.nextSeq("externalCancel");
  const heard = () => {
    run.waiters.of("externalCancel").delete(cancelSeq);
    if (cancellationType === "WAIT_CANCELLATION_REQUESTED") reject(cancelled());
  };
  run.waiters.of("externalCancel").set(cancelSeq, { resolve: heard, reject: () => undefined });
  run.push({ type: "cancelExternal", seq: cancelSeq, target: { childSeq: seq, workflowId }, reason: "" });
  if (cancellationType === "TRY_CANCEL") reject(cancelled());
}

function childCommand(
  run: WorkflowRun,
  { seq, workflowType, options, headers }: StartChildWorkflowExecutionInput,
): ChildCommand {
  const { workflowId } = options;
  const { retry, memo, searchAttributes, typedSearchAttributes, staticSummary, staticDetails } = options;
  const text = (value: string | undefined) => (value === undefined ? undefined : run.converter.toPayload(value));
  return {
    ...{ type: "startChild", seq, workflowId, workflowType, namespace: undefined, headers },
    taskQueue: options.taskQueue,
    input: run.payloadsOf(options.args),
    memo: memo && mapToPayloads(run.converter, memo),
    searchAttributes: encodeOptionalSearchAttributes(searchAttributes, typedSearchAttributes),
    executionTimeoutMs: msOptionalToNumber(
      options.workflowExecutionTimeout,
      "ChildWorkflowOptions.workflowExecutionTimeout",
    ),
    runTimeoutMs: msOptionalToNumber(options.workflowRunTimeout, "ChildWorkflowOptions.workflowRunTimeout"),
    taskTimeoutMs: msOptionalToNumber(options.workflowTaskTimeout, "ChildWorkflowOptions.workflowTaskTimeout"),
    retryPolicy: retry && compileRetryPolicy(retry),
    cronSchedule: options.cronSchedule,
    reusePolicy: options.workflowIdReusePolicy ? reusePolicyNumber[options.workflowIdReusePolicy] : 0,
    parentClosePolicy: closePolicyNumber[options.parentClosePolicy ?? "TERMINATE"],
    summary: text(staticSummary),
    details: text(staticDetails),
    priority: options.priority,
  };
}

async function signalTarget(
  run: WorkflowRun,
  target: Target,
  def: { name: string } | string,
  args: unknown[],
): Promise<void> {
  const seq = run.nextSeq("externalSignal");
  const { workflowId } = target;
  const signal = composeInterceptors(run.interceptors.outbound, "signalWorkflow", (input) =>
    sendSignal(run, target, input),
  );
  await signal({
    ...{ seq, args, headers: {}, signalName: typeof def === "string" ? def : def.name },
    target:
      "childSeq" in target
        ? { type: "child", childWorkflowId: workflowId }
        : { type: "external", workflowExecution: { workflowId, runId: target.runId } },
  });
}

async function sendSignal(
  run: WorkflowRun,
  target: Target,
  { seq, signalName: name, args, headers }: SignalWorkflowInput,
): Promise<void> {
  const failure = await waitFor<ProtoFailure | undefined>(
    run.waiters.of("externalSignal"),
    seq,
    () => run.push({ type: "signalExternal", seq, target, name, input: run.payloadsOf(args), headers }),
    (reason, reject) => {
      // A signal that was sent cannot be called back: it goes on, and nobody waits for the news of it.
      run.takeBack("signalExternal", seq);
      reject(reason);
    },
  );
  if (failure) throw run.errorOf(failure);
}
