/** The list: live, filtered, and all of it in the address. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { type WorkflowsSearch, workflowsRoute } from "../addresses.ts";
import { countByStatus, listWorkflows, type WorkflowInfo } from "../api/workflows.ts";
import { spanText } from "../history/timeline.ts";
import { Moment } from "../parts/moment.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Table } from "../parts/table.tsx";
import { isQuery, queryOf, queryOfText } from "./filter.ts";
import { StatusBar } from "./status-bar.tsx";

const refreshMs = 2_000;

export function WorkflowsPage() {
  const { namespace } = workflowsRoute.useParams();
  const search = workflowsRoute.useSearch();
  const { query: text = "", status = "", after } = search;
  const query = queryOf({ text, status });
  const list = useQuery({
    queryKey: ["workflows", namespace, query, after],
    queryFn: ({ signal }) => listWorkflows(namespace, { query, ...(after !== undefined && { after }) }, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  const counts = useQuery({
    queryKey: ["workflow-count", namespace, text],
    queryFn: ({ signal }) => countByStatus(namespace, queryOfText(text.trim()), signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  useEffect(() => {
    document.title = `Workflows · ${namespace} · Pawl`;
  }, [namespace]);
  return (
    <div className="page">
      <h1>Workflows</h1>
      <FilterBox key={text} text={text} />
      <StatusBar counts={counts.data} status={status} />
      {list.error ? (
        <Problem error={list.error} onRetry={list.refetch} />
      ) : list.data ? (
        <List rows={list.data.executions ?? []} next={list.data.nextPageToken} search={search} />
      ) : (
        <Loading what="workflows" />
      )}
    </div>
  );
}

function FilterBox({ text }: { readonly text: string }) {
  const navigate = workflowsRoute.useNavigate();
  const [typed, setTyped] = useState(text);
  const apply = (event: FormEvent) => {
    event.preventDefault();
    void navigate({
      search: ({ status }) => ({ ...(status && { status }), ...(typed.trim() && { query: typed.trim() }) }),
    });
  };
  const meaning = typed.trim() !== "" && !isQuery(typed) ? queryOfText(typed.trim()) : "";
  return (
    <search>
      <form className="filter" onSubmit={apply}>
        <input
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          aria-label="Filter workflows"
          placeholder="Beginning of an id or type, or a query: WorkflowType = 'Order' AND StartTime > '2026-01-01T00:00:00Z'"
          spellCheck={false}
          autoComplete="off"
        />
        <button type="submit">Filter</button>
        {meaning !== "" && <p className="faint meaning">{meaning}</p>}
      </form>
    </search>
  );
}

interface ListProps {
  readonly rows: readonly WorkflowInfo[];
  readonly next: string | undefined;
  readonly search: WorkflowsSearch;
}

function List({ rows, next, search }: ListProps) {
  const { namespace } = workflowsRoute.useParams();
  const isFiltered = search.query !== undefined || search.status !== undefined;
  if (rows.length === 0 && search.after === undefined)
    return isFiltered ? (
      <Empty title="No workflow matches">
        <p>
          <Link to="/namespaces/$namespace/workflows" params={{ namespace }}>
            Show all of them
          </Link>
        </p>
      </Empty>
    ) : (
      <Empty title="No workflows yet">
        <p>Start one with any Temporal SDK in namespace “{namespace}”, and it appears here as it happens.</p>
      </Empty>
    );
  return (
    <>
      <Table columns={["Status", "Workflow", "Type", "Started", "Took", "Events"]}>
        {rows.map((row) => (
          <Row key={row.execution.runId} row={row} />
        ))}
      </Table>
      <nav className="pager" aria-label="Pages of the list">
        {search.after !== undefined && (
          <Link from={workflowsRoute.id} search={({ after: _, ...kept }) => kept}>
            ← Newest
          </Link>
        )}
        {next !== undefined && next !== "" && (
          <Link from={workflowsRoute.id} search={(before) => ({ ...before, after: next })}>
            Older →
          </Link>
        )}
      </nav>
    </>
  );
}

function Row({ row }: { readonly row: WorkflowInfo }) {
  const { namespace } = workflowsRoute.useParams();
  const { execution, type, status, startTime, closeTime, historyLength } = row;
  const tookMs = Date.parse(closeTime ?? "") - Date.parse(startTime ?? "");
  return (
    <tr>
      <td>
        <StatusBadge status={status} />
      </td>
      <td className="breakable">
        <Link to="/namespaces/$namespace/workflows/$workflowId/$runId" params={{ namespace, ...execution }}>
          {execution.workflowId}
        </Link>
      </td>
      <td className="breakable">{type.name}</td>
      <td>
        <Moment at={startTime} />
      </td>
      <td>{Number.isNaN(tookMs) ? <span className="faint">–</span> : spanText(tookMs)}</td>
      <td>{historyLength}</td>
    </tr>
  );
}
