/** All schedules of a namespace: what they start, and when next. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { schedulesRoute } from "../addresses.ts";
import { type ListedSchedule, listSchedules } from "../api/schedules.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";

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
  return (
    <ListPage
      title="Schedules"
      actions={
        <Link className="button" to="/namespaces/$namespace/schedules/create" params={{ namespace }}>
          Create a schedule
        </Link>
      }
      list={list}
      rows={list.data?.schedules ?? []}
      keyOf={({ scheduleId }) => scheduleId}
      columns={columns}
      empty={
        <Empty title="No schedules">
          <p>A schedule starts a workflow at the times that it is told, by cron expression, interval or calendar.</p>
        </Empty>
      }
      after={after}
      next={list.data?.nextPageToken}
    />
  );
}

const lastOf = ({ info }: ListedSchedule) => info?.recentActions?.at(-1)?.actualTime;
const nextOf = ({ info }: ListedSchedule) => (info?.paused ? undefined : info?.futureActionTimes?.[0]);

const columns: readonly Column<ListedSchedule>[] = [
  {
    title: "State",
    cell: ({ info }) => <ScheduleState isPaused={info?.paused === true} />,
    value: ({ info }) => (info?.paused ? "Paused" : "Active"),
  },
  {
    title: "Schedule",
    cell: ({ scheduleId }) => (
      <Link
        from={schedulesRoute.id}
        to="/namespaces/$namespace/schedules/$scheduleId"
        params={({ namespace }) => ({ namespace, scheduleId })}
        data-shortcut="row"
      >
        {scheduleId}
      </Link>
    ),
    value: ({ scheduleId }) => scheduleId,
    look: "breakable",
  },
  {
    title: "Starts",
    cell: ({ info }) => info?.workflowType?.name,
    value: ({ info }) => info?.workflowType?.name,
    look: "breakable",
  },
  { title: "Last", cell: (row) => <Moment at={lastOf(row)} />, value: lastOf },
  { title: "Next", cell: (row) => <Moment at={nextOf(row)} />, value: nextOf },
];

export function ScheduleState({ isPaused }: { readonly isPaused: boolean }) {
  return <span className={`badge status-${isPaused ? "Paused" : "Running"}`}>{isPaused ? "Paused" : "Active"}</span>;
}
