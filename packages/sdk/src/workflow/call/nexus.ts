/** Operations of other services, in this namespace or another: called by the name of a Nexus endpoint. */
import type { OperationDefinition, OperationInput, OperationKey, OperationOutput, ServiceDefinition } from "nexus-rpc";
import type { NexusCommand, Outcome } from "../../value/activation.ts";
import { msOptionalToNumber } from "../../value/duration.ts";
import { CancelledFailure, NexusOperationFailure, type ProtoFailure } from "../../value/failure.ts";
import { composeInterceptors } from "../../value/interceptors.ts";
import type { StartNexusOperationInput, StartNexusOperationOutput } from "../interceptors.ts";
import { getRun } from "../run/current-run.ts";
import type { WorkflowRun } from "../run/run.ts";
import type { NexusStarted } from "../wait/waiters.ts";
import { waitFor } from "../wait/waiting.ts";
import type { StartNexusOperationOptions } from "./nexus-options.ts";

/** An operation that has started, or ended. */
export interface NexusOperationHandle<T> {
  readonly service: string;
  readonly operation: string;
  /** What the handler calls the operation; none when it ended at once. */
  readonly token?: string | undefined;
  /** Throws `NexusOperationFailure`. */
  result(): Promise<T>;
}

/** An operation is named by its definition, or by its key in the service's `operations`. */
export interface NexusServiceClient<T extends ServiceDefinition> {
  /** Starts it and waits for its result. Throws `NexusOperationFailure`. */
  executeOperation<O extends T["operations"][keyof T["operations"]]>(
    op: O,
    input: OperationInput<O>,
    options?: StartNexusOperationOptions,
  ): Promise<OperationOutput<O>>;
  executeOperation<K extends OperationKey<T["operations"]>>(
    op: K,
    input: OperationInput<T["operations"][K]>,
    options?: StartNexusOperationOptions,
  ): Promise<OperationOutput<T["operations"][K]>>;
  /** Resolves once it has started or ended. Throws `NexusOperationFailure` when it failed before it started. */
  startOperation<O extends T["operations"][keyof T["operations"]]>(
    op: O,
    input: OperationInput<O>,
    options?: StartNexusOperationOptions,
  ): Promise<NexusOperationHandle<OperationOutput<O>>>;
  startOperation<K extends OperationKey<T["operations"]>>(
    op: K,
    input: OperationInput<T["operations"][K]>,
    options?: StartNexusOperationOptions,
  ): Promise<NexusOperationHandle<OperationOutput<T["operations"][K]>>>;
}

/** Whose operations are called, and where. */
export interface NexusServiceClientOptions<T> {
  /** By its name, as an operator registered it. */
  endpoint: string;
  service: T;
}

type AnyOperation = OperationDefinition<unknown, unknown>;

/** Throws `TypeError` for an endpoint or service without a name. */
export function createNexusServiceClient<T extends ServiceDefinition>({
  endpoint,
  service,
}: NexusServiceClientOptions<T>): NexusServiceClient<T> {
  if (!endpoint) throw new TypeError("NexusServiceClientOptions.endpoint is missing");
  if (!service?.name) throw new TypeError("NexusServiceClientOptions.service has no name");
  const start = (op: string | AnyOperation, input: unknown, options: StartNexusOperationOptions = {}) =>
    startOperation({ endpoint, service: service.name, operation: nameOf(service, op) }, input, options);
  const client = {
    startOperation: start,
    executeOperation: async (op: string | AnyOperation, input: unknown, options?: StartNexusOperationOptions) =>
      await (await start(op, input, options)).result(),
  };
  return client as NexusServiceClient<T>;
}

interface OperationName {
  readonly endpoint: string;
  readonly service: string;
  readonly operation: string;
}

function nameOf(service: ServiceDefinition, op: string | AnyOperation): string {
  const definition = typeof op === "string" ? (service.operations[op] as AnyOperation | undefined) : op;
  if (definition?.name) return definition.name;
  throw new TypeError(
    `service ${service.name} defines no operation ${typeof op === "string" ? JSON.stringify(op) : "like this one"}`,
  );
}

