/** What commits say of the server's work, under the names that dashboards of Temporal servers know. Labels are few, so that no user makes more of them. */
import { enums } from "@pawl/protocol";
import type { Write } from "@pawl/store";
import type { Metrics } from "../metrics.ts";

export interface Committed {
  readonly commands: number;
  /** How often a run's state changed. */
  readonly transitions: number;
  readonly writes: readonly Write[];
  readonly seconds: number;
}

const { WorkflowExecutionStatus: Status } = enums;
const endings: readonly (readonly [status: number, name: string, what: string])[] = [
  [Status.COMPLETED, "workflow_success", "completed"],
  [Status.FAILED, "workflow_failed", "failed"],
  [Status.CANCELED, "workflow_cancel", "were canceled"],
  [Status.TERMINATED, "workflow_terminate", "were terminated"],
  [Status.TIMED_OUT, "workflow_timeout", "timed out"],
  [Status.CONTINUED_AS_NEW, "workflow_continued_as_new", "continued as new"],
];

const eventBuckets = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000];
const byteBuckets = [1e3, 1e4, 1e5, 1e6, 4e6, 1e7, 5e7];
/** Runs may take days. */
const lifeBuckets = [0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800];

/** Told of each commit after it. */
export function commitMetrics(metrics: Metrics): (committed: Committed) => void {
  const commits = metrics.counter("shard_commits", "Commits of shards; one holds many commands.");
  const commands = metrics.counter("shard_commands", "Commands in those commits.");
  const rows = metrics.counter("shard_writes", "Rows written by those commits.");
  const latency = metrics.histogram("persistence_latency", "Seconds that a commit took, its sync included.");
  const transitions = metrics.counter("state_transition_count", "Changes of the state of a run that were committed.");
  const ended = new Map(
    endings.map(([status, name, what]) => [status, metrics.counter(name, `Runs of workflows that ${what}.`)]),
  );
  const events = metrics.histogram("history_count", "Events of a workflow's run when it closed.", {}, eventBuckets);
  const bytes = metrics.histogram("history_size", "Bytes of them.", {}, byteBuckets);
  const life = metrics.histogram("workflow_schedule_to_close_latency", "Seconds a run was open.", {}, lifeBuckets);
  return (committed) => {
    commits.add();
    commands.add(committed.commands);
    transitions.add(committed.transitions);
    rows.add(committed.writes.length);
    latency.observe(committed.seconds);
    for (const write of committed.writes) {
      if (write.table !== "visibility" || write.kind !== "workflow" || write.closeTimeMs === null) continue;
      ended.get(write.status)?.add();
      events.observe(write.historyLength ?? 0);
      bytes.observe(write.historySizeBytes ?? 0);
      life.observe((write.executionDurationMs ?? 0) / 1_000);
    }
  };
}
