/** Errors ⇄ failures of the wire, with their chains of causes, in the form that every Temporal SDK reads and writes. */
import type { enums, failure } from "@pawl/protocol";
import { HandlerError, HandlerErrorType } from "nexus-rpc";
import { msToNumber } from "./duration.ts";
import { isError } from "./errors.ts";
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  NexusOperationFailure,
  type ProtoFailure,
  RetryState,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
} from "./failure.ts";
import { arrayFromPayloads, fromPayloadsAtIndex, type PayloadConverter, toPayloads } from "./payload-converter.ts";
import { wireDuration, wirePayload, wirePayloads } from "./wire.ts";

/** Says who made a failure. The official TypeScript SDK's word, so that its readers treat our stacks as their own. */
export const FAILURE_SOURCE = "TypeScriptSDK";

/** Names and numbers of the API's enums; numbers because the generated ones are not loaded inside the sandbox. */
const retryStateNumber = {
  IN_PROGRESS: 1,
  NON_RETRYABLE_FAILURE: 2,
  TIMEOUT: 3,
  MAXIMUM_ATTEMPTS_REACHED: 4,
  RETRY_POLICY_NOT_SET: 5,
  INTERNAL_SERVER_ERROR: 6,
  CANCEL_REQUESTED: 7,
} as const satisfies Record<RetryState, enums.RetryState>;

const timeoutTypeNumber = {
  START_TO_CLOSE: 1,
  SCHEDULE_TO_START: 2,
  SCHEDULE_TO_CLOSE: 3,
  HEARTBEAT: 4,
} as const satisfies Record<TimeoutType, enums.TimeoutType>;

const retryBehaviorNumber = {
  RETRYABLE: 1,
  NON_RETRYABLE: 2,
} as const satisfies Record<string, enums.NexusHandlerErrorRetryBehavior>;

const benign = 1 satisfies enums.ApplicationErrorCategory;

/** From the number of the wire; `undefined` for 0 and for what is not known. */
export function decodeRetryState(value: enums.RetryState): RetryState | undefined {
  return Object.values(RetryState).find((name) => retryStateNumber[name] === value);
}

/** To the number of the wire; 0 for `undefined`. */
export function encodeRetryState(value: RetryState | undefined): enums.RetryState {
  return value === undefined ? 0 : retryStateNumber[value];
}

function decodeTimeoutType(value: enums.TimeoutType): TimeoutType | undefined {
  return Object.values(TimeoutType).find((name) => timeoutTypeNumber[name] === value);
}

/** How errors are written and read. Runs in workflow code, too: as deterministic as that, and without Node. */
export interface FailureConverter {
  errorToFailure(error: unknown, payloadConverter: PayloadConverter): ProtoFailure;
  failureToError(from: ProtoFailure, payloadConverter: PayloadConverter): Error;
}

/** Whether codecs get to see the texts of failures. */
export interface DefaultFailureConverterOptions {
  /** Messages and stack traces go into a payload, where codecs reach them; others read "Encoded failure". Default: false. */
  encodeCommonAttributes: boolean;
}

/** What an encoded failure says, as the content of its `encodedAttributes`. */
export interface DefaultEncodedFailureAttributes {
  message: string;
  stack_trace: string;
}

/** Writes and reads every failure of the API, with its causes. */
export class DefaultFailureConverter implements FailureConverter {
  readonly options: DefaultFailureConverterOptions;
  constructor(options: Partial<DefaultFailureConverterOptions> = {}) {
    this.options = { encodeCommonAttributes: options.encodeCommonAttributes ?? false };
  }

  /** Never throws: details that cannot be read are left out. */
  failureToError(from: ProtoFailure, converter: PayloadConverter): TemporalFailure | HandlerError {
    const { message, stackTrace } = readAttributes(from, converter);
    const error = newError({ ...from, message, stackTrace }, converter, this);
    if (error instanceof TemporalFailure) error.failure = from;
    error.stack = stackTrace ? `${error.name}: ${message}\n${stackTrace}` : `${error.name}: ${message}`;
    return error;
  }

