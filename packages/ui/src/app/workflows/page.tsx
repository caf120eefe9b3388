/** The list: live, filtered, and all of it in the address. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { type WorkflowsSearch, workflowsRoute } from "../addresses.ts";
import { listSearchAttributes } from "../api/search-attributes.ts";
import { countByStatus, listWorkflows } from "../api/workflows.ts";
import { Empty, Loading, Problem, Stale } from "../parts/notice.tsx";
import { useRemembered } from "../parts/remembered.ts";
import { attributesOf } from "./attributes.ts";
import { type BatchVerb, batchVerbs, queryOfRuns } from "./batch.ts";
import { BatchDialog, verbTitles } from "./batch-dialog.tsx";
import { ColumnChooser } from "./column-chooser.tsx";
import {
  type Column,
  columnsKey,
  columnsOf,
  defaultColumns,
  orderOf,
  type Sort,
  sortOf,
  usualColumns,
} from "./columns.ts";
import { queryOf, queryOfText } from "./filter.ts";
import { FilterBox } from "./filter-box.tsx";
import { List } from "./list.tsx";
import { StatusBar } from "./status-bar.tsx";
import { ViewBar } from "./view-bar.tsx";

const refreshMs = 2_000;

export function WorkflowsPage() {
  const { namespace } = workflowsRoute.useParams();
  const search = workflowsRoute.useSearch();
  const navigate = workflowsRoute.useNavigate();
  const usual = useRemembered(usualColumns);
  const { query: text = "", status = "", after } = search;
  const query = queryOf({ text, status });
  const sort = sortOf(search.sort);
  const { list, counts, attributes } = useLists({ namespace, text, query, sort, after });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [batch, setBatch] = useState<ChosenBatch | undefined>();
  const clear = () => setChosen(new Set());
  const [seen, setSeen] = useState(query);
  if (seen !== query) {
    setSeen(query);
    clear();
  }
  useEffect(() => {
    document.title = `Workflows · ${namespace} · Pawl`;
  }, [namespace]);
  const columns = columnsOf(search.columns ?? usual) ?? defaultColumns;
  const chooseColumns = (changed: readonly Column[]) => {
    usualColumns.set(columnsKey(changed));
    void navigate({ search: (before) => ({ ...before, columns: columnsKey(changed) }), replace: true });
  };
  const rows = list.data?.executions ?? [];
  const isNothing = rows.length === 0 && after === undefined;
  return (
    <div className="page">
      <div className="title">
        <h1>Workflows</h1>
        <span className="actions">
          <Link to="/namespaces/$namespace/start-workflow" params={{ namespace }} className="button">
            Start a workflow
          </Link>
        </span>
      </div>
      <ViewBar />
      <FilterBox text={text} attributes={attributes} />
      <StatusBar counts={counts.data} status={status} />
      {list.data && list.error && <Stale />}
      {!list.data ? (
        list.error ? (
          <Problem error={list.error} onRetry={list.refetch} />
        ) : (
          <Loading what="workflows" />
        )
      ) : isNothing ? (
        <Nothing isFiltered={query !== ""} />
      ) : (
        <>
          <div className="list-head">
            <BatchBar {...{ query, chosen, onClear: clear, onAct: setBatch }} />
            <ColumnChooser chosen={columns} rows={rows} attributes={attributes} onChange={chooseColumns} />
          </div>
          <List {...{ rows, columns, attributes, chosen }} sort={search.sort} onChoose={setChosen} />
          <ListPager search={search} next={list.data.nextPageToken} />
        </>
      )}
      {batch && (
        <BatchDialog
          {...{ namespace, ...batch }}
          onClose={() => {
            setBatch(undefined);
            clear();
          }}
        />
      )}
    </div>
  );
}

interface Asked {
  readonly namespace: string;
  /** As it is typed. */
  readonly text: string;
  /** With the status. */
  readonly query: string;
  readonly sort: Sort | undefined;
  readonly after: string | undefined;
}

