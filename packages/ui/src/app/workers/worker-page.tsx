/** One worker, as it last said how it is. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { workerRoute } from "../addresses.ts";
import { describeWorker, type Slots, type WorkerHeartbeat } from "../api/workers.ts";
import { Fact } from "../parts/fact.tsx";
import { JsonView } from "../parts/json/json-view.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { MissingWorker } from "../parts/missing.tsx";
import { Moment } from "../parts/moment.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Title } from "../parts/title.tsx";
import { WorkerState } from "./page.tsx";

const refreshMs = 2_000;

export function WorkerPage() {
  const { namespace, workerKey } = workerRoute.useParams();
  const worker = useQuery({
    queryKey: ["worker", namespace, workerKey],
    queryFn: ({ signal }) => describeWorker(namespace, workerKey, signal),
    refetchInterval: refreshMs,
  });
  const heartbeat = worker.data?.workerInfo.workerHeartbeat;
  useTitle(heartbeat?.workerIdentity ?? "Worker");
  if (!heartbeat)
    return (
      <div className="page">
        {worker.error ? (
          <Problem error={worker.error} onRetry={worker.refetch} missing={<MissingWorker workerKey={workerKey} />} />
        ) : (
          <Loading what="the worker" />
        )}
      </div>
    );
  return (
    <div className="page">
      {worker.error && <Stale />}
      <Summary worker={heartbeat} namespace={namespace} />
      <SlotsTable worker={heartbeat} />
      <details className="panel">
        <summary>All that it said</summary>
        <JsonView value={heartbeat} label="heartbeat" />
      </details>
    </div>
  );
}

function Summary({ worker, namespace }: { readonly worker: WorkerHeartbeat; readonly namespace: string }) {
  const { deploymentVersion: version, hostInfo = {}, taskQueue = "" } = worker;
  const hits = worker.totalStickyCacheHit ?? 0;
  const lookups = hits + (worker.totalStickyCacheMiss ?? 0);
  return (
    <section aria-label="Summary">
      <Title
        list={
          <Link to="/namespaces/$namespace/workers" params={{ namespace }}>
            Workers
          </Link>
        }
        name={worker.workerIdentity}
      >
        <WorkerState status={worker.status} />
      </Title>
      <dl className="facts">
        <Fact name="Task queue">
          <Link to="/namespaces/$namespace/task-queues/$taskQueue" params={{ namespace, taskQueue }}>
            {taskQueue}
          </Link>
        </Fact>
        {version && (
          <Fact name="Version">
            <Link
              to="/namespaces/$namespace/deployments/$deployment"
              params={{ namespace, deployment: version.deploymentName }}
            >
              {version.deploymentName}
            </Link>{" "}
            {version.buildId}
          </Fact>
        )}
        <Fact name="SDK">
          {worker.sdkName} {worker.sdkVersion}
        </Fact>
        <Fact name="Host">
          {hostInfo.hostName} <span className="faint">process {hostInfo.processId}</span>
        </Fact>
        <Fact name="Processor of the host">{percent(hostInfo.currentHostCpuUsage)}</Fact>
        <Fact name="Memory of the host">{percent(hostInfo.currentHostMemUsage)}</Fact>
        <Fact name="Cached workflows">{worker.currentStickyCacheSize ?? 0}</Fact>
        <Fact name="Found in the cache">{lookups === 0 ? "–" : `${percent(hits / lookups)} of ${lookups}`}</Fact>
        <Fact name="Started">
          <Moment at={worker.startTime} />
        </Fact>
        <Fact name="Last heard of">
          <Moment at={worker.heartbeatTime} />
        </Fact>
      </dl>
    </section>
  );
}

function percent(share = 0): string {
  return `${(share * 100).toLocaleString(undefined, { maximumFractionDigits: 0 })} %`;
}

type KnownSlots = readonly [name: string, slots: Slots];

const slotColumns: readonly Column<KnownSlots>[] = [
  { title: "For", cell: ([name]) => name },
  { title: "Taken", cell: ([, slots]) => slots.currentUsedSlots ?? 0 },
  { title: "Free", cell: ([, slots]) => slots.currentAvailableSlots ?? 0 },
  { title: "Given by", cell: ([, slots]) => slots.slotSupplierKind ?? "–" },
  { title: "Done so far", cell: ([, slots]) => (slots.totalProcessedTasks ?? 0).toLocaleString() },
  { title: "Failed so far", cell: ([, slots]) => (slots.totalFailedTasks ?? 0).toLocaleString() },
];

function SlotsTable({ worker }: { readonly worker: WorkerHeartbeat }) {
  const kinds: readonly (readonly [string, Slots | undefined])[] = [
    ["Workflow tasks", worker.workflowTaskSlotsInfo],
    ["Activities", worker.activityTaskSlotsInfo],
    ["Local activities", worker.localActivitySlotsInfo],
    ["Nexus requests", worker.nexusTaskSlotsInfo],
  ];
  const known = kinds.filter((kind): kind is KnownSlots => kind[1] !== undefined);
  return (
    <section aria-labelledby="slots-title">
      <h2 id="slots-title">Slots</h2>
      {known.length === 0 && <p className="faint">It says nothing of them.</p>}
      {known.length > 0 && <Table columns={slotColumns} rows={known} keyOf={([name]) => name} />}
    </section>
  );
}