  /** Any thrown value becomes a failure: one that came off the wire goes back as it came, an unknown error as an application failure of its name. */
  errorToFailure(error: unknown, converter: PayloadConverter): ProtoFailure {
    if (error instanceof TemporalFailure && error.failure) return error.failure;
    const made = newFailure(error, converter, this);
    if (!this.options.encodeCommonAttributes) return made;
    const attributes: DefaultEncodedFailureAttributes = { message: made.message, stack_trace: made.stackTrace };
    const encodedAttributes = wirePayload(converter.toPayload(attributes));
    return { ...made, message: "Encoded failure", stackTrace: "", encodedAttributes };
  }

  optionalFailureToOptionalError(from: ProtoFailure | null | undefined, converter: PayloadConverter) {
    return from ? this.failureToError(from, converter) : undefined;
  }

  optionalErrorToOptionalFailure(error: unknown, converter: PayloadConverter): ProtoFailure | undefined {
    return optionalFailure(error, converter, this);
  }
}

/** With texts in the open. */
export const defaultFailureConverter = new DefaultFailureConverter();

/** Without codecs and custom converters: what is written and read inside the SDK itself. */
export function failureToError(from: ProtoFailure, converter: PayloadConverter): TemporalFailure | HandlerError {
  return defaultFailureConverter.failureToError(from, converter);
}

export function errorToFailure(error: unknown, converter: PayloadConverter): ProtoFailure {
  return defaultFailureConverter.errorToFailure(error, converter);
}

function readAttributes(from: ProtoFailure, converter: PayloadConverter): { message: string; stackTrace: string } {
  const { message, stackTrace, encodedAttributes } = from;
  const read = encodedAttributes && readable(() => converter.fromPayload<unknown>(encodedAttributes));
  // Whoever wrote it may have put there what it liked.
  const told = (typeof read === "object" && read !== null ? read : {}) as Record<string, unknown>;
  const text = (name: keyof DefaultEncodedFailureAttributes, otherwise: string) =>
    typeof told[name] === "string" ? told[name] : otherwise;
  return { message: text("message", message), stackTrace: text("stack_trace", stackTrace) };
}

function newError(
  from: ProtoFailure,
  converter: PayloadConverter,
  failures: FailureConverter,
): TemporalFailure | HandlerError {
  const cause = from.cause ? failures.failureToError(from.cause, converter) : undefined;
  const message = from.message || undefined;
  if (from.applicationFailureInfo) return applicationFailure(from, from.applicationFailureInfo, converter, cause);
  if (from.serverFailureInfo) return new ServerFailure(message, from.serverFailureInfo.nonRetryable, cause);
  if (from.timeoutFailureInfo) {
    const { lastHeartbeatDetails, timeoutType } = from.timeoutFailureInfo;
    const details = readable(() => fromPayloadsAtIndex(converter, 0, lastHeartbeatDetails?.payloads));
    return new TimeoutFailure(message, details, decodeTimeoutType(timeoutType), cause);
  }
  if (from.terminatedFailureInfo) return new TerminatedFailure(message, cause);
  if (from.canceledFailureInfo) {
    const details = readable(() => arrayFromPayloads(converter, from.canceledFailureInfo?.details?.payloads)) ?? [];
    return new CancelledFailure(message, details, cause);
  }
  if (from.resetWorkflowFailureInfo) {
    const { lastHeartbeatDetails } = from.resetWorkflowFailureInfo;
    const details = readable(() => arrayFromPayloads(converter, lastHeartbeatDetails?.payloads));
    return new ApplicationFailure(message, "ResetWorkflow", false, details, cause);
  }
  if (from.childWorkflowExecutionFailureInfo) return childFailure(from.childWorkflowExecutionFailureInfo, cause);
  if (from.activityFailureInfo) {
    const { activityType, activityId, retryState, identity } = from.activityFailureInfo;
    const state = decodeRetryState(retryState);
    return new ActivityFailure(message, activityType?.name ?? "", activityId || undefined, state, identity, cause);
  }
  if (from.nexusOperationExecutionFailureInfo) {
    const { scheduledEventId, endpoint, service, operation, operationToken } = from.nexusOperationExecutionFailureInfo;
    const of = [endpoint, service, operation] as const;
    return new NexusOperationFailure(message, scheduledEventId || undefined, ...of, operationToken || undefined, cause);
  }
  if (from.nexusHandlerFailureInfo) return handlerError(from, from.nexusHandlerFailureInfo, cause);
  // Failures of no kind, which some SDKs send for plain errors.
  return new ApplicationFailure(message, undefined, false, undefined, cause);
}

