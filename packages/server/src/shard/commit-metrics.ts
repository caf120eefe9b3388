/** What commits say of the server's work, under the names that dashboards of Temporal servers know. Labels are few, so that no user makes more of them. */
import type { Note } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import type { Write } from "@pawl/store";
import type { Metrics } from "../telemetry/metrics.ts";

export interface Committed {
  readonly commands: number;
  /** How often a run's state changed. */
  readonly transitions: number;
  readonly writes: readonly Write[];
  /** Of all its commands. */
  readonly notes: readonly Note[];
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

const noted: Readonly<Record<Note, readonly [name: string, help: string]>> = {
  activityCompleted: ["activity_success", "Activities that completed."],
  activityFailed: ["activity_fail", "Activities that failed for good."],
  activityCanceled: ["activity_cancel", "Activities that ended as canceled."],
  activityTimedOut: ["activity_timeout", "Activities that timed out for good."],
  activityAttemptFailed: ["activity_task_fail", "Attempts of activities that failed, whether or not others follow."],
  activityHeartbeat: ["activity_heartbeat_count", "Heartbeats of activities."],
  scheduleToStartTimeout: ["schedule_to_start_timeout", "Activities that no worker took in time."],
  scheduleToCloseTimeout: ["schedule_to_close_timeout", "Activities that did not end in the time for all attempts."],
  startToCloseTimeout: ["start_to_close_timeout", "Attempts of activities that took too long."],
  heartbeatTimeout: ["heartbeat_timeout", "Attempts of activities that were not heard of in time."],
  workflowTaskFailed: ["failed_workflow_tasks", "Workflow tasks that failed."],
  workflowTaskTimedOut: ["workflow_task_timeout", "Workflow tasks that a worker took and did not answer in time."],
};

const eventBuckets = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000];
const byteBuckets = [1e3, 1e4, 1e5, 1e6, 4e6, 1e7, 5e7];
/** Runs may take days. */
const lifeBuckets = [0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800];

/** Counts a commit that the store has not made. */
export function failedCommitMetrics(metrics: Metrics): () => void {
  const requests = metrics.counter("persistence_requests", "Commits that were asked of the store.");
  const errors = metrics.counter("persistence_errors", "Those of which the store has not said that they were made.");
  return () => {
    requests.add();
    errors.add();
  };
}

/** Told of each commit after it. */
export function commitMetrics(metrics: Metrics): (committed: Committed) => void {
  const commits = metrics.counter("shard_commits", "Commits of shards; one holds many commands.");
  const commands = metrics.counter("shard_commands", "Commands in those commits.");
  const rows = metrics.counter("shard_writes", "Rows written by those commits.");
  const requests = metrics.counter("persistence_requests", "Commits that were asked of the store.");
  const latency = metrics.histogram("persistence_latency", "Seconds that a commit took, its sync included.");
  const transitions = metrics.counter("state_transition_count", "Changes of the state of a run that were committed.");
  const ended = new Map(
    endings.map(([status, name, what]) => [status, metrics.counter(name, `Runs of workflows that ${what}.`)]),
  );
  const notes = new Map(Object.entries(noted).map(([note, [name, help]]) => [note, metrics.counter(name, help)]));
  const blobs = metrics.histogram(
    "event_blob_size",
    "Bytes of the events of a run that one commit wrote.",
    {},
    byteBuckets,
  );
  const events = metrics.histogram("history_count", "Events of a workflow's run when it closed.", {}, eventBuckets);
  const bytes = metrics.histogram("history_size", "Bytes of them.", {}, byteBuckets);
  const life = metrics.histogram("workflow_schedule_to_close_latency", "Seconds a run was open.", {}, lifeBuckets);
  return (committed) => {
    requests.add();
    commits.add();
    commands.add(committed.commands);
    transitions.add(committed.transitions);
    rows.add(committed.writes.length);
    latency.observe(committed.seconds);
    for (const note of committed.notes) notes.get(note)!.add();
    for (const write of committed.writes) {
      if (write.table === "history") blobs.observe(write.events.length);
      if (write.table !== "visibility" || write.kind !== "workflow" || write.closeTimeMs === null) continue;
      ended.get(write.status)?.add();
      events.observe(write.historyLength ?? 0);
      bytes.observe(write.historySizeBytes ?? 0);
      life.observe((write.executionDurationMs ?? 0) / 1_000);
    }
  };
}