async function startOperation(
  name: OperationName,
  input: unknown,
  options: StartNexusOperationOptions,
): Promise<NexusOperationHandle<unknown>> {
  const run = getRun("a Nexus operation");
  const seq = run.nextSeq("nexus");
  const start = composeInterceptors(run.interceptors.outbound, "startNexusOperation", (last) => begin(run, last));
  const { token, result } = await start({ ...name, input, options, headers: {}, seq });
  const { service, operation } = name;
  return { service, operation, token, result: () => result };
}

async function begin(run: WorkflowRun, input: StartNexusOperationInput): Promise<StartNexusOperationOutput> {
  const { seq } = input;
  let known: NexusStarted | undefined;
  const end = waitFor<Outcome>(
    run.waiters.of("nexus"),
    seq,
    () => run.push(command(run, input)),
    (_, reject) => cancel(run, input, () => known, reject),
  );
  const result = end
    .finally(() => run.waiters.of("nexusCancel").delete(seq))
    .then((outcome) => {
      if (outcome.status === "completed") return run.valueOf(outcome.result);
      throw run.errorOf(outcome.failure);
    });
  // Whoever starts an operation need not wait for its end.
  result.catch(() => undefined);
  const started = new Promise<void>((resolve, reject) => {
    const heard = (news: NexusStarted) => {
      known = news;
      resolve();
    };
    run.waiters.of("nexusStart").set(seq, { resolve: heard, reject });
  });
  try {
    // An operation that ends at once brings no news of a start.
    await Promise.race([started, result]);
  } finally {
    run.waiters.of("nexusStart").delete(seq);
  }
  return { token: known?.token, result };
}

function command(run: WorkflowRun, input: StartNexusOperationInput): NexusCommand {
  const { seq, endpoint, service, operation, headers, options } = input;
  const timeout = (name: "scheduleToCloseTimeout" | "scheduleToStartTimeout" | "startToCloseTimeout") =>
    msOptionalToNumber(options[name], `StartNexusOperationOptions.${name}`);
  return {
    ...{ type: "scheduleNexusOperation", seq, endpoint, service, operation, headers },
    input: run.converter.toPayload(input.input),
    scheduleToCloseTimeoutMs: timeout("scheduleToCloseTimeout"),
    scheduleToStartTimeoutMs: timeout("scheduleToStartTimeout"),
    startToCloseTimeoutMs: timeout("startToCloseTimeout"),
    summary: options.summary === undefined ? undefined : run.converter.toPayload(options.summary),
  };
}

function cancel(
  run: WorkflowRun,
  { seq, endpoint, service, operation, options }: StartNexusOperationInput,
  known: () => NexusStarted | undefined,
  reject: (error: unknown) => void,
): void {
  const failed = (message: string, cause: Error) => {
    const { scheduledEventId, token } = known() ?? {};
    return new NexusOperationFailure(message, scheduledEventId, endpoint, service, operation, token, cause);
  };
  const cancelled = (message: string) => failed(message, new CancelledFailure(undefined));
  // Asked for and given up within one activation: nobody else ever knew of it.
  if (run.takeBack("scheduleNexusOperation", seq))
    return reject(cancelled("Nexus Operation cancelled before scheduled"));
  const { cancellationType = "WAIT_CANCELLATION_COMPLETED" } = options;
  if (cancellationType !== "ABANDON") run.push({ type: "cancelNexusOperation", seq });
  if (cancellationType === "ABANDON" || cancellationType === "TRY_CANCEL") {
    return reject(cancelled("Nexus operation cancelled after starting"));
  }
  if (cancellationType === "WAIT_CANCELLATION_COMPLETED") return;
  const heard = (failure: ProtoFailure | undefined) => {
    run.waiters.of("nexusCancel").delete(seq);
    if (!failure) return reject(cancelled("Nexus operation cancellation request completed"));
    reject(failed("Nexus operation cancellation request failed", run.errorOf(failure)));
  };
  run.waiters.of("nexusCancel").set(seq, { resolve: heard, reject: () => undefined });
}