function applicationFailure(
  from: ProtoFailure,
  info: failure.ApplicationFailureInfo,
  converter: PayloadConverter,
  cause: Error | undefined,
): ApplicationFailure {
  const { type, nonRetryable, details, nextRetryDelay, category } = info;
  return ApplicationFailure.create({
    message: from.message || undefined,
    type: type || undefined,
    nonRetryable,
    details: readable(() => arrayFromPayloads(converter, details?.payloads)),
    cause,
    nextRetryDelay: nextRetryDelay ? nextRetryDelay.seconds * 1_000 + nextRetryDelay.nanos / 1e6 : undefined,
    category: category === benign ? "BENIGN" : undefined,
  });
}

function handlerError(
  from: ProtoFailure,
  { type, retryBehavior }: failure.NexusHandlerFailureInfo,
  cause: Error | undefined,
): HandlerError {
  const isKnown = Object.hasOwn(HandlerErrorType, type);
  return new HandlerError(isKnown ? (type as HandlerErrorType) : "UNKNOWN", from.message || "Nexus handler error", {
    cause,
    retryableOverride: retryBehavior === 0 ? undefined : retryBehavior === retryBehaviorNumber.RETRYABLE,
    rawErrorType: type,
  });
}

function childFailure(info: failure.ChildWorkflowExecutionFailureInfo, cause: Error | undefined): ChildWorkflowFailure {
  const { namespace, workflowExecution, workflowType, retryState } = info;
  const execution = { workflowId: workflowExecution?.workflowId, runId: workflowExecution?.runId };
  const state = decodeRetryState(retryState);
  return new ChildWorkflowFailure(namespace || undefined, execution, workflowType?.name ?? "", state, cause);
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function newFailure(error: unknown, converter: PayloadConverter, failures: FailureConverter): ProtoFailure {
  if (error instanceof TemporalFailure) {
    return {
      ...blank(error),
      cause: optionalFailure(error.cause, converter, failures),
      ...infoOf(error, converter),
    };
  }
  if (error instanceof HandlerError) {
    return {
      ...blank(error),
      cause: optionalFailure(error.cause, converter, failures),
      nexusHandlerFailureInfo: { type: error.rawErrorType, retryBehavior: retryBehaviorOf(error) },
    };
  }
  if (isError(error)) {
    const applicationFailureInfo = { type: error.name, nonRetryable: false, category: 0 as const };
    const cause = optionalFailure((error as { cause?: unknown }).cause, converter, failures);
    return { ...blank(error), cause, applicationFailureInfo };
  }
  const recommendation =
    " [A non-Error value was thrown from your code. We recommend throwing Error objects so that we can provide a stack trace]";
  return {
    message: textOf(error) + recommendation,
    source: FAILURE_SOURCE,
    stackTrace: "",
    applicationFailureInfo: { type: "", nonRetryable: false, category: 0 },
  };
}

function retryBehaviorOf({ retryableOverride }: HandlerError): enums.NexusHandlerErrorRetryBehavior {
  if (retryableOverride === undefined) return 0;
  return retryableOverride ? retryBehaviorNumber.RETRYABLE : retryBehaviorNumber.NON_RETRYABLE;
}

/** The causes that are being written: an error that is its own cause, over however many others, is not written for ever. */
const underWay = new Set<unknown>();

function optionalFailure(
  error: unknown,
  converter: PayloadConverter,
  failures: FailureConverter,
): ProtoFailure | undefined {
  if (error === undefined || error === null || underWay.has(error)) return undefined;
  underWay.add(error);
  try {
    return failures.errorToFailure(error, converter);
  } finally {
    underWay.delete(error);
  }
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function blank(error: Error): ProtoFailure {
  return { message: error.message, source: FAILURE_SOURCE, stackTrace: cutoffStackTrace(error.stack) };
}

function infoOf(error: TemporalFailure, converter: PayloadConverter): Partial<ProtoFailure> {
  const details = (values: unknown[] | undefined) =>
    values && values.length > 0 ? wirePayloads(toPayloads(converter, ...values)) : undefined;
  if (error instanceof ApplicationFailure) {
    return {
      applicationFailureInfo: {
        type: error.type ?? "",
        nonRetryable: error.nonRetryable ?? false,
        details: details(error.details),
        nextRetryDelay:
          error.nextRetryDelay === undefined
            ? undefined
            : wireDuration(msToNumber(error.nextRetryDelay, "nextRetryDelay")),
        category: error.category === "BENIGN" ? benign : 0,
      },
    };
  }
  if (error instanceof ActivityFailure) {
    return {
      activityFailureInfo: {
        scheduledEventId: 0,
        startedEventId: 0,
        identity: error.identity ?? "",
        activityType: { name: error.activityType },
        activityId: error.activityId ?? "",
        retryState: encodeRetryState(error.retryState),
      },
    };
  }
  if (error instanceof ChildWorkflowFailure) {
    const { workflowId = "", runId = "" } = error.execution;
    return {
      childWorkflowExecutionFailureInfo: {
        namespace: error.namespace ?? "",
        workflowExecution: { workflowId, runId },
        workflowType: { name: error.workflowType },
        initiatedEventId: 0,
        startedEventId: 0,
        retryState: encodeRetryState(error.retryState),
      },
    };
  }
  if (error instanceof NexusOperationFailure) {
    const { scheduledEventId = 0, endpoint, service, operation, operationToken = "" } = error;
    const info = { scheduledEventId, endpoint, service, operation, operationId: "", operationToken };
    return { nexusOperationExecutionFailureInfo: info };
  }
  if (error instanceof CancelledFailure)
    return { canceledFailureInfo: { details: details(error.details), identity: "" } };
  if (error instanceof TimeoutFailure) {
    const timeoutType = error.timeoutType === undefined ? 0 : timeoutTypeNumber[error.timeoutType];
    return { timeoutFailureInfo: { timeoutType, lastHeartbeatDetails: details([error.lastHeartbeatDetails]) } };
  }
  if (error instanceof ServerFailure) return { serverFailureInfo: { nonRetryable: error.nonRetryable } };
  if (error instanceof TerminatedFailure) return { terminatedFailureInfo: { identity: "" } };
  return { applicationFailureInfo: { type: error.name, nonRetryable: false, category: 0 } };
}

/** Frames of these files are the SDK's own: a user learns nothing from them. */
const sdkFrame =
  /\bat .*(\bpawl-workflow-runtime\.js|[\\/]@?pawl[\\/]sdk[\\/]|[\\/]packages[\\/]sdk[\\/]src[\\/])(?!.*\.test\.ts)/;
const nativeFrame = /[( ](<anonymous>|native|node:[^ ]+)\)?$/;

/** The frames of user code, from where it called the SDK, if that made the error, down to where the SDK called it; without the line of the message. */
export function cutoffStackTrace(stack: string | undefined): string {
  const frames = (stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const isSdk = (line: string) => sdkFrame.test(line);
  const user = frames.findIndex((line) => !isSdk(line) && !nativeFrame.test(line));
  const below = frames.slice(frames.slice(0, Math.max(user, 0)).findLastIndex(isSdk) + 1);
  const end = below.findIndex(isSdk);
  return below.slice(0, end === -1 ? undefined : end).join("\n");
}
