/** One batch operation: how far it is, and its end if that is wished for. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { batchRoute } from "../addresses.ts";
import { type BatchAddress, type BatchDescription, describeBatch, stopBatch } from "../api/batches.ts";
import { spanText } from "../history/timeline.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { Fact } from "../parts/fact.tsx";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { MissingBatch } from "../parts/missing.tsx";
import { Moment } from "../parts/moment.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { Title } from "../parts/title.tsx";
import { useDialog } from "../parts/use-dialog.ts";
import { BatchState, operationText } from "./list-page.tsx";

const refreshMs = 1_000;
const executionsShownMax = 100;

export function BatchPage() {
  const address = batchRoute.useParams();
  const { namespace, jobId } = address;
  useTitle(`Batch ${jobId}`);
  const batch = useQuery({
    queryKey: ["batch", namespace, jobId],
    queryFn: ({ signal }) => describeBatch(address, signal),
    refetchInterval: ({ state }) => (state.data && !isRunning(state.data) ? false : refreshMs),
  });
  const dialog = useDialog<"stop">(["batch", namespace, jobId]);
  if (!batch.data)
    return (
      <div className="page">
        {batch.error ? (
          <Problem error={batch.error} onRetry={batch.refetch} missing={<MissingBatch jobId={jobId} />} />
        ) : (
          <Loading what={jobId} />
        )}
      </div>
    );
  return (
    <div className="page">
      {batch.error && <Stale />}
      <section aria-label="Summary">
        <Title
          list={
            <Link to="/namespaces/$namespace/batch-operations" params={{ namespace }}>
              Batch operations
            </Link>
          }
          name={jobId}
        >
          <BatchState state={batch.data.state} />
          {isRunning(batch.data) && (
            <div className="actions">
              <button type="button" className="danger" onClick={() => dialog.show("stop")}>
                Stop
              </button>
            </div>
          )}
        </Title>
        <BatchProgress batch={batch.data} />
        <Facts batch={batch.data} namespace={namespace} />
      </section>
      <Executions batch={batch.data} namespace={namespace} />
      {dialog.open && <StopDialog address={address} onClose={dialog.close} />}
    </div>
  );
}

function isRunning({ state }: BatchDescription): boolean {
  return state?.endsWith("_RUNNING") === true;
}

export function BatchProgress({ batch }: { readonly batch: BatchDescription }) {
  const [total, done, failed] = [
    batch.totalOperationCount,
    batch.completeOperationCount,
    batch.failureOperationCount,
  ].map((count) => Number(count ?? 0)) as [number, number, number];
  const share = total === 0 ? 1 : Math.min((done + failed) / total, 1);
  return (
    <>
      <div className="progress">
        <progress value={share} max={1} aria-label="Progress of the batch" />
        <span>
          {(done + failed).toLocaleString()} of {total.toLocaleString()}
        </span>
      </div>
      {failed > 0 && <p className="refusal">{failed.toLocaleString()} of them could not be worked on.</p>}
    </>
  );
}

function Facts({ batch, namespace }: { readonly batch: BatchDescription; readonly namespace: string }) {
  const tookMs = Date.parse(batch.closeTime ?? "") - Date.parse(batch.startTime ?? "");
  return (
    <dl className="facts">
      <Fact name="What it does">{operationText(batch.operationType)}</Fact>
      <Fact name="Started">
        <Moment at={batch.startTime} />
      </Fact>
      {!Number.isNaN(tookMs) && <Fact name="Took">{spanText(tookMs)}</Fact>}
      <Fact name="By">{batch.identity || "–"}</Fact>
      <Fact name="Reason">{batch.reason || "–"}</Fact>
      {batch.query && (
        <Fact name="Workflows that match">
          <Link to="/namespaces/$namespace/workflows" params={{ namespace }} search={{ query: batch.query }}>
            {batch.query}
          </Link>
        </Fact>
      )}
    </dl>
  );
}

function Executions({ batch, namespace }: { readonly batch: BatchDescription; readonly namespace: string }) {
  const executions = batch.executions ?? [];
  if (executions.length === 0) return null;
  return (
    <section aria-labelledby="executions-title">
      <h2 id="executions-title">
        Chosen workflows <span className="faint">{executions.length.toLocaleString()}</span>
      </h2>
      <ul className="relatives">
        {executions.slice(0, executionsShownMax).map(({ workflowId, runId }) => (
          <li key={`${workflowId} ${runId}`}>
            <Link
              to="/namespaces/$namespace/workflows/$workflowId/$runId"
              params={{ namespace, workflowId, runId }}
              className="breakable"
            >
              {workflowId}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function StopDialog({ address, onClose }: { readonly address: BatchAddress; readonly onClose: () => void }) {
  const { namespace, jobId } = address;
  return (
    <FormDialog
      title="Stop this batch?"
      action="Stop it"
      isDangerous
      command={(fields) =>
        pawlCommand(["batch", "terminate"], { namespace, "job-id": jobId, reason: textField(fields, "reason") })
      }
      onClose={onClose}
      onSubmit={(fields) => stopBatch(address, textField(fields, "reason"))}
    >
      <p>What it has done stays done; the other workflows are left as they are.</p>
      <TextField label="Reason" name="reason" required />
    </FormDialog>
  );
}
