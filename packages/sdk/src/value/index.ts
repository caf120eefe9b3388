/** `@pawl/sdk/common`: what workflow code, activities, clients and workers share. */

export type { ActivityCancellationDetails } from "./cancellation-details.ts";
export { InitialVersioningBehavior, SuggestContinueAsNewReason } from "./continue-as-new.ts";
export {
  type DataConverter,
  defaultDataConverter,
  type LoadedDataConverter,
  type PayloadCodec,
} from "./data-converter.ts";
export * from "./duration.ts";
export {
  CompleteAsyncError,
  ExternalStorageNotConfiguredError,
  errorMessage,
  IllegalStateError,
  NamespaceNotFoundError,
  PayloadConverterError,
  ValueError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from "./errors.ts";
export {
  ExternalStorage,
  type ExternalStorageOptions,
  type StorageDriver,
  type StorageDriverActivityInfo,
  StorageDriverClaim,
  type StorageDriverRetrieveContext,
  type StorageDriverSelectContext,
  type StorageDriverSelector,
  type StorageDriverStoreContext,
  type StorageDriverTargetInfo,
  type StorageDriverWorkflowInfo,
} from "./external-storage.ts";
export * from "./failure.ts";
export {
  cutoffStackTrace,
  type DefaultEncodedFailureAttributes,
  DefaultFailureConverter,
  type DefaultFailureConverterOptions,
  decodeRetryState,
  defaultFailureConverter,
  encodeRetryState,
  FAILURE_SOURCE,
  type FailureConverter,
} from "./failure-converter.ts";
export type { Headers, Next } from "./interceptors.ts";
export type { LogFields as LogMetadata } from "./logger.ts";
export * from "./logger.ts";
export {
  type Metric,
  type MetricCounter,
  type MetricGauge,
  type MetricHistogram,
  type MetricKind,
  type MetricMeter,
  type MetricTags,
  type MetricUpDownCounter,
  type NumericMetricValueType,
  noopMetricMeter,
} from "./metrics.ts";
export * from "./options.ts";
export * from "./payload.ts";
export * from "./payload-converter.ts";
export * from "./protobuf-converter.ts";
export { type CompiledRetryPolicy, compileRetryPolicy, type RetryPolicy } from "./retry-policy.ts";
export {
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  defineSearchAttributeKey,
  encodeSearchAttributes,
  type SearchAttributeKey,
  type SearchAttributePair,
  type SearchAttributes,
  SearchAttributeType,
  type SearchAttributeUpdatePair,
  type SearchAttributeValue,
  TypedSearchAttributes,
} from "./search-attributes.ts";
export * from "./timestamp.ts";
export {
  type AutoUpgradeVersioningOverride,
  type PinnedVersioningOverride,
  toCanonicalString,
  VersioningBehavior,
  type VersioningOverride,
  type WorkerDeploymentVersion,
} from "./worker-deployments.ts";
