/** The workers that say how they are: where they run, what they take, how busy they are. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { workersRoute } from "../addresses.ts";
import { type ListedWorker, listWorkers, type Slots } from "../api/workers.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";

const refreshMs = 3_000;

export function WorkersPage() {
  const { namespace } = workersRoute.useParams();
  const { after } = workersRoute.useSearch();
  const list = useQuery({
    queryKey: ["workers", namespace, after],
    queryFn: ({ signal }) => listWorkers(namespace, after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <ListPage
      title="Workers"
      list={list}
      rows={list.data?.workersInfo ?? []}
      keyOf={({ workerHeartbeat }) => workerHeartbeat.workerInstanceKey}
      columns={columns}
      empty={
        <Empty title="No worker has said how it is">
          <p>Workers whose SDK sends no heartbeats are seen on the pages of their task queues only.</p>
        </Empty>
      }
      after={after}
      next={list.data?.nextPageToken}
    />
  );
}

const states: Readonly<Record<string, { readonly label: string; readonly look: string }>> = {
  WORKER_STATUS_RUNNING: { label: "Running", look: "Running" },
  WORKER_STATUS_SHUTTING_DOWN: { label: "Stopping", look: "TimedOut" },
  WORKER_STATUS_SHUTDOWN: { label: "Stopped", look: "Canceled" },
};

export function WorkerState({ status = "" }: { readonly status: string | undefined }) {
  const { label, look } = states[status] ?? { label: "Unknown", look: "Canceled" };
  return <span className={`badge status-${look}`}>{label}</span>;
}

const columns: readonly Column<ListedWorker>[] = [
  {
    title: "State",
    cell: ({ workerHeartbeat: { status } }) => <WorkerState status={status} />,
    value: ({ workerHeartbeat: { status } }) => status,
  },
  {
    title: "Worker",
    cell: ({ workerHeartbeat: { workerIdentity, workerInstanceKey: workerKey } }) => (
      <Link
        from={workersRoute.id}
        to="/namespaces/$namespace/workers/$workerKey"
        params={({ namespace }) => ({ namespace, workerKey })}
        data-shortcut="row"
      >
        {workerIdentity}
      </Link>
    ),
    value: ({ workerHeartbeat }) => workerHeartbeat.workerIdentity,
    look: "breakable",
  },
  {
    title: "Task queue",
    cell: ({ workerHeartbeat: { taskQueue = "" } }) => (
      <Link
        from={workersRoute.id}
        to="/namespaces/$namespace/task-queues/$taskQueue"
        params={({ namespace }) => ({ namespace, taskQueue })}
      >
        {taskQueue}
      </Link>
    ),
    value: ({ workerHeartbeat }) => workerHeartbeat.taskQueue,
    look: "breakable",
  },
  { title: "SDK", cell: sdkText, value: sdkText, look: "breakable" },
  {
    title: "Version",
    cell: (worker) => buildIdOf(worker) ?? <span className="faint">–</span>,
    value: buildIdOf,
    look: "breakable",
  },
  {
    title: "Workflow tasks",
    cell: ({ workerHeartbeat }) => <Busy slots={workerHeartbeat.workflowTaskSlotsInfo} />,
    value: ({ workerHeartbeat }) => workerHeartbeat.workflowTaskSlotsInfo?.currentUsedSlots,
  },
  {
    title: "Activities",
    cell: ({ workerHeartbeat }) => <Busy slots={workerHeartbeat.activityTaskSlotsInfo} />,
    value: ({ workerHeartbeat }) => workerHeartbeat.activityTaskSlotsInfo?.currentUsedSlots,
  },
  {
    title: "Started",
    cell: ({ workerHeartbeat }) => <Moment at={workerHeartbeat.startTime} />,
    value: ({ workerHeartbeat }) => workerHeartbeat.startTime,
  },
  {
    title: "Last heard of",
    cell: ({ workerHeartbeat }) => <Moment at={workerHeartbeat.heartbeatTime} />,
    value: ({ workerHeartbeat }) => workerHeartbeat.heartbeatTime,
  },
];

function sdkText({ workerHeartbeat: { sdkName = "", sdkVersion = "" } }: ListedWorker): string {
  return `${sdkName} ${sdkVersion}`;
}

function buildIdOf({ workerHeartbeat }: ListedWorker): string | undefined {
  return workerHeartbeat.deploymentVersion?.buildId;
}

/** Of its slots, how many are taken; polls that wait for a task take one too. */
function Busy({ slots }: { readonly slots: Slots | undefined }) {
  if (!slots) return <span className="faint">–</span>;
  const used = slots.currentUsedSlots ?? 0;
  return (
    <>
      {used} of {used + (slots.currentAvailableSlots ?? 0)} slots
    </>
  );
}
