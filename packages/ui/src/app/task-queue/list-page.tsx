/** The task queues of a namespace that were used lately: who polls them, and what waits in them. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { taskQueuesRoute } from "../addresses.ts";
import { type ListedQueue, listQueues } from "../api/workers.ts";
import { spanText } from "../history/timeline.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";

const refreshMs = 2_000;

export function TaskQueuesPage() {
  const { namespace } = taskQueuesRoute.useParams();
  const list = useQuery({
    queryKey: ["task-queues", namespace],
    queryFn: ({ signal }) => listQueues(namespace, signal),
    refetchInterval: refreshMs,
  });
  return (
    <ListPage
      title="Task queues"
      intro={
        <>
          <QueueBox namespace={namespace} />
          {list.data?.isCut && <p className="faint">Only those with the most waiting tasks are shown.</p>}
        </>
      }
      list={list}
      rows={list.data?.taskQueues ?? []}
      keyOf={({ kind, name }) => `${kind} ${name}`}
      columns={columns}
      empty={
        <Empty title="No task queue was used lately">
          <p>One appears when a worker polls it or a workflow is started on it.</p>
        </Empty>
      }
    />
  );
}

function QueueBox({ namespace }: { readonly namespace: string }) {
  const navigate = taskQueuesRoute.useNavigate();
  const go = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const taskQueue = String(new FormData(event.currentTarget).get("name") ?? "").trim();
    void navigate({ to: "/namespaces/$namespace/task-queues/$taskQueue", params: { namespace, taskQueue } });
  };
  return (
    <search>
      <form className="filter" onSubmit={go}>
        <input
          {...{ name: "name", required: true, placeholder: "Name of a task queue", autoComplete: "off" }}
          aria-label="Name of a task queue"
          spellCheck={false}
        />
        <button type="submit">Look at it</button>
      </form>
    </search>
  );
}

const kinds = { workflow: "Workflow tasks", activity: "Activities", nexus: "Nexus requests" } as const;

const columns: readonly Column<ListedQueue>[] = [
  {
    title: "Task queue",
    cell: ({ name }) => (
      <Link
        from={taskQueuesRoute.id}
        to="/namespaces/$namespace/task-queues/$taskQueue"
        params={({ namespace }) => ({ namespace, taskQueue: name })}
        data-shortcut="row"
      >
        {name}
      </Link>
    ),
    value: ({ name }) => name,
    look: "breakable",
  },
  { title: "Tasks", cell: ({ kind }) => kinds[kind], value: ({ kind }) => kinds[kind] },
  {
    title: "Workers that ask",
    cell: ({ pollers, backlogCount }) =>
      pollers === 0 ? <span className={backlogCount > 0 ? "refusal" : "faint"}>none</span> : pollers,
    value: ({ pollers }) => pollers,
  },
  {
    title: "Waiting",
    cell: ({ backlogCount }) => backlogCount.toLocaleString(),
    value: ({ backlogCount }) => backlogCount,
  },
  {
    title: "Oldest has waited",
    cell: ({ backlogCount, backlogAgeMs }) =>
      backlogCount > 0 ? spanText(backlogAgeMs) : <span className="faint">–</span>,
    value: ({ backlogCount, backlogAgeMs }) => (backlogCount > 0 ? backlogAgeMs : undefined),
  },
  { title: "Added", cell: ({ addRate }) => perSecond(addRate), value: ({ addRate }) => addRate },
  { title: "Taken", cell: ({ dispatchRate }) => perSecond(dispatchRate), value: ({ dispatchRate }) => dispatchRate },
];

export function perSecond(rate = 0): string {
  return `${rate.toLocaleString(undefined, { maximumFractionDigits: 1 })}/s`;
}
