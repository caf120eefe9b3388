/** One run: what it is, why it is where it is, what it waits for, and all that has happened. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import type { View } from "../addresses.ts";
import { type Description, describeWorkflow, type RunAddress, workflowPollers } from "../api/workflows.ts";
import { MissingWorkflow } from "../parts/missing.tsx";
import { useNowMs } from "../parts/moment.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { statusName } from "../workflows/filter.ts";
import { Facts } from "./facts.tsx";
import { Header } from "./header.tsx";
import { HistoryPanel } from "./history-panel.tsx";
import { InputAndResult } from "./input-and-result.tsx";
import { type LiveHistory, useLiveHistory } from "./live-history.ts";
import { PendingActivities } from "./pending-activities.tsx";
import { Queries } from "./queries.tsx";
import { Relatives } from "./relatives.tsx";
import { whyRunning } from "./why.ts";

const refreshMs = 1_000;

export function WorkflowPage() {
  const { namespace = "", workflowId = "", runId = "" } = useParams({ strict: false });
  const description = useQuery({
    queryKey: ["workflow", namespace, workflowId, runId],
    queryFn: ({ signal }) => describeWorkflow({ namespace, workflowId, runId }, signal),
    refetchInterval: ({ state }) => (state.data && !isOpen(state.data) ? false : refreshMs),
  });
  const info = description.data?.workflowExecutionInfo;
  const address: RunAddress = { namespace, workflowId, runId: info?.execution.runId ?? runId };
  const history = useLiveHistory(address);
  const isClosedHistory = history.state === "ended";
  const { refetch } = description;
  // The end of the history is the news that its status has changed.
  useEffect(() => {
    if (isClosedHistory) void refetch();
  }, [isClosedHistory, refetch]);
  const status = info && statusName(info.status);
  useEffect(() => {
    document.title = `${workflowId}${status ? ` · ${status}` : ""} · Pawl`;
  }, [workflowId, status]);
  if (!description.data)
    return (
      <div className="page">
        {description.error ? (
          <Problem
            error={description.error}
            onRetry={refetch}
            missing={<MissingWorkflow workflowId={workflowId} runId={runId} />}
          />
        ) : (
          <Loading what={workflowId} />
        )}
      </div>
    );
  return (
    <div className="page">
      {(description.error || history.state === "lost") && <Stale />}
      <Run address={address} description={description.data} history={history} />
    </div>
  );
}

function isOpen({ workflowExecutionInfo: { status } }: Description): boolean {
  return /_(RUNNING|PAUSED)$/.test(status);
}

interface RunProps {
  readonly address: RunAddress;
  readonly description: Description;
  readonly history: LiveHistory;
}

function Run({ address, description, history }: RunProps) {
  const { view = "timeline" } = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = (chosen: View) =>
    void navigate({
      to: "/namespaces/$namespace/workflows/$workflowId/$runId",
      params: { ...address },
      search: { view: chosen },
      replace: true,
    });
  const nowMs = useNowMs();
  const taskQueue = description.workflowExecutionInfo.taskQueue ?? "";
  const isTaskWaiting = description.pendingWorkflowTask?.state.endsWith("_SCHEDULED") === true;
  const pollers = useQuery({
    queryKey: ["pollers", address.namespace, taskQueue],
    queryFn: ({ signal }) => workflowPollers(address.namespace, taskQueue, signal),
    enabled: isTaskWaiting && taskQueue !== "",
    refetchInterval: 5_000,
  });
  const pollerCount = pollers.data && (pollers.data.pollers ?? []).length;
  const why = whyRunning({ description, groups: history.groups, pollerCount, nowMs });
  return (
    <>
      <Header address={address} description={description} why={why} events={history.events} />
      <PendingActivities activities={description.pendingActivities ?? []} nowMs={nowMs} address={address} />
      <InputAndResult events={history.events} isOpen={isOpen(description)} />
      <HistoryPanel
        {...{ history, nowMs, view, isOpen: isOpen(description), pending: description.pendingActivities ?? [] }}
        onView={show}
        name={address.workflowId}
      />
      <Queries address={address} isOpen={isOpen(description)} />
      <Relatives address={address} description={description} />
      <Facts description={description} />
    </>
  );
}
