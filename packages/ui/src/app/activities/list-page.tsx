/** Standalone activities: jobs that belong to no workflow. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { activitiesRoute } from "../addresses.ts";
import { type ListedActivity, listActivities } from "../api/activities.ts";
import { spanText } from "../history/timeline.ts";
import { FilterForm } from "../parts/filter-form.tsx";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { quoted } from "../workflows/conditions.ts";
import { isQuery } from "../workflows/filter.ts";
import { StartActivityDialog } from "./start-dialog.tsx";

const refreshMs = 2_000;

export function ActivitiesPage() {
  const { namespace } = activitiesRoute.useParams();
  const { query: text = "", after } = activitiesRoute.useSearch();
  const [isStarting, setIsStarting] = useState(false);
  const query = queryOf(text);
  const list = useQuery({
    queryKey: ["activities", namespace, query, after],
    queryFn: ({ signal }) => listActivities(namespace, { query, after }, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <ListPage
        title="Activities"
        actions={
          <button type="button" onClick={() => setIsStarting(true)}>
            Start an activity
          </button>
        }
        intro={<Filter key={text} text={text} />}
        list={list}
        rows={list.data?.executions ?? []}
        columns={["Status", "Activity", "Type", "Task queue", "Scheduled", "Took"]}
        row={(row: ListedActivity) => <Row key={row.runId} row={row} />}
        empty={
          <Empty title={query === "" ? "No standalone activities" : "No activity matches"}>
            <p>
              A standalone activity is a job of its own, with the retries and timeouts of any activity. Those of
              workflows are under{" "}
              <Link to="/namespaces/$namespace/pending-activities" params={{ namespace }}>
                pending activities
              </Link>
              .
            </p>
          </Empty>
        }
        after={after}
        next={list.data?.nextPageToken}
      />
      {isStarting && <StartActivityDialog namespace={namespace} onClose={() => setIsStarting(false)} />}
    </>
  );
}

function queryOf(text: string): string {
  if (text === "" || isQuery(text)) return text;
  return `ActivityId STARTS_WITH ${quoted(text)} OR ActivityType STARTS_WITH ${quoted(text)}`;
}

function Filter({ text }: { readonly text: string }) {
  const navigate = activitiesRoute.useNavigate();
  const [typed, setTyped] = useState(text);
  return (
    <search>
      <FilterForm
        label="Filter activities"
        placeholder="Beginning of an id or type, or a query: ActivityType = 'SendMail' AND ExecutionStatus = 'Failed'"
        typed={typed}
        onType={setTyped}
        onApply={(query) => void navigate({ search: query === "" ? {} : { query } })}
      />
    </search>
  );
}

function Row({ row }: { readonly row: ListedActivity }) {
  const { namespace } = activitiesRoute.useParams();
  const { activityId, runId, activityType, status, taskQueue, scheduleTime, closeTime } = row;
  const tookMs = Date.parse(closeTime ?? "") - Date.parse(scheduleTime ?? "");
  return (
    <tr>
      <td>
        <StatusBadge status={status} />
      </td>
      <td className="breakable">
        <Link
          to="/namespaces/$namespace/activities/$activityId/$runId"
          params={{ namespace, activityId, runId }}
          data-shortcut="row"
        >
          {activityId}
        </Link>
      </td>
      <td className="breakable">{activityType?.name}</td>
      <td className="breakable">
        <Link to="/namespaces/$namespace/task-queues/$taskQueue" params={{ namespace, taskQueue: taskQueue ?? "" }}>
          {taskQueue}
        </Link>
      </td>
      <td>
        <Moment at={scheduleTime} />
      </td>
      <td>{Number.isNaN(tookMs) ? <span className="faint">–</span> : spanText(tookMs)}</td>
    </tr>
  );
}
