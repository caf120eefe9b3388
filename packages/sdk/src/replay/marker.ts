/**
 * What the SDK itself writes into a history by markers: patches, and the outcomes of local activities. Names and contents are those of the
 * official SDKs, so that their tools show them as such.
 */
import type { common, failure, history } from "@pawl/protocol";
import type { LocalActivityOutcome, Outcome } from "../value/activation.ts";
import type { ProtoFailure, RetryState } from "../value/failure.ts";
import { decodeRetryState, encodeRetryState, FAILURE_SOURCE } from "../value/failure-converter.ts";
import type { Payload } from "../value/payload.ts";
import { defaultPayloadConverter } from "../value/payload-converter.ts";
import { wireDuration, wirePayload, wirePayloads } from "../value/wire.ts";

const patchMarker = "core_patch";
const localActivityMarker = "core_local_activity";
/** The search attribute that lists a run's patches, so that operators can find runs of an old version. */
export const changeVersionAttribute = "TemporalChangeVersion";

export interface LocalActivityEnd {
  readonly seq: number;
  readonly activityId: string;
  readonly activityType: string;
  readonly attempt: number;
  readonly completedAtMs: number;
  readonly outcome: LocalActivityOutcome;
  /** For people who look at the marker. */
  readonly summary?: Payload | undefined;
}

export type Marker =
  | { kind: "patch"; patchId: string; deprecated: boolean }
  | { kind: "localActivity"; end: LocalActivityEnd }
  | { kind: "unknown"; name: string };

interface MarkerFields {
  markerName: string;
  details: Record<string, common.Payloads>;
  failure?: failure.Failure | undefined;
}

/** As the official core writes it; it reads over what it does not know. */
interface LocalActivityData {
  seq: number;
  attempt: number;
  activity_id: string;
  activity_type: string;
  complete_time: WireTime | null;
  /** There is one when the next attempt comes after a timer of the workflow. */
  backoff: WireTime | null;
  original_schedule_time: WireTime | null;
  /** Ours: why a failed one was not tried again. */
  retry_state?: RetryState;
}

interface WireTime {
  readonly seconds: number;
  readonly nanos: number;
}

function timeMs({ seconds, nanos }: WireTime): number {
  return seconds * 1_000 + nanos / 1e6;
}

const json = (value: unknown): common.Payloads => ({
  payloads: [wirePayload(defaultPayloadConverter.toPayload(value))],
});

export function patchFields(patchId: string, deprecated: boolean): MarkerFields {
  return { markerName: patchMarker, details: { "patch-data": json({ id: patchId, deprecated }) } };
}

export function localActivityFields({ outcome, completedAtMs, ...end }: LocalActivityEnd): MarkerFields {
  const isBackoff = outcome.status === "backoff";
  const data: LocalActivityData = {
    ...{ seq: end.seq, attempt: end.attempt, activity_id: end.activityId, activity_type: end.activityType },
    complete_time: wireDuration(completedAtMs),
    backoff: isBackoff ? wireDuration(outcome.backoffMs) : null,
    original_schedule_time: isBackoff ? wireDuration(outcome.originalScheduleMs) : null,
    ...(outcome.status === "failed" ? { retry_state: retryStateOf(outcome.failure) } : {}),
  };
  const result = outcome.status === "completed" && outcome.result ? wirePayloads([outcome.result]) : undefined;
  return {
    markerName: localActivityMarker,
    details: { data: json(data), ...(result ? { result } : {}) },
    failure: isBackoff ? outcome.failure : outcome.status === "completed" ? undefined : outcome.failure.cause,
  };
}

/** The end that workflow code is told of, live and from the marker alike: a marker holds the cause alone. */
export function localActivityEnding(
  { activityId, activityType }: { readonly activityId: string; readonly activityType: string },
  cause: ProtoFailure,
  retryState: RetryState,
): Outcome {
  const isCancelled = cause.canceledFailureInfo !== undefined;
  const failure: ProtoFailure = {
    ...{ message: isCancelled ? "Activity cancelled" : "Activity task failed", source: FAILURE_SOURCE, stackTrace: "" },
    cause,
    activityFailureInfo: {
      ...{ scheduledEventId: 0, startedEventId: 0, identity: "", activityId, activityType: { name: activityType } },
      retryState: encodeRetryState(retryState),
    },
  };
  return { status: isCancelled ? "cancelled" : "failed", failure };
}

export function readMarker(attributes: history.MarkerRecordedEventAttributes): Marker {
  const { markerName, details } = attributes;
  const first = (name: string) => details[name]?.payloads[0];
  if (markerName === patchMarker) {
    const data = first("patch-data");
    const { id = "", deprecated = false } = data
      ? defaultPayloadConverter.fromPayload<{ id?: string; deprecated?: boolean }>(data)
      : {};
    return { kind: "patch", patchId: id, deprecated };
  }
  const payload = markerName === localActivityMarker ? first("data") : undefined;
  if (!payload) return { kind: "unknown", name: markerName };
  const data = defaultPayloadConverter.fromPayload<LocalActivityData>(payload);
  return {
    kind: "localActivity",
    end: {
      seq: data.seq,
      activityId: data.activity_id,
      activityType: data.activity_type,
      attempt: data.attempt,
      completedAtMs: data.complete_time ? timeMs(data.complete_time) : 0,
      outcome: outcomeOf(data, first("result"), attributes.failure),
    },
  };
}

function outcomeOf(
  data: LocalActivityData,
  result: common.Payload | undefined,
  failed: failure.Failure | undefined,
): LocalActivityOutcome {
  if (data.backoff) {
    const scheduled = data.original_schedule_time ?? data.complete_time;
    const originalScheduleMs = scheduled ? timeMs(scheduled) : 0;
    const backoffMs = timeMs(data.backoff);
    return { status: "backoff", attempt: data.attempt + 1, backoffMs, originalScheduleMs, failure: failed };
  }
  if (!failed) return { status: "completed", result };
  const about = { activityId: data.activity_id, activityType: data.activity_type };
  return localActivityEnding(about, failed, data.retry_state ?? likelyRetryState(failed));
}

function retryStateOf({ activityFailureInfo }: ProtoFailure): RetryState {
  return (activityFailureInfo && decodeRetryState(activityFailureInfo.retryState)) ?? "NON_RETRYABLE_FAILURE";
}

/** Of a marker that another SDK has written. */
function likelyRetryState({ canceledFailureInfo, applicationFailureInfo }: failure.Failure): RetryState {
  if (canceledFailureInfo) return "CANCEL_REQUESTED";
  return applicationFailureInfo?.nonRetryable ? "NON_RETRYABLE_FAILURE" : "MAXIMUM_ATTEMPTS_REACHED";
}