function useLists({ namespace, text, query, sort, after }: Asked) {
  const registered = useQuery({
    queryKey: ["search-attributes", namespace],
    queryFn: ({ signal }) => listSearchAttributes(namespace, signal),
    staleTime: 30_000,
  });
  const attributes = attributesOf(registered.data?.customAttributes ?? {});
  const [listPace, countPace] = [usePace(), usePace()];
  const ordered = `${query} ${orderOf(sort, attributes)}`.trim();
  const list = useQuery({
    queryKey: ["workflows", namespace, ordered, after],
    queryFn: ({ signal }) =>
      listPace.timed(listWorkflows(namespace, { query: ordered, ...(after !== undefined && { after }) }, signal)),
    refetchInterval: listPace.intervalMs,
    placeholderData: keepPreviousData,
    // Whether an attribute has an order is known only with its type.
    enabled: sort?.column.kind !== "attribute" || !registered.isPending,
  });
  const counts = useQuery({
    queryKey: ["workflow-count", namespace, text],
    queryFn: ({ signal }) => countPace.timed(countByStatus(namespace, queryOfText(text.trim()), signal)),
    refetchInterval: countPace.intervalMs,
    placeholderData: keepPreviousData,
  });
  return { list, counts, attributes };
}

/** A question that takes the server long, among a million workflows, is asked less often: a page left open costs it a tenth of its time at most. */
function usePace() {
  const tookMs = useRef(0);
  return {
    intervalMs: () => Math.max(refreshMs, 10 * tookMs.current),
    timed: async <Answer,>(answer: Promise<Answer>): Promise<Answer> => {
      const startedMs = performance.now();
      const answered = await answer;
      tookMs.current = performance.now() - startedMs;
      return answered;
    },
  };
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  const { namespace } = workflowsRoute.useParams();
  if (isFiltered)
    return (
      <Empty title="No workflow matches">
        <p>
          <Link to="/namespaces/$namespace/workflows" params={{ namespace }}>
            Show all of them
          </Link>
        </p>
      </Empty>
    );
  return (
    <Empty title="No workflows yet">
      <p>
        Start one with any Temporal SDK in namespace “{namespace}”, or{" "}
        <Link to="/namespaces/$namespace/start-workflow" params={{ namespace }}>
          from here
        </Link>
        , and it appears as it happens.
      </p>
    </Empty>
  );
}

interface BatchBarProps {
  readonly query: string;
  readonly chosen: ReadonlySet<string>;
  readonly onClear: () => void;
  readonly onAct: (batch: ChosenBatch) => void;
}

interface ChosenBatch {
  readonly verb: BatchVerb;
  readonly query: string;
}

function BatchBar({ query, chosen, onClear, onAct }: BatchBarProps) {
  const [isAll, setIsAll] = useState(false);
  if (chosen.size === 0)
    return <p className="faint batch-bar">Choose rows to cancel, terminate, signal, reset or delete them together.</p>;
  return (
    <section className="batch-bar" aria-label="Chosen workflows">
      <b>{isAll ? "All that match" : `${chosen.size} chosen`}</b>
      <button type="button" className="quiet" onClick={() => setIsAll(!isAll)}>
        {isAll ? "Only the chosen ones" : query === "" ? "All workflows instead" : "All that match instead"}
      </button>
      <span className="actions">
        {batchVerbs.map((verb) => (
          <button
            key={verb}
            type="button"
            className={verb === "terminate" || verb === "delete" ? "danger" : ""}
            onClick={() => onAct({ verb, query: isAll ? query : queryOfRuns([...chosen]) })}
          >
            {verbTitles[verb]}
          </button>
        ))}
      </span>
      <button type="button" className="quiet" onClick={onClear}>
        Clear
      </button>
    </section>
  );
}

function ListPager({ search, next }: { readonly search: WorkflowsSearch; readonly next: string | undefined }) {
  return (
    <nav className="pager" aria-label="Pages of the list">
      {search.after !== undefined && (
        <Link from={workflowsRoute.id} search={({ after: _, ...kept }) => kept}>
          ← {search.sort === undefined ? "Newest" : "First page"}
        </Link>
      )}
      {next !== undefined && next !== "" && (
        <Link from={workflowsRoute.id} search={(before) => ({ ...before, after: next })}>
          {search.sort === undefined ? "Older" : "Next page"} →
        </Link>
      )}
    </nav>
  );
}
