export { jitterMs } from "./activity-operator.ts";
export { resolveRetryPolicy, retryPolicyProblem } from "./backoff.ts";
export * from "./execution.ts";
export { type ImportOptions, importedRun } from "./imported-run.ts";
export { limits as engineLimits } from "./limits.ts";
export { type AnyMachine, machineOf } from "./machines.ts";
export { type Delivery, type Follower, type Message, receiverOf } from "./outbox.ts";
export type { Call, CallEffect, CallFailure, NexusInput } from "./outside-call.ts";
export { payloadBytes, payloadMapBytes, payloadsBytes } from "./payload-size.ts";
export { isTakenOver } from "./reapply.ts";
export type { RebuildTarget } from "./rebuild.ts";
export { detail, Rejection, type RejectionCode, type RejectionDetail } from "./rejection.ts";
export type { LaterRun, ReadChain } from "./reset.ts";
export { BaseReading, type ReadBase } from "./reset-reading.ts";
export { type EventBatch, isOpen, isPinned, type Run, type Workflow } from "./run.ts";
export { Oversized, type SizeWarning } from "./run-size.ts";
export { upcomingTimes } from "./schedule/schedule-describe.ts";
export { Spec } from "./schedule/spec.ts";
export type { StandaloneDescription } from "./standalone/standalone-describe.ts";
export { type Note, Step } from "./step.ts";
export { type StoredActivity, storedActivities } from "./stored-activities.ts";
export {
  type Override,
  olderVersionName,
  overrideOf,
  unversionedName,
  versionName,
  versionOfText,
} from "./version-override.ts";
export {
  type DeploymentVersion,
  isSameVersion,
  noRouting,
  type RoutedQueue,
  type Routing,
  type RoutingTarget,
  type TaskVersioning,
} from "./versioning.ts";
export type { VisibilityRecord } from "./visibility.ts";
export * from "./vocabulary.ts";
