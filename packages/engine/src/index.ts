export { jitterMs } from "./activity/activity-operator.ts";
export { type StoredActivity, storedActivities } from "./activity/stored-activities.ts";
export { resolveRetryPolicy, retryPolicyProblem } from "./backoff.ts";
export * from "./execution.ts";
export { limits as engineLimits } from "./limits.ts";
export { type AnyMachine, machineOf } from "./machines.ts";
export { type Delivery, type Follower, type Message, receiverOf } from "./outbox.ts";
export type { Call, CallEffect, CallFailure, NexusInput } from "./outside-call.ts";
export { payloadBytes, payloadMapBytes, payloadsBytes } from "./payload-size.ts";
export { type ImportOptions, importedRun } from "./rebuild/imported-run.ts";
export type { RebuildTarget } from "./rebuild/rebuild.ts";
export { detail, Rejection, type RejectionCode, type RejectionDetail } from "./rejection.ts";
export { isTakenOver } from "./reset/reapply.ts";
export type { LaterRun, ReadChain } from "./reset/reset.ts";
export { BaseReading, type ReadBase } from "./reset/reset-reading.ts";
export { type EventBatch, isOpen, isPinned, type Run, type Workflow } from "./run/run.ts";
export { Oversized, type SizeWarning } from "./run/run-size.ts";
export type { VisibilityRecord } from "./run/visibility.ts";
export { upcomingTimes } from "./schedule/schedule-describe.ts";
export type { ScheduleRun } from "./schedule/schedule-run.ts";
export { Spec } from "./schedule/spec.ts";
export type { StandaloneDescription } from "./standalone/standalone-describe.ts";
export type { StandaloneRun } from "./standalone/standalone-run.ts";
export { type Note, Step } from "./step.ts";
export {
  type Override,
  olderVersionName,
  overrideOf,
  unversionedName,
  versionName,
  versionOfText,
} from "./versioning/version-override.ts";
export {
  type DeploymentVersion,
  isSameVersion,
  noRouting,
  type RoutedQueue,
  type Routing,
  type RoutingTarget,
  type TaskVersioning,
} from "./versioning/versioning.ts";
export * from "./vocabulary.ts";
