/** `@pawl/sdk/worker`: runs workflows and activities. */
export {
  Connection as NativeConnection,
  type ConnectionOptions as NativeConnectionOptions,
} from "../client/connection.ts";
export { Nondeterminism as DeterminismViolationError } from "../replay/nondeterminism.ts";
export { DefaultLogger, type Logger, type LogLevel } from "../value/logger.ts";
export { type BundleOptions, bundleWorkflowCode, type WorkflowBundle } from "./bundle.ts";
export type { HistoryToReplay, ReplayResult, ReplayWorkerOptions } from "./replayer.ts";
export { GracefulShutdownPeriodExpiredError, type State, Worker } from "./worker.ts";
export type { CompiledWorkerOptions, WorkerOptions } from "./worker-options.ts";
