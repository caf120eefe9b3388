/** `pawl batch …`: work on many workflows, in the background. */
import { type Definition, define } from "../command/definition.ts";
import { required } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import { batchColumns, batchDetails, followBatch } from "./batch-progress.ts";
import { pagesOf } from "./pages.ts";

const jobId = required("id", "the batch");

export const batchCommands: readonly Definition[] = [
  define({
    path: "batch list",
    summary: "List batches, the latest first",
    flags: limitFlags,
    async run(session, limits) {
      const pages = pagesOf(session, limits, {
        method: "ListBatchOperations",
        items: "operationInfo",
        request: (page) => ({ namespace: session.namespace, ...page }),
      });
      await session.output.list(batchColumns, pages);
    },
  }),
  define({
    path: "batch describe",
    summary: "Show how far a batch is",
    flags: { jobId },
    argument: "jobId",
    async run(session, flags) {
      const batch = await session.call("DescribeBatchOperation", { namespace: session.namespace, jobId: flags.jobId });
      session.output.thing(batchDetails, await session.json("DescribeBatchOperation", batch));
    },
  }),
  define({
    path: "batch wait",
    summary: "Stay until a batch is done, with a bar in a terminal; the exit code is 1 if any of it failed",
    flags: { jobId },
    argument: "jobId",
    run: (session, flags) => followBatch(session, flags.jobId),
  }),
  define({
    path: "batch terminate",
    summary: "Stop a batch; what it has done stays done",
    flags: { jobId, reason: required("words", "why; it is kept") },
    argument: "jobId",
    async run(session, flags) {
      const { namespace, identity } = session;
      await session.call("StopBatchOperation", { namespace, identity, jobId: flags.jobId, reason: flags.reason });
      session.output.say(`Stopped batch ${flags.jobId}`);
    },
  }),
];
