/** One pending activity among those of many executions. */
import { Link } from "@tanstack/react-router";
import type { FoundActivity } from "../api/activities.ts";
import { failureText } from "../api/failure.ts";
import { spanText } from "../history/timeline.ts";
import { Moment } from "../parts/moment.tsx";
import { ActivityAnswer } from "../workflow/activity-answer.tsx";
import { progressOf } from "../workflow/progress.ts";

interface FoundProps {
  readonly namespace: string;
  readonly found: FoundActivity;
  readonly nowMs: number;
}

export function FoundCard({ namespace, found, nowMs }: FoundProps) {
  const { workflowId, runId, activity } = found;
  const { attempt = 1, maximumAttempts = 0, lastFailure, lastStartedTime } = activity;
  const progress = progressOf(activity.heartbeatDetails);
  const isHeld = lastStartedTime !== undefined && /_(STARTED|CANCEL_REQUESTED|PAUSE_REQUESTED)$/.test(activity.state);
  return (
    <li className={`card ${attempt > 1 ? "retrying" : ""}`}>
      <div className="card-title">
        <b className="breakable">{activity.activityType.name}</b>
        <span className="faint breakable">id {activity.activityId}</span>
        <span className="push">{stateText(found, nowMs)}</span>
      </div>
      <p className="breakable">
        {workflowId === "" ? (
          <>
            Standalone:{" "}
            <Link
              to="/namespaces/$namespace/activities/$activityId/$runId"
              params={{ namespace, activityId: activity.activityId, runId }}
              data-shortcut="row"
            >
              {activity.activityId}
            </Link>
          </>
        ) : (
          <>
            {found.workflowType}{" "}
            <Link
              to="/namespaces/$namespace/workflows/$workflowId/$runId"
              params={{ namespace, workflowId, runId }}
              data-shortcut="row"
            >
              {workflowId}
            </Link>
          </>
        )}
        <span className="faint"> on {found.taskQueue}</span>
      </p>
      <p>
        Attempt {attempt}
        {maximumAttempts > 0 && ` of ${maximumAttempts}`}
        {isHeld && (
          <>
            , begun <Moment at={lastStartedTime} />
          </>
        )}
        {activity.lastWorkerIdentity && <span className="faint breakable"> by {activity.lastWorkerIdentity}</span>}
      </p>
      {progress && (
        <div className="progress">
          <progress value={progress.share} max={1} aria-label={`Progress of ${activity.activityType.name}`} />
          <span>{progress.label}</span>
        </div>
      )}
      {lastFailure && <p className="refusal breakable">{failureText(lastFailure)}</p>}
      {isHeld && <ActivityAnswer address={{ namespace, workflowId, runId }} activity={activity} />}
    </li>
  );
}

function stateText({ activity: { state, paused, nextAttemptScheduleTime } }: FoundActivity, nowMs: number): string {
  if (paused) return "paused";
  if (state.endsWith("_CANCEL_REQUESTED")) return "asked to stop";
  if (state.endsWith("_STARTED")) return "begun";
  const untilMs = Date.parse(nextAttemptScheduleTime ?? "") - nowMs;
  return untilMs > 0 ? `next try in ${spanText(Math.ceil(untilMs / 1_000) * 1_000)}` : "waits for a worker";
}
