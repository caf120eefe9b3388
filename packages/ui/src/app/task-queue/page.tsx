/** One task queue: who asks it for work, and what waits in it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { taskQueueRoute } from "../addresses.ts";
import {
  describeQueue,
  type Poller,
  type QueueAddress,
  type QueueDescription,
  type QueueKind,
} from "../api/workers.ts";
import { spanText } from "../history/timeline.ts";
import { Fact } from "../parts/fact.tsx";
import { Moment } from "../parts/moment.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { useDialog } from "../parts/use-dialog.ts";
import { LimitsDialog } from "./limits-dialog.tsx";
import { perSecond } from "./list-page.tsx";

const refreshMs = 2_000;

const titles = {
  WORKFLOW: "Workflow tasks",
  ACTIVITY: "Activities",
  NEXUS: "Nexus requests",
} as const satisfies Record<QueueKind, string>;

export function TaskQueuePage() {
  const { namespace, taskQueue } = taskQueueRoute.useParams();
  useEffect(() => {
    document.title = `${taskQueue} · Pawl`;
  }, [taskQueue]);
  return (
    <div className="page">
      <section aria-label="Summary">
        <nav aria-label="Breadcrumb" className="crumbs">
          <Link to="/namespaces/$namespace/task-queues" params={{ namespace }}>
            Task queues
          </Link>
        </nav>
        <h1 className="breakable">{taskQueue}</h1>
        <p>
          <Link
            to="/namespaces/$namespace/workflows"
            params={{ namespace }}
            search={{ query: `TaskQueue = ${JSON.stringify(taskQueue)}` }}
          >
            Its workflows
          </Link>
        </p>
      </section>
      {(Object.keys(titles) as QueueKind[]).map((kind) => (
        <Part key={kind} kind={kind} title={titles[kind]} />
      ))}
    </div>
  );
}

function Part({ kind, title }: { readonly kind: QueueKind; readonly title: string }) {
  const { namespace, taskQueue } = taskQueueRoute.useParams();
  const queue = useQuery({
    queryKey: ["task-queue", namespace, taskQueue, kind],
    queryFn: ({ signal }) => describeQueue({ namespace, taskQueue, kind }, signal),
    refetchInterval: refreshMs,
  });
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {queue.data && queue.error && <Stale />}
      {queue.data ? (
        <Description queue={queue.data} address={{ namespace, taskQueue, kind }} />
      ) : queue.error ? (
        <Problem error={queue.error} onRetry={queue.refetch} />
      ) : (
        <Loading what={title.toLowerCase()} />
      )}
    </section>
  );
}

interface DescriptionProps {
  readonly queue: QueueDescription;
  readonly address: QueueAddress;
}

function Description({ queue, address }: DescriptionProps) {
  const { stats = {}, pollers = [] } = queue;
  const waiting = Number(stats.approximateBacklogCount ?? 0);
  const oldestMs = Number.parseFloat(stats.approximateBacklogAge ?? "0") * 1_000;
  return (
    <>
      {pollers.length === 0 && (
        <p className={`why mood-${waiting > 0 ? "stuck" : "waiting"}`}>
          {waiting > 0 ? "Tasks wait, and no worker asks for them." : "No worker asks for these tasks."}
        </p>
      )}
      <dl className="facts">
        <Fact name="Waiting">{waiting.toLocaleString()}</Fact>
        <Fact name="Oldest has waited">{waiting > 0 ? spanText(oldestMs) : "–"}</Fact>
        <Fact name="Added">{perSecond(stats.tasksAddRate)}</Fact>
        <Fact name="Taken">{perSecond(stats.tasksDispatchRate)}</Fact>
        <Limits queue={queue} address={address} />
      </dl>
      {pollers.length > 0 && <Table columns={pollerColumns} rows={pollers} keyOf={({ identity = "" }) => identity} />}
    </>
  );
}

const pollerColumns: readonly Column<Poller>[] = [
  { title: "Worker", cell: ({ identity }) => identity, look: "breakable" },
  { title: "Last asked", cell: ({ lastAccessTime }) => <Moment at={lastAccessTime} /> },
];

function Limits({ queue, address }: DescriptionProps) {
  const { namespace, taskQueue, kind } = address;
  const dialog = useDialog<"limits">(["task-queue", namespace, taskQueue, kind]);
  const { requestsPerSecond, rateLimitSource } = queue.effectiveRateLimit ?? {};
  const byWorker = rateLimitSource?.endsWith("_WORKER") ? ", as its workers ask for" : "";
  const perKey = queue.config?.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond;
  const reason = queue.config?.queueRateLimit?.metadata?.reason;
  const weights = Object.entries(queue.config?.fairnessWeightOverrides ?? {});
  return (
    <Fact name="Limit">
      {queue.effectiveRateLimit ? `${perSecond(requestsPerSecond)}${byWorker}` : "none"}
      {perKey !== undefined && `; ${perSecond(perKey)} for one fairness key`}
      {weights.length > 0 && `; weights ${weights.map(([key, weight]) => `${key} ${weight}`).join(", ")}`}
      {reason && <span className="faint"> {reason}</span>}{" "}
      <button type="button" className="quiet" onClick={() => dialog.show("limits")}>
        Change<span className="hidden"> the limit of {titles[kind].toLowerCase()}</span>
      </button>
      {dialog.open && <LimitsDialog address={address} queue={queue} onClose={dialog.close} />}
    </Fact>
  );
}
