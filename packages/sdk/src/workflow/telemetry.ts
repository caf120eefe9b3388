/** What a workflow says about itself to those who run it: log lines and numbers. Both once: not again when the run is replayed. */

import { composeInterceptors } from "../value/interceptors.ts";
import type { LogFields, LogLevel } from "../value/logger.ts";
import { type MetricMeter, type MetricTags, meterOf } from "../value/metrics.ts";
import { getRun } from "./run/current-run.ts";
import type { WorkflowInfo } from "./run/workflow-info.ts";

function write(level: LogLevel, message: string, fields?: LogFields): void {
  const run = getRun("log");
  const attributes = composeInterceptors(run.interceptors.outbound, "getLogAttributes", (input) => input);
  const said = run.interceptors.outbound.length > 0 ? attributes({}) : {};
  run.log(level, message, { ...said, ...fields });
}

/** Carries namespace, task queue, workflow id, run id and type with each message. Nothing is said while the run is replayed. */
export const log = {
  trace: (message: string, fields?: LogFields) => write("TRACE", message, fields),
  debug: (message: string, fields?: LogFields) => write("DEBUG", message, fields),
  info: (message: string, fields?: LogFields) => write("INFO", message, fields),
  warn: (message: string, fields?: LogFields) => write("WARN", message, fields),
  error: (message: string, fields?: LogFields) => write("ERROR", message, fields),
} as const;

/** Who speaks, in each line of a workflow's log. */
export function workflowLogAttributes(info: WorkflowInfo): Record<string, unknown> {
  const { namespace, taskQueue, workflowId, runId, workflowType } = info;
  return { namespace, taskQueue, workflowId, runId, workflowType };
}

function metricTags(): MetricTags {
  const { info, interceptors } = getRun("metricMeter");
  const { namespace, taskQueue, workflowType } = info;
  return composeInterceptors(
    interceptors.outbound,
    "getMetricTags",
    (tags) => tags,
  )({
    ...{ namespace, taskQueue, workflowType },
  });
}

/** Numbers go to the worker's runtime, tagged with namespace, task queue and workflow type. */
export const metricMeter: MetricMeter = meterOf((metric, value, tags) => {
  const run = getRun("metricMeter");
  if (!run.isReplaying) run.host.metric(metric, value, tags);
}, metricTags);
