/** What stands in the place of what an address names and the server does not have: what that is, why that may be so, and where to go. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { listNamespaces } from "../api/workflows.ts";
import { pawlCommand } from "./command-line.ts";
import { CommandView } from "./command-view.tsx";

interface MissingProps {
  /** Such as `workflow`. */
  readonly what: string;
  readonly name: string;
  /** Why it may not be there. */
  readonly why: string;
  /** Where to go, as links. */
  readonly children: ReactNode;
}

function Missing({ what, name, why, children }: MissingProps) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <>
      <h2 className="breakable">
        There is no {what} {name} in namespace {namespace}
      </h2>
      <p>{why}</p>
      <p className="ways">
        {children}
        <Link to="/namespaces">Namespaces</Link>
      </p>
    </>
  );
}

export function MissingWorkflow({ workflowId, runId = "" }: { readonly workflowId: string; readonly runId?: string }) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <Missing
      what={runId === "" ? "workflow" : `run ${runId} of workflow`}
      name={workflowId}
      why="It was never started, it was deleted, it closed longer ago than the namespace keeps what is closed, or it is in another namespace."
    >
      {runId !== "" && (
        <Link to="/namespaces/$namespace/workflows/$workflowId" params={{ namespace, workflowId }}>
          Its latest run
        </Link>
      )}
      <Link to="/namespaces/$namespace/workflows" params={{ namespace }}>
        Workflows
      </Link>
    </Missing>
  );
}

export function MissingActivity({ activityId }: { readonly activityId: string }) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <Missing
      what="standalone activity"
      name={activityId}
      why="It was never started, it was deleted, or it closed longer ago than the namespace keeps what is closed. An activity of a workflow is on its workflow's page."
    >
      <Link to="/namespaces/$namespace/activities" params={{ namespace }}>
        Activities
      </Link>
      <Link to="/namespaces/$namespace/pending-activities" params={{ namespace }}>
        Pending activities of workflows
      </Link>
    </Missing>
  );
}

export function MissingSchedule({ scheduleId }: { readonly scheduleId: string }) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <Missing
      what="schedule"
      name={scheduleId}
      why="It was never created, it was deleted, or it had no more actions to take."
    >
      <Link to="/namespaces/$namespace/schedules" params={{ namespace }}>
        Schedules
      </Link>
    </Missing>
  );
}

export function MissingBatch({ jobId }: { readonly jobId: string }) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <Missing what="batch operation" name={jobId} why="It was never started, or it ended too long ago to be kept.">
      <Link to="/namespaces/$namespace/batch-operations" params={{ namespace }}>
        Batch operations
      </Link>
    </Missing>
  );
}

export function MissingWorker({ workerKey }: { readonly workerKey: string }) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <Missing
      what="worker"
      name={workerKey}
      why="It has not said for a while that it is there: it has stopped, or it has begun anew under another key."
    >
      <Link to="/namespaces/$namespace/workers" params={{ namespace }}>
        Workers
      </Link>
    </Missing>
  );
}

export function MissingDeployment({ name }: { readonly name: string }) {
  const { namespace = "" } = useParams({ strict: false });
  return (
    <Missing
      what="worker deployment"
      name={name}
      why="It appears when a worker asks for tasks in its name, or when somebody creates it."
    >
      <Link to="/namespaces/$namespace/deployments" params={{ namespace }}>
        Worker deployments
      </Link>
    </Missing>
  );
}

/** More of them than a page should list are behind a link. */
const namedMax = 12;

export function MissingNamespace({ namespace }: { readonly namespace: string }) {
  const { data } = useQuery({ queryKey: ["namespaces"], queryFn: ({ signal }) => listNamespaces(signal) });
  const names = (data?.namespaces ?? []).map(({ namespaceInfo }) => namespaceInfo.name);
  return (
    <>
      <h2 className="breakable">There is no namespace {namespace}</h2>
      {names.length > 0 && (
        <p className="ways">
          This server has
          {names.slice(0, namedMax).map((name) => (
            <Link key={name} to="/namespaces/$namespace/workflows" params={{ namespace: name }} className="breakable">
              {name}
            </Link>
          ))}
          {names.length > namedMax && <Link to="/namespaces">and others</Link>}
        </p>
      )}
      <p>This makes it:</p>
      <CommandView command={pawlCommand(["operator", "namespace", "create"], { namespace })} />
    </>
  );
}
