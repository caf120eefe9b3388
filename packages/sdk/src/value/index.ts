/** `@pawl/sdk/common`: what workflow code, activities, clients and workers share. */
export * from "./duration.ts";
export {
  IllegalStateError,
  NamespaceNotFoundError,
  PayloadConverterError,
  ValueError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from "./errors.ts";
export * from "./failure.ts";
export {
  cutoffStackTrace,
  decodeRetryState,
  defaultFailureConverter,
  encodeRetryState,
  FAILURE_SOURCE,
  type FailureConverter,
} from "./failure-converter.ts";
export * from "./logger.ts";
export * from "./options.ts";
export * from "./payload-converter.ts";
export { type CompiledRetryPolicy, compileRetryPolicy, type RetryPolicy } from "./retry-policy.ts";
export {
  decodeSearchAttributes,
  encodeSearchAttributes,
  type SearchAttributes,
  type SearchAttributeValue,
} from "./search-attributes.ts";
