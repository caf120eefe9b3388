/** How a worker fares at this moment, for whoever asks it. */
import type { ActivityRunner } from "./activity/activity-runner.ts";
import type { PollerType, Polling } from "./poll/polling.ts";
import type { RunCache } from "./run/run-cache.ts";
import type { WorkerSlots } from "./slot/tuner.ts";

/** `STOPPING`: takes no new tasks; `STOPPED` and `FAILED`: `run()` has returned or thrown. */
export type State = "INITIALIZED" | "RUNNING" | "STOPPING" | "STOPPED" | "FAILED";
/** `FAILED`: the worker has, and `run()` has thrown. */
export type PollerState = "POLLING" | "SHUTDOWN" | "FAILED";

/** How a worker fares now. */
export interface WorkerStatus {
  readonly runState: State;
  readonly workflowPollerState: PollerState;
  readonly activityPollerState: PollerState;
  readonly hasOutstandingWorkflowPoll: boolean;
  readonly hasOutstandingActivityPoll: boolean;
  readonly numInFlightWorkflowActivations: number;
  /** Of both kinds. */
  readonly numInFlightActivities: number;
  readonly numInFlightNonLocalActivities: number;
  readonly numInFlightLocalActivities: number;
  readonly numCachedWorkflows: number;
  /** Activities that run and have sent a heartbeat. */
  readonly numHeartbeatingActivities: number;
}

export interface StatusParts {
  readonly state: State;
  readonly slots: WorkerSlots;
  readonly polling: Polling;
  readonly activities: ActivityRunner;
  readonly cache: RunCache | undefined;
}

const workflowPolls: readonly PollerType[] = ["workflow_task", "sticky_workflow_task"];
const activityPolls: readonly PollerType[] = ["activity_task"];

export function workerStatus({ state, slots, polling, activities, cache }: StatusParts): WorkerStatus {
  const polls = (types: readonly PollerType[]) =>
    polling.state.filter(({ type }) => types.includes(type)).reduce((sum, each) => sum + each.polling, 0);
  // A slot that a poll holds for what may come is not in use.
  const inFlight = (taken: number, types: readonly PollerType[]) => Math.max(0, taken - polls(types));
  const remote = inFlight(slots.activity.taken, activityPolls);
  const local = slots.localActivity.taken;
  return {
    runState: state,
    workflowPollerState: pollerStates[state],
    activityPollerState: pollerStates[state],
    hasOutstandingWorkflowPoll: polls(workflowPolls) > 0,
    hasOutstandingActivityPoll: polls(activityPolls) > 0,
    numInFlightWorkflowActivations: inFlight(slots.workflow.taken, workflowPolls),
    numInFlightActivities: remote + local,
    numInFlightNonLocalActivities: remote,
    numInFlightLocalActivities: local,
    numCachedWorkflows: cache?.size ?? 0,
    numHeartbeatingActivities: activities.heartbeating,
  };
}

/** Pollers fail and end with their worker, never alone. */
const pollerStates: Readonly<Record<State, PollerState>> = {
  INITIALIZED: "SHUTDOWN",
  RUNNING: "POLLING",
  STOPPING: "SHUTDOWN",
  STOPPED: "SHUTDOWN",
  FAILED: "FAILED",
};
