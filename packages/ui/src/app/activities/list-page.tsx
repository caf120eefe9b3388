/** Standalone activities: jobs that belong to no workflow. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { activitiesRoute } from "../addresses.ts";
import { type ListedActivity, listActivities } from "../api/activities.ts";
import { spanText } from "../history/timeline.ts";
import { FilterForm } from "../parts/form/filter-form.tsx";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import type { Column } from "../parts/table.tsx";
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
        keyOf={({ runId }) => runId}
        columns={columns}
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

function tookMs({ scheduleTime, closeTime }: ListedActivity): number | undefined {
  const ms = Date.parse(closeTime ?? "") - Date.parse(scheduleTime ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

const columns: readonly Column<ListedActivity>[] = [
  { title: "Status", cell: ({ status }) => <StatusBadge status={status} />, value: ({ status }) => status },
  {
    title: "Activity",
    cell: ({ activityId, runId }) => (
      <Link
        from={activitiesRoute.id}
        to="/namespaces/$namespace/activities/$activityId/$runId"
        params={({ namespace }) => ({ namespace, activityId, runId })}
        data-shortcut="row"
      >
        {activityId}
      </Link>
    ),
    value: ({ activityId }) => activityId,
    look: "breakable",
  },
  {
    title: "Type",
    cell: ({ activityType }) => activityType?.name,
    value: ({ activityType }) => activityType?.name,
    look: "breakable",
  },
  {
    title: "Task queue",
    cell: ({ taskQueue = "" }) => (
      <Link
        from={activitiesRoute.id}
        to="/namespaces/$namespace/task-queues/$taskQueue"
        params={({ namespace }) => ({ namespace, taskQueue })}
      >
        {taskQueue}
      </Link>
    ),
    value: ({ taskQueue }) => taskQueue,
    look: "breakable",
  },
  {
    title: "Scheduled",
    cell: ({ scheduleTime }) => <Moment at={scheduleTime} />,
    value: ({ scheduleTime }) => scheduleTime,
  },
  {
    title: "Took",
    cell: (row) => {
      const ms = tookMs(row);
      return ms === undefined ? <span className="faint">–</span> : spanText(ms);
    },
    value: tookMs,
  },
];
