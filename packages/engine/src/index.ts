export { jitterMs } from "./activity/activity-operator.ts";
export { type StoredActivity, storedActivities } from "./activity/stored-activities.ts";
export { resolveRetryPolicy, retryPolicyProblem } from "./backoff.ts";
export { limits as engineLimits } from "./limits.ts";
export type { Machine, RunChanges } from "./machine.ts";
export { type AnyMachine, type CommandOfKind, machineOf, type ReplyOfKind } from "./machines.ts";
export { receiverOf } from "./outbox.ts";
export type { Call, CallEffect, CallFailure } from "./outside-call.ts";
export { payloadBytes, payloadMapBytes, payloadsBytes } from "./payload-size.ts";
export { type ImportOptions, importedRun } from "./rebuild/imported-run.ts";
export type { RebuildTarget } from "./rebuild/rebuild.ts";
export { detail, Rejection, type RejectionCode, type RejectionDetail } from "./rejection.ts";
export type { LaterRun, ReadBase, ReadChain } from "./reset/read-chain.ts";
export { isTakenOver } from "./reset/reapply.ts";
export { BaseReading } from "./reset/reset-reading.ts";
export { Oversized, type SizeWarning } from "./run/run-size.ts";
export type { VisibilityRecord } from "./run/visibility.ts";
export { upcomingTimes } from "./schedule/schedule-describe.ts";
export type { ScheduleRun } from "./schedule/schedule-run.ts";
export { ruleCountOf, Spec } from "./schedule/spec.ts";
export type { StandaloneDescription } from "./standalone/standalone-describe.ts";
export type { StandaloneRun } from "./standalone/standalone-run.ts";
export * from "./state/execution.ts";
export type { Delivery, Follower, Message } from "./state/message.ts";
export type { NexusInput } from "./state/outside-call.ts";
export { type EventBatch, isOpen, isPinned, type Run, type Workflow } from "./state/run.ts";
export type { EndedUpdate } from "./state/update.ts";
export type { DeploymentVersion, Override, RoutingTarget } from "./state/versioning.ts";
export { type Note, Step } from "./step.ts";
export { partitionPrefix, reservedQueueProblem } from "./task-queue-name.ts";
export {
  olderVersionName,
  overrideFormProblem,
  overrideOf,
  unversionedName,
  versionName,
  versionOfText,
} from "./versioning/version-override.ts";
export {
  isSameVersion,
  noRouting,
  type RoutedQueue,
  type Routing,
  type TaskVersioning,
} from "./versioning/versioning.ts";
export * from "./vocabulary.ts";
export { workflowClosing } from "./workflow-task/workflow-task.ts";
