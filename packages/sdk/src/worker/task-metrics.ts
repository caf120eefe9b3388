/** What is counted and timed of one workflow task. */
import { enums } from "@pawl/protocol";
import type { CounterName, SdkMetrics, TimeName } from "../telemetry/sdk-metrics.ts";
import type { MetricTags } from "../value/metrics.ts";

export interface TaskMetrics {
  count(name: CounterName): void;
  time(name: TimeName, durationMs: number): void;
  /** The task's last command, if it ends the run; and when the run began. */
  countEnd(last: number | undefined, runStartedAtMs: number): void;
}

const { CommandType } = enums;
const ends: ReadonlyMap<number, CounterName> = new Map([
  [CommandType.COMPLETE_WORKFLOW_EXECUTION, "workflow_completed"],
  [CommandType.FAIL_WORKFLOW_EXECUTION, "workflow_failed"],
  [CommandType.CANCEL_WORKFLOW_EXECUTION, "workflow_canceled"],
  [CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, "workflow_continue_as_new"],
]);

export function taskMetrics(metrics: SdkMetrics, tags: MetricTags): TaskMetrics {
  return {
    count: (name) => metrics.count(name, tags),
    time: (name, durationMs) => metrics.time(name, durationMs, tags),
    countEnd: (last, runStartedAtMs) => {
      const end = last === undefined ? undefined : ends.get(last);
      if (end === undefined) return;
      metrics.count(end, tags);
      metrics.time("workflow_endtoend_latency", Date.now() - runStartedAtMs, tags);
    },
  };
}
