/** What the run's activities are doing: attempt, last failure, when they are tried again, how far they are. */
import { failureText } from "../api/failure.ts";
import type { PendingActivity, RunAddress } from "../api/workflows.ts";
import { spanText } from "../history/timeline.ts";
import { PayloadsView } from "../parts/json/payload-view.tsx";
import { Moment } from "../parts/moment.tsx";
import { ActivityAnswer } from "./activity-answer.tsx";
import { ActivitySteering } from "./activity-steering.tsx";
import { progressOf } from "./progress.ts";

/** Beyond this the list is cut, and says so. */
const shownMax = 100;

export function PendingActivities({
  activities,
  nowMs,
  address,
}: {
  readonly address: RunAddress;
  readonly activities: readonly PendingActivity[];
  readonly nowMs: number;
}) {
  if (activities.length === 0) return null;
  // Those in trouble first.
  const sorted = [...activities].sort((a, b) => (b.attempt ?? 1) - (a.attempt ?? 1));
  return (
    <section aria-labelledby="pending-title">
      <h2 id="pending-title">
        Pending activities <span className="faint">{activities.length}</span>
      </h2>
      <ul className="cards">
        {sorted.slice(0, shownMax).map((activity) => (
          <Card key={activity.activityId} activity={activity} nowMs={nowMs} address={address} />
        ))}
      </ul>
      {sorted.length > shownMax && <p className="faint">{sorted.length - shownMax} more are not shown.</p>}
    </section>
  );
}

interface CardProps {
  readonly activity: PendingActivity;
  readonly nowMs: number;
  readonly address: RunAddress;
}

function Card({ activity, nowMs, address }: CardProps) {
  const {
    activityType,
    activityId,
    attempt = 1,
    maximumAttempts = 0,
    lastFailure,
    heartbeatDetails,
    lastHeartbeatTime,
  } = activity;
  return (
    <li className={`card ${attempt > 1 ? "retrying" : ""}`}>
      <div className="card-title">
        <b className="breakable">{activityType.name}</b>
        <span className="faint breakable">id {activityId}</span>
        <span className="push">{stateText(activity, nowMs)}</span>
      </div>
      <p>
        Attempt {attempt}
        {maximumAttempts > 0 && ` of ${maximumAttempts}`}
        {activity.lastWorkerIdentity && <span className="faint breakable"> on {activity.lastWorkerIdentity}</span>}
      </p>
      <ProgressBar activity={activity} />
      {lastFailure && <p className="refusal breakable">{failureText(lastFailure)}</p>}
      {(heartbeatDetails?.length ?? 0) > 0 && (
        <details>
          <summary>
            Heartbeat details, <Moment at={lastHeartbeatTime} />
          </summary>
          <PayloadsView values={heartbeatDetails} label="heartbeat details" />
        </details>
      )}
      <div className="buttons">
        <ActivitySteering address={address} activity={activity} />
      </div>
      {activity.state.endsWith("_STARTED") && <ActivityAnswer address={address} activity={activity} />}
    </li>
  );
}

function ProgressBar({ activity }: { readonly activity: PendingActivity }) {
  const progress = progressOf(activity.heartbeatDetails);
  if (!progress) return null;
  return (
    <div className="progress">
      <progress value={progress.share} max={1} aria-label={`Progress of ${activity.activityType.name}`} />
      <span>{progress.label}</span>
    </div>
  );
}

function stateText(
  { state, nextAttemptScheduleTime, lastStartedTime, paused }: PendingActivity,
  nowMs: number,
): string {
  if (paused) return "paused";
  if (state.endsWith("CANCEL_REQUESTED")) return "asked to stop";
  if (state.endsWith("_STARTED")) return `running for ${seconds(nowMs - Date.parse(lastStartedTime ?? ""))}`;
  const untilMs = Date.parse(nextAttemptScheduleTime ?? "") - nowMs;
  return untilMs > 0 ? `next try in ${seconds(untilMs)}` : "waiting for a worker";
}

function seconds(ms: number): string {
  return Number.isNaN(ms) ? "some time" : spanText(Math.max(1, Math.ceil(ms / 1_000)) * 1_000);
}
