/** Batch operations of a namespace, the newest first. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { batchesRoute } from "../addresses.ts";
import { type BatchInfo, listBatches } from "../api/batches.ts";
import { enumWord } from "../parts/enum-word.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";

const refreshMs = 3_000;

export function BatchesPage() {
  const { namespace } = batchesRoute.useParams();
  const { after } = batchesRoute.useSearch();
  const list = useQuery({
    queryKey: ["batches", namespace, after],
    queryFn: ({ signal }) => listBatches(namespace, after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <ListPage
      title="Batch operations"
      list={list}
      rows={list.data?.operationInfo ?? []}
      columns={["State", "Job", "What it does", "Started", "Ended"]}
      row={(batch: BatchInfo) => (
        <tr key={batch.jobId}>
          <td>
            <BatchState state={batch.state} />
          </td>
          <td className="breakable">
            <Link to="/namespaces/$namespace/batch-operations/$jobId" params={{ namespace, jobId: batch.jobId }}>
              {batch.jobId}
            </Link>
          </td>
          <td>{operationText(batch.operationType)}</td>
          <td>
            <Moment at={batch.startTime} />
          </td>
          <td>
            <Moment at={batch.closeTime} />
          </td>
        </tr>
      )}
      empty={
        <Empty title="No batch operations">
          <p>
            A batch signals, cancels, terminates, resets or deletes many workflows in the background: choose them in the
            list of workflows.
          </p>
        </Empty>
      }
      after={after}
      next={list.data?.nextPageToken}
    />
  );
}

const looks: Readonly<Record<string, string>> = { Running: "Running", Completed: "Completed", Failed: "Failed" };

export function BatchState({ state }: { readonly state: string | undefined }) {
  const word = enumWord(state, "BATCH_OPERATION_STATE_");
  return <span className={`badge status-${looks[word] ?? "Canceled"}`}>{word}</span>;
}

export function operationText(type: string | undefined): string {
  return enumWord(type, "BATCH_OPERATION_TYPE_");
}
