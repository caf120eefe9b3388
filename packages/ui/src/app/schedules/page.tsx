/** One schedule: when it acts, what it has started, and what can be done to it. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { scheduleRoute } from "../addresses.ts";
import { describeSchedule, type ScheduleAction, type ScheduleDescription } from "../api/schedules.ts";
import { Fact } from "../parts/fact.tsx";
import { MessageView } from "../parts/json/payload-view.tsx";
import { MissingSchedule } from "../parts/missing.tsx";
import { Moment } from "../parts/moment.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { Title } from "../parts/title.tsx";
import { ScheduleActions } from "./actions.tsx";
import { ScheduleState } from "./list-page.tsx";
import { Strip } from "./strip.tsx";

const refreshMs = 2_000;
const nextShownMax = 5;

export function SchedulePage() {
  const address = scheduleRoute.useParams();
  const { namespace, scheduleId } = address;
  const description = useQuery({
    queryKey: ["schedule", namespace, scheduleId],
    queryFn: ({ signal }) => describeSchedule(address, signal),
    refetchInterval: refreshMs,
  });
  useEffect(() => {
    document.title = `${scheduleId} · Pawl`;
  }, [scheduleId]);
  if (!description.data)
    return (
      <div className="page">
        {description.error ? (
          <Problem
            error={description.error}
            onRetry={description.refetch}
            missing={<MissingSchedule scheduleId={scheduleId} />}
          />
        ) : (
          <Loading what={scheduleId} />
        )}
      </div>
    );
  const { schedule, info = {} } = description.data;
  const isPaused = schedule.state?.paused === true;
  return (
    <div className="page">
      {description.error && <Stale />}
      <section aria-label="Summary">
        <Title
          list={
            <Link to="/namespaces/$namespace/schedules" params={{ namespace }}>
              Schedules
            </Link>
          }
          name={scheduleId}
        >
          <ScheduleState isPaused={isPaused} />
          <ScheduleActions address={address} isPaused={isPaused} />
        </Title>
        {schedule.state?.notes && <p className="why mood-fine">{schedule.state.notes}</p>}
        <Counts info={info} />
      </section>
      <Strip address={address} isPaused={isPaused} />
      <div className="pair">
        <Next times={isPaused ? [] : (info.futureActionTimes ?? [])} />
        <Recent actions={info.recentActions ?? []} namespace={namespace} />
      </div>
      <section aria-labelledby="definition-title">
        <h2 id="definition-title">Definition</h2>
        <MessageView message={schedule} label="definition" />
      </section>
    </div>
  );
}

function Counts({ info }: { readonly info: NonNullable<ScheduleDescription["info"]> }) {
  return (
    <dl className="facts">
      <Fact name="Started so far">{info.actionCount ?? 0}</Fact>
      <Fact name="Running now">{info.runningWorkflows?.length ?? 0}</Fact>
      <Fact name="Skipped because one was running">{info.overlapSkipped ?? 0}</Fact>
      <Fact name="Missed while the server was away">{info.missedCatchupWindow ?? 0}</Fact>
    </dl>
  );
}

function Next({ times }: { readonly times: readonly string[] }) {
  return (
    <section aria-labelledby="next-title">
      <h2 id="next-title">Next</h2>
      {times.length === 0 && <p className="faint">It does not act any more, unless somebody says so.</p>}
      <ol className="relatives">
        {times.slice(0, nextShownMax).map((time) => (
          <li key={time}>
            {new Date(time).toLocaleString()}, <Moment at={time} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Recent({ actions, namespace }: { readonly actions: readonly ScheduleAction[]; readonly namespace: string }) {
  return (
    <section aria-labelledby="recent-title">
      <h2 id="recent-title">Recent</h2>
      {actions.length === 0 && <p className="faint">It has not acted yet.</p>}
      <ul className="relatives">
        {actions.toReversed().map(({ startWorkflowResult: started, actualTime }) => (
          <li key={started?.runId ?? actualTime}>
            <Moment at={actualTime} />{" "}
            {started && (
              <Link
                to="/namespaces/$namespace/workflows/$workflowId/$runId"
                params={{ namespace, ...started }}
                className="breakable"
              >
                {started.workflowId}
              </Link>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
