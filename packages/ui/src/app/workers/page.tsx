/** The workers that say how they are: where they run, what they take, how busy they are. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { workersRoute } from "../addresses.ts";
import { listWorkers, type Slots, type WorkerHeartbeat } from "../api/workers.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";

const refreshMs = 3_000;
const columns = [
  "State",
  "Worker",
  "Task queue",
  "SDK",
  "Version",
  "Workflow tasks",
  "Activities",
  "Started",
  "Last heard of",
];

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
      columns={columns}
      row={({ workerHeartbeat: worker }) => <Row key={worker.workerInstanceKey} worker={worker} />}
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

function Row({ worker }: { readonly worker: WorkerHeartbeat }) {
  const { namespace } = workersRoute.useParams();
  const taskQueue = worker.taskQueue ?? "";
  return (
    <tr>
      <td>
        <WorkerState status={worker.status} />
      </td>
      <td className="breakable">
        <Link
          to="/namespaces/$namespace/workers/$workerKey"
          params={{ namespace, workerKey: worker.workerInstanceKey }}
        >
          {worker.workerIdentity}
        </Link>
      </td>
      <td className="breakable">
        <Link to="/namespaces/$namespace/task-queues/$taskQueue" params={{ namespace, taskQueue }}>
          {taskQueue}
        </Link>
      </td>
      <td className="breakable">
        {worker.sdkName} {worker.sdkVersion}
      </td>
      <td className="breakable">{worker.deploymentVersion?.buildId ?? <span className="faint">–</span>}</td>
      <td>
        <Busy slots={worker.workflowTaskSlotsInfo} />
      </td>
      <td>
        <Busy slots={worker.activityTaskSlotsInfo} />
      </td>
      <td>
        <Moment at={worker.startTime} />
      </td>
      <td>
        <Moment at={worker.heartbeatTime} />
      </td>
    </tr>
  );
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
