/** Shows the progress of a batch operation until it ends. */
import { setTimeout as delay } from "node:timers/promises";
import { enums } from "@pawl/sdk/proto";
import { Failure } from "../failure.ts";
import type { Column } from "../output/output.ts";
import { Progress } from "../output/terminal.ts";
import type { Session } from "../session.ts";

export const batchColumns: readonly Column[] = [
  {
    heading: "State",
    path: "state",
    prefix: "BATCH_OPERATION_STATE_",
    style: (text) => (text === "Failed" ? "red" : "green"),
  },
  { heading: "JobId", path: "jobId" },
  { heading: "Operation", path: "operationType", prefix: "BATCH_OPERATION_TYPE_" },
  { heading: "Started", path: "startTime", kind: "time" },
  { heading: "Closed", path: "closeTime", kind: "time" },
];

export const batchDetails: readonly Column[] = [
  ...batchColumns,
  { heading: "Total", path: "totalOperationCount" },
  { heading: "Done", path: "completeOperationCount" },
  { heading: "Failed", path: "failureOperationCount" },
  { heading: "Reason", path: "reason" },
  { heading: "Identity", path: "identity" },
];

const lookEveryMs = 500;

/** Ends when the batch does; a failure within it fails the command. */
export async function followBatch(session: Session, jobId: string): Promise<void> {
  const progress = new Progress();
  const { namespace } = session;
  for (;;) {
    const batch = await session.call("DescribeBatchOperation", { namespace, jobId });
    const { state, totalOperationCount, completeOperationCount, failureOperationCount } = batch;
    const failed = failureOperationCount === 0 ? "done" : `done, ${failureOperationCount} failed`;
    progress.show(completeOperationCount + failureOperationCount, totalOperationCount, failed);
    if (state === enums.BatchOperationState.RUNNING) {
      await delay(lookEveryMs);
      continue;
    }
    progress.clear();
    session.output.thing(batchDetails, await session.json("DescribeBatchOperation", batch));
    if (failureOperationCount > 0 || state === enums.BatchOperationState.FAILED)
      throw new Failure("environment", `${failureOperationCount} of ${totalOperationCount} failed`);
    return;
  }
}
