/** Values of the SDK as fields of messages. Types alone come from the protocol, so that this also loads inside the sandbox. */
import type { common, googleProtobuf } from "@pawl/protocol";
import type { Payload } from "./payload.ts";
import type { CompiledRetryPolicy } from "./retry-policy.ts";

export function wireDuration(milliseconds: number): googleProtobuf.Duration;
export function wireDuration(milliseconds: number | undefined): googleProtobuf.Duration | undefined;
export function wireDuration(milliseconds: number | undefined): googleProtobuf.Duration | undefined {
  if (milliseconds === undefined) return undefined;
  const seconds = Math.floor(milliseconds / 1_000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1_000) * 1e6) };
}

/** `undefined` for no duration, which the API also writes as zero. */
export function wireDurationMs(duration: googleProtobuf.Duration | undefined): number | undefined {
  const milliseconds = duration ? duration.seconds * 1_000 + duration.nanos / 1e6 : 0;
  return milliseconds > 0 ? milliseconds : undefined;
}

export function wirePayload(payload: Payload): common.Payload {
  return { externalPayloads: [], ...payload };
}

/** `undefined` for none, as an absent field. */
export function wirePayloads(payloads: readonly Payload[] | undefined): common.Payloads | undefined {
  return payloads && payloads.length > 0 ? { payloads: payloads.map(wirePayload) } : undefined;
}

export function wireFields(fields: Record<string, Payload>): Record<string, common.Payload> {
  return Object.fromEntries(Object.entries(fields).map(([name, payload]) => [name, wirePayload(payload)]));
}

export function wireRetryPolicy(policy: CompiledRetryPolicy | undefined): common.RetryPolicy | undefined {
  if (!policy) return undefined;
  const { initialIntervalMs, maximumIntervalMs, ...rest } = policy;
  return {
    ...rest,
    initialInterval: wireDuration(initialIntervalMs || undefined),
    maximumInterval: wireDuration(maximumIntervalMs || undefined),
  };
}

export function compiledRetryPolicy(policy: common.RetryPolicy | undefined): CompiledRetryPolicy | undefined {
  if (!policy) return undefined;
  const { initialInterval, maximumInterval, backoffCoefficient, maximumAttempts, nonRetryableErrorTypes } = policy;
  return {
    initialIntervalMs: wireDurationMs(initialInterval) ?? 0,
    maximumIntervalMs: wireDurationMs(maximumInterval) ?? 0,
    backoffCoefficient,
    maximumAttempts,
    nonRetryableErrorTypes,
  };
}
