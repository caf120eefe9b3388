/** All schedules of a namespace: what they start, and when next. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { schedulesRoute } from "../addresses.ts";
import { type ListedSchedule, listSchedules } from "../api/schedules.ts";
import { Moment } from "../parts/moment.tsx";
import { Empty, Loading, Problem, Stale } from "../parts/notice.tsx";
import { Pager } from "../parts/pager.tsx";
import { Table } from "../parts/table.tsx";

const refreshMs = 3_000;

export function SchedulesPage() {
  const { namespace } = schedulesRoute.useParams();
  const { after } = schedulesRoute.useSearch();
  const list = useQuery({
    queryKey: ["schedules", namespace, after],
    queryFn: ({ signal }) => listSchedules(namespace, after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  useEffect(() => {
    document.title = `Schedules · ${namespace} · Pawl`;
  }, [namespace]);
  const rows = list.data?.schedules ?? [];
  return (
    <div className="page">
      <div className="title">
        <h1>Schedules</h1>
        <div className="actions">
          <Link className="button" to="/namespaces/$namespace/schedules/create" params={{ namespace }}>
            Create a schedule
          </Link>
        </div>
      </div>
      {list.data && list.error && <Stale />}
      {!list.data ? (
        list.error ? (
          <Problem error={list.error} onRetry={list.refetch} />
        ) : (
          <Loading what="schedules" />
        )
      ) : rows.length === 0 ? (
        <Empty title="No schedules">
          <p>A schedule starts a workflow at the times that it is told, by cron expression, interval or calendar.</p>
        </Empty>
      ) : (
        <ScheduleTable rows={rows} />
      )}
      <Pager after={after} next={list.data?.nextPageToken} />
    </div>
  );
}

function ScheduleTable({ rows }: { readonly rows: readonly ListedSchedule[] }) {
  const { namespace } = schedulesRoute.useParams();
  return (
    <Table columns={["State", "Schedule", "Starts", "Last", "Next"]}>
      {rows.map(({ scheduleId, info }) => (
        <tr key={scheduleId}>
          <td>
            <ScheduleState isPaused={info?.paused === true} />
          </td>
          <td className="breakable">
            <Link to="/namespaces/$namespace/schedules/$scheduleId" params={{ namespace, scheduleId }}>
              {scheduleId}
            </Link>
          </td>
          <td className="breakable">{info?.workflowType?.name}</td>
          <td>
            <Moment at={info?.recentActions?.at(-1)?.actualTime} />
          </td>
          <td>{info?.paused ? <span className="faint">–</span> : <Moment at={info?.futureActionTimes?.[0]} />}</td>
        </tr>
      ))}
    </Table>
  );
}

export function ScheduleState({ isPaused }: { readonly isPaused: boolean }) {
  return <span className={`badge status-${isPaused ? "Paused" : "Running"}`}>{isPaused ? "Paused" : "Active"}</span>;
}
