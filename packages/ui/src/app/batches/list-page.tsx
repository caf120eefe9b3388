/** Batch operations of a namespace, the newest first. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { batchesRoute } from "../addresses.ts";
import { type BatchInfo, listBatches } from "../api/batches.ts";
import { enumWord } from "../parts/enum-word.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";

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
      keyOf={({ jobId }) => jobId}
      columns={columns}
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

const columns: readonly Column<BatchInfo>[] = [
  { title: "State", cell: ({ state }) => <BatchState state={state} />, value: ({ state }) => state },
  {
    title: "Job",
    cell: ({ jobId }) => (
      <Link
        from={batchesRoute.id}
        to="/namespaces/$namespace/batch-operations/$jobId"
        params={({ namespace }) => ({ namespace, jobId })}
        data-shortcut="row"
      >
        {jobId}
      </Link>
    ),
    value: ({ jobId }) => jobId,
    look: "breakable",
  },
  {
    title: "What it does",
    cell: ({ operationType }) => operationText(operationType),
    value: ({ operationType }) => operationText(operationType),
  },
  { title: "Started", cell: ({ startTime }) => <Moment at={startTime} />, value: ({ startTime }) => startTime },
  { title: "Ended", cell: ({ closeTime }) => <Moment at={closeTime} />, value: ({ closeTime }) => closeTime },
];

const looks: Readonly<Record<string, string>> = { Running: "Running", Completed: "Completed", Failed: "Failed" };

export function BatchState({ state }: { readonly state: string | undefined }) {
  const word = enumWord(state, "BATCH_OPERATION_STATE_");
  return <span className={`badge status-${looks[word] ?? "Canceled"}`}>{word}</span>;
}

export function operationText(type: string | undefined): string {
  return enumWord(type, "BATCH_OPERATION_TYPE_");
}
