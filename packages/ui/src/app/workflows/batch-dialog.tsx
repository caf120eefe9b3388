/** Something done to many workflows: which they are is shown first, then how far it is. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { type BatchAddress, describeBatch, startBatch, stopBatch } from "../api/batches.ts";
import { countWorkflows, identity, listWorkflows } from "../api/workflows.ts";
import { BatchState } from "../batches/list-page.tsx";
import { BatchProgress } from "../batches/page.tsx";
import { FormDialog } from "../parts/form/form-dialog.tsx";
import { JsonEditor } from "../parts/json/json-editor.tsx";
import { jsonProblem } from "../parts/json/json-syntax.ts";
import { Modal } from "../parts/modal.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import {
  affectedQuery,
  type BatchOrder,
  type BatchResetPoint,
  type BatchVerb,
  batchBody,
  batchCommand,
  resetPoints,
} from "./batch.ts";

interface BatchDialogProps {
  readonly namespace: string;
  readonly verb: BatchVerb;
  /** A filter of the list, "" for all workflows. */
  readonly query: string;
  readonly onClose: () => void;
}

export const verbTitles: Readonly<Record<BatchVerb, string>> = {
  ...{ cancel: "Cancel", terminate: "Terminate", signal: "Signal", reset: "Reset", delete: "Delete" },
};

const notes: Readonly<Record<BatchVerb, string>> = {
  cancel: "Their code is told, and may clean up before it ends.",
  terminate: "They end at once. Their code is not told and cannot clean up.",
  signal: "Each of them is sent the same signal.",
  reset: "For each a new run begins with the history up to the chosen point; an open one is terminated.",
  delete: "They and their histories are gone for good, those that still run too.",
};

export function BatchDialog({ namespace, verb, query, onClose }: BatchDialogProps) {
  const [job, setJob] = useState<BatchAddress | undefined>();
  const isStarted = useRef(false);
  const [order, setOrder] = useState<BatchOrder>({
    ...{ verb, query, reason: "", signal: "", input: "", resetTo: "LastWorkflowTask" },
  });
  if (job) return <ProgressDialog job={job} title={`${verbTitles[verb]} workflows`} onClose={onClose} />;
  const change = (changed: Partial<BatchOrder>) => setOrder({ ...order, ...changed });
  const submit = async () => {
    const problem = jsonProblem(order.input);
    if (problem !== undefined) throw new Error(problem);
    const address = { namespace, jobId: crypto.randomUUID() };
    await startBatch(address, batchBody(order, identity));
    isStarted.current = true;
    setJob(address);
  };
  return (
    <FormDialog
      title={`${verbTitles[verb]} these workflows?`}
      action={`${verbTitles[verb]} them`}
      isDangerous={verb === "terminate" || verb === "delete" || verb === "reset"}
      command={batchCommand(namespace, order)}
      onClose={() => !isStarted.current && onClose()}
      onSubmit={submit}
    >
      <p>{notes[verb]}</p>
      <DryRun namespace={namespace} query={affectedQuery(order)} />
      {verb === "signal" && (
        <>
          <label>
            Name of the signal
            <input required value={order.signal} onChange={(event) => change({ signal: event.target.value })} />
          </label>
          <JsonEditor
            label="Input, as JSON"
            name="input"
            rows={3}
            value={order.input}
            onChange={(input) => change({ input })}
          />
        </>
      )}
      {verb === "reset" && (
        <label>
          Back to
          <select
            value={order.resetTo}
            onChange={(event) => change({ resetTo: event.target.value as BatchResetPoint })}
          >
            {resetPoints.map((point) => (
              <option key={point} value={point}>
                {point === "FirstWorkflowTask" ? "the first workflow task" : "the last workflow task"}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        Reason
        <input required value={order.reason} onChange={(event) => change({ reason: event.target.value })} />
      </label>
    </FormDialog>
  );
}

const firstRows = 8;

/** What would be done to whom, asked anew while the dialog is open. */
function DryRun({ namespace, query }: { readonly namespace: string; readonly query: string }) {
  const asked = { refetchInterval: 2_000 };
  const count = useQuery({
    queryKey: ["batch-count", namespace, query],
    queryFn: ({ signal }) => countWorkflows(namespace, query, signal),
    ...asked,
  });
  const list = useQuery({
    queryKey: ["batch-rows", namespace, query],
    queryFn: ({ signal }) => listWorkflows(namespace, { query, size: firstRows }, signal),
    ...asked,
  });
  const error = count.error ?? list.error;
  if (error)
    return (
      <p className="refusal" role="alert">
        {error.message}
      </p>
    );
  if (!count.data || !list.data) return <p className="faint">Looking which they are…</p>;
  const found = Number(count.data.count ?? 0);
  const rows = list.data.executions ?? [];
  return (
    <section className="dry-run" aria-label="Workflows that this is done to">
      <p>
        <b>
          {found.toLocaleString()} {found === 1 ? "workflow" : "workflows"}
        </b>{" "}
        at this moment{query.includes("RunId IN (") ? "" : "; those that begin to match meanwhile are included"}
      </p>
      <ul>
        {rows.map(({ execution, type, status }) => (
          <li key={execution.runId}>
            <StatusBadge status={status} /> <span className="breakable">{execution.workflowId}</span>{" "}
            <span className="faint breakable">{type.name}</span>
          </li>
        ))}
      </ul>
      {found > rows.length && <p className="faint">and {(found - rows.length).toLocaleString()} more</p>}
    </section>
  );
}

interface ProgressDialogProps {
  readonly job: BatchAddress;
  readonly title: string;
  readonly onClose: () => void;
}

/** Closing it leaves the batch at work. */
function ProgressDialog({ job, title, onClose }: ProgressDialogProps) {
  const batch = useQuery({
    queryKey: ["batch", job.namespace, job.jobId],
    queryFn: ({ signal }) => describeBatch(job, signal),
    refetchInterval: ({ state }) => (state.data?.state?.endsWith("_RUNNING") === false ? false : 500),
  });
  const isRunning = batch.data?.state?.endsWith("_RUNNING") === true;
  return (
    <Modal title={title} onClose={onClose}>
      {batch.error && (
        <p className="refusal" role="alert">
          {batch.error.message}
        </p>
      )}
      {batch.data && (
        <>
          <p>
            <BatchState state={batch.data.state} />{" "}
            <Link
              to="/namespaces/$namespace/batch-operations/$jobId"
              params={{ namespace: job.namespace, jobId: job.jobId }}
            >
              The batch
            </Link>
          </p>
          <BatchProgress batch={batch.data} />
        </>
      )}
      <div className="buttons">
        {isRunning && (
          <button type="button" className="danger" onClick={() => void stopBatch(job, "stopped in the web UI")}>
            Stop
          </button>
        )}
        <button type="button" onClick={onClose}>
          {isRunning ? "Leave it at work" : "Close"}
        </button>
      </div>
    </Modal>
  );
}
