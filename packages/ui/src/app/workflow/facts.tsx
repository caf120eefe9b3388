/** What else is known of a run: ids, sizes, memo, search attributes, relatives. */
import { Link } from "@tanstack/react-router";
import { shownFields } from "../api/payload.ts";
import type { Description, RunAddress } from "../api/workflows.ts";
import { Fact } from "../parts/fact.tsx";
import { JsonView } from "../parts/json-view.tsx";
import { Moment } from "../parts/moment.tsx";

export function Facts({ address, description }: { readonly address: RunAddress; readonly description: Description }) {
  const info = description.workflowExecutionInfo;
  const memo = shownFields(info.memo?.fields);
  const attributes = shownFields(info.searchAttributes?.indexedFields);
  return (
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Details</h2>
      <dl className="facts">
        <Fact name="Run id">{info.execution.runId}</Fact>
        <Fact name="Events">{Number(info.historyLength ?? 0).toLocaleString()}</Fact>
        <Fact name="History size">{Number(info.historySizeBytes ?? 0).toLocaleString()} bytes</Fact>
        {info.closeTime && (
          <Fact name="Closed">
            <Moment at={info.closeTime} />
          </Fact>
        )}
      </dl>
      <Relatives address={address} description={description} />
      <div className="pair">
        <div>
          <h3>Memo</h3>
          {Object.keys(memo).length === 0 ? <p className="faint">none</p> : <JsonView value={memo} label="memo" />}
        </div>
        <div>
          <h3>Search attributes</h3>
          {Object.keys(attributes).length === 0 ? (
            <p className="faint">none</p>
          ) : (
            <JsonView value={attributes} label="search attributes" />
          )}
        </div>
      </div>
    </section>
  );
}

function Relatives({
  address: { namespace },
  description,
}: {
  readonly address: RunAddress;
  readonly description: Description;
}) {
  const { parentExecution, execution, firstRunId } = description.workflowExecutionInfo;
  const children = description.pendingChildren ?? [];
  const runs = [
    ...(parentExecution
      ? [{ role: "Parent", workflowId: parentExecution.workflowId, runId: parentExecution.runId }]
      : []),
    ...(firstRunId && firstRunId !== execution.runId
      ? [{ role: "First run of the chain", workflowId: execution.workflowId, runId: firstRunId }]
      : []),
    ...children
      .filter(({ runId }) => runId)
      .map(({ workflowId, runId = "" }) => ({ role: "Child", workflowId, runId })),
  ];
  if (runs.length === 0) return null;
  return (
    <>
      <h3>Relatives</h3>
      <ul className="relatives">
        {runs.map(({ role, workflowId, runId }) => (
          <li key={`${workflowId} ${runId}`}>
            {role}{" "}
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
    </>
  );
}
