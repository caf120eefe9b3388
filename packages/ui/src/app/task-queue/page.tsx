/** One task queue: who asks it for work, and what waits in it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { taskQueueRoute } from "../addresses.ts";
import { describeQueue, type QueueDescription, type QueueKind } from "../api/workers.ts";
import { spanText } from "../history/timeline.ts";
import { Fact } from "../parts/fact.tsx";
import { Moment } from "../parts/moment.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import { Table } from "../parts/table.tsx";

const refreshMs = 2_000;

export function TaskQueuePage() {
  const { namespace, taskQueue } = taskQueueRoute.useParams();
  useEffect(() => {
    document.title = `${taskQueue} · Pawl`;
  }, [taskQueue]);
  return (
    <div className="page">
      <section aria-label="Summary">
        <p className="crumbs faint">Task queue</p>
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
      <Part kind="WORKFLOW" title="Workflow tasks" />
      <Part kind="ACTIVITY" title="Activities" />
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
      {queue.error ? (
        <Problem error={queue.error} onRetry={queue.refetch} />
      ) : queue.data ? (
        <Description queue={queue.data} />
      ) : (
        <Loading what={title.toLowerCase()} />
      )}
    </section>
  );
}

function Description({ queue: { stats = {}, pollers = [] } }: { readonly queue: QueueDescription }) {
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
        <Fact name="Added per second">{rate(stats.tasksAddRate)}</Fact>
        <Fact name="Taken per second">{rate(stats.tasksDispatchRate)}</Fact>
      </dl>
      {pollers.length > 0 && (
        <Table columns={["Worker", "Last asked"]}>
          {pollers.map(({ identity = "", lastAccessTime }) => (
            <tr key={identity}>
              <td className="breakable">{identity}</td>
              <td>
                <Moment at={lastAccessTime} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

function rate(perSecond = 0): string {
  return perSecond.toLocaleString(undefined, { maximumFractionDigits: 1 });
}
