/**
 * What the SDK itself writes into a history by markers: patches, and the outcomes of local activities. Names and contents are those of the
 * official SDKs, so that their tools show them as such.
 */
import type { common, failure, history } from "@pawl/protocol";
import type { LocalActivityOutcome } from "../value/activation.ts";
import { defaultPayloadConverter } from "../value/payload-converter.ts";
import { wirePayload, wirePayloads } from "../value/wire.ts";

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

interface LocalActivityData {
  seq: number;
  attempt: number;
  activity_id: string;
  activity_type: string;
  complete_time: string;
  status: LocalActivityOutcome["status"];
  backoff_ms?: number;
  original_schedule_ms?: number;
}

const json = (value: unknown): common.Payloads => ({
  payloads: [wirePayload(defaultPayloadConverter.toPayload(value))],
});

export function patchFields(patchId: string, deprecated: boolean): MarkerFields {
  return { markerName: patchMarker, details: { "patch-data": json({ id: patchId, deprecated }) } };
}

export function localActivityFields({ outcome, completedAtMs, ...end }: LocalActivityEnd): MarkerFields {
  const data: LocalActivityData = {
    ...{ seq: end.seq, attempt: end.attempt, activity_id: end.activityId, activity_type: end.activityType },
    complete_time: new Date(completedAtMs).toISOString(),
    status: outcome.status,
    ...(outcome.status === "backoff"
      ? { backoff_ms: outcome.backoffMs, original_schedule_ms: outcome.originalScheduleMs }
      : {}),
  };
  const result = outcome.status === "completed" && outcome.result ? wirePayloads([outcome.result]) : undefined;
  const failed = outcome.status === "failed" || outcome.status === "cancelled" ? outcome.failure : undefined;
  return {
    markerName: localActivityMarker,
    details: { data: json(data), ...(result ? { result } : {}) },
    failure: failed,
  };
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
      completedAtMs: Date.parse(data.complete_time),
      outcome: outcomeOf(data, first("result"), attributes.failure),
    },
  };
}

function outcomeOf(
  data: LocalActivityData,
  result: common.Payload | undefined,
  failed: failure.Failure | undefined,
): LocalActivityOutcome {
  if (data.status === "backoff") {
    return {
      status: "backoff",
      attempt: data.attempt + 1,
      backoffMs: data.backoff_ms ?? 0,
      originalScheduleMs: data.original_schedule_ms ?? 0,
    };
  }
  if (failed) return { status: data.status === "cancelled" ? "cancelled" : "failed", failure: failed };
  return { status: "completed", result };
}
