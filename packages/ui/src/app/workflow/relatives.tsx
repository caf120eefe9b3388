/** The family of a run as a tree: whose child it is, up to the first, its own children and theirs, and the runs before and after it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  type Description,
  describeWorkflow,
  listWorkflows,
  type RunAddress,
  type WorkflowInfo,
} from "../api/workflows.ts";
import { Moment } from "../parts/moment.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";

interface RelativesProps {
  readonly address: RunAddress;
  readonly description: Description;
}

export function Relatives({ address, description }: RelativesProps) {
  const [isAsked, setAsked] = useState(false);
  return (
    <details className="panel" onToggle={(event) => setAsked(event.currentTarget.open)}>
      <summary>Relatives</summary>
      {isAsked && (
        <div className="pair">
          <Family address={address} info={description.workflowExecutionInfo} />
          <Chain address={address} />
        </div>
      )}
    </details>
  );
}

const generationsMax = 10;

/** From the first ancestor down to the parent. */
async function ancestors(namespace: string, info: WorkflowInfo, signal: AbortSignal): Promise<WorkflowInfo[]> {
  const found: WorkflowInfo[] = [];
  for (let at = info.parentExecution; at && found.length < generationsMax; ) {
    // One that is kept no longer ends the line.
    const parent = await describeWorkflow({ namespace, ...at }, signal).catch(() => undefined);
    if (!parent) break;
    found.unshift(parent.workflowExecutionInfo);
    at = parent.workflowExecutionInfo.parentExecution;
  }
  return found;
}

function Family({ address, info }: { readonly address: RunAddress; readonly info: WorkflowInfo }) {
  const { namespace } = address;
  const above = useQuery({
    queryKey: ["ancestors", address],
    queryFn: ({ signal }) => ancestors(namespace, info, signal),
  });
  return (
    <section aria-labelledby="family-title">
      <h3 id="family-title">Parents and children</h3>
      <Line generations={[...(above.data ?? []), info]} address={address} />
    </section>
  );
}

/** Each generation within the one before; the last is the run itself, whose children are open. */
function Line({
  generations,
  address,
}: {
  readonly generations: readonly WorkflowInfo[];
  readonly address: RunAddress;
}) {
  const [first, ...rest] = generations;
  if (!first) return null;
  return (
    <ul className="family">
      <li>
        <RunLink info={first} namespace={address.namespace} isSelf={rest.length === 0} />
        {rest.length > 0 ? (
          <Line generations={rest} address={address} />
        ) : (
          <Children info={first} namespace={address.namespace} depth={0} />
        )}
      </li>
    </ul>
  );
}

const refreshMs = 3_000;

interface ChildrenProps {
  readonly info: WorkflowInfo;
  readonly namespace: string;
  readonly depth: number;
}

function Children({ info: { execution }, namespace, depth }: ChildrenProps) {
  const query = `ParentWorkflowId = ${quoted(execution.workflowId)} AND ParentRunId = ${quoted(execution.runId)}`;
  const children = useQuery({
    queryKey: ["children", namespace, execution],
    queryFn: ({ signal }) => listWorkflows(namespace, { query }, signal),
    refetchInterval: refreshMs,
  });
  if (children.error) return <p className="refusal">{children.error.message}</p>;
  if (!children.data) return <p className="faint">Looking for children…</p>;
  const found = children.data.executions ?? [];
  if (found.length === 0) return depth === 0 ? <p className="faint">No children</p> : <p className="faint">none</p>;
  return (
    <>
      <ul className="family">
        {found.map((child) => (
          <li key={child.execution.runId}>
            <RunLink info={child} namespace={namespace} />
            <Grandchildren info={child} namespace={namespace} depth={depth + 1} />
          </li>
        ))}
      </ul>
      {children.data.nextPageToken && (
        <Link to="/namespaces/$namespace/workflows" params={{ namespace }} search={{ query }}>
          All of them
        </Link>
      )}
    </>
  );
}

/** Asked for when somebody wants to know. */
function Grandchildren(props: ChildrenProps) {
  const [isOpen, setOpen] = useState(false);
  const { workflowId } = props.info.execution;
  return (
    <>
      <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? "Hide" : "Show"} its children<span className="hidden"> of {workflowId}</span>
      </button>
      {isOpen && <Children {...props} />}
    </>
  );
}

/** All runs of the id, the newest first: continued as new, tried again, reset, or started anew. */
function Chain({ address: { namespace, workflowId, runId } }: { readonly address: RunAddress }) {
  const query = `WorkflowId = ${quoted(workflowId)}`;
  const runs = useQuery({
    queryKey: ["runs", namespace, workflowId],
    queryFn: ({ signal }) => listWorkflows(namespace, { query }, signal),
    refetchInterval: refreshMs,
  });
  return (
    <section aria-labelledby="chain-title">
      <h3 id="chain-title">Runs of this id</h3>
      {runs.error && <p className="refusal">{runs.error.message}</p>}
      <ol className="relatives">
        {(runs.data?.executions ?? []).map((run) => (
          <li key={run.execution.runId}>
            <RunLink info={run} namespace={namespace} isSelf={run.execution.runId === runId} byRun />
          </li>
        ))}
      </ol>
    </section>
  );
}

interface RunLinkProps {
  readonly info: WorkflowInfo;
  readonly namespace: string;
  readonly isSelf?: boolean;
  /** Told by when it started, because the id is the same for all. */
  readonly byRun?: boolean;
}

function RunLink({
  info: { execution, status, type, startTime },
  namespace,
  isSelf = false,
  byRun = false,
}: RunLinkProps) {
  const name = byRun ? execution.runId : execution.workflowId;
  return (
    <span className="run-link">
      {isSelf ? (
        <b className="breakable">{name}</b>
      ) : (
        <Link
          to="/namespaces/$namespace/workflows/$workflowId/$runId"
          params={{ namespace, ...execution }}
          className="breakable"
        >
          {name}
        </Link>
      )}{" "}
      <StatusBadge status={status} /> <span className="faint">{byRun ? <Moment at={startTime} /> : type.name}</span>
    </span>
  );
}

/** As a text of the list's query language. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
