/** What a run has from outside of itself: the user's code, and a worker that hears from it. */
import type { LogFields, LogLevel } from "../../value/logger.ts";
import type { Metric, MetricTags } from "../../value/metrics.ts";
import type { WorkflowInfo } from "./workflow-info.ts";

/** What a bundle holds; each part is evaluated when it is asked for. */
export interface UserCode {
  workflows(): Record<string, unknown>;
  payloadConverter(): unknown;
  failureConverter(): unknown;
  interceptors(): { path: string; exports: Record<string, unknown> }[];
}

/** What the worker lends to a run. */
export interface RunHost {
  log(level: LogLevel, message: string, fields: LogFields | undefined): void;
  metric(metric: Metric, value: number, tags: MetricTags): void;
  sink(call: SinkCall, isReplaying: boolean): void;
  now(): number;
  /** Whether a patch that this run is the first to meet is to be active. */
  activatesPatch(info: WorkflowInfo, patchId: string): boolean;
  /** Names of errors that fail the workflow and not its task. */
  readonly failureTypes: readonly string[];
  /** Commands say where they were given: slow, for the explanation of an error alone. */
  readonly isTraced: boolean;
  /** Evaluates the user's bundle anew. */
  load(): UserCode;
}

/** A call of a sink on its way to the worker. */
export interface SinkCall {
  readonly ifaceName: string;
  readonly fnName: string;
  readonly args: unknown[];
  readonly workflowInfo: WorkflowInfo;
}
