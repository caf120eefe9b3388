/** `pawl worker list`, `count` and `describe`: workers that send heartbeats to the server. */
import { type Definition, define } from "../command/definition.ts";
import { required, text } from "../command/flag.ts";
import { limitFlags } from "../command/global-flags.ts";
import type { Column } from "../output/output.ts";
import { pagesOf } from "./pages.ts";

const columns: readonly Column[] = [
  { heading: "Status", path: "status", prefix: "WORKER_STATUS_" },
  { heading: "Identity", path: "workerIdentity" },
  { heading: "TaskQueue", path: "taskQueue" },
  { heading: "Host", path: "hostName" },
  { heading: "SDK", path: "sdkName" },
  { heading: "Version", path: "sdkVersion" },
  { heading: "StartTime", path: "startTime", kind: "time" },
  { heading: "WorkerInstanceKey", path: "workerInstanceKey" },
];

const details: readonly Column[] = [
  ...columns.map((column) => ({ ...column, path: `workerInfo.workerHeartbeat.${column.path}` })),
  { heading: "LastHeartbeat", path: "workerInfo.workerHeartbeat.heartbeatTime", kind: "time" },
  { heading: "WorkflowTasks", path: "workerInfo.workerHeartbeat.workflowTaskSlotsInfo", kind: "json" },
  { heading: "ActivityTasks", path: "workerInfo.workerHeartbeat.activityTaskSlotsInfo", kind: "json" },
];

const query = text("filter", `which ones, such as 'TaskQueue = "orders"'`, { short: "q" });

export const workerCommands: readonly Definition[] = [
  define({
    path: "worker list",
    summary: "List workers",
    flags: { query, ...limitFlags },
    async run(session, { query = "", ...limits }) {
      const pages = pagesOf(session, limits, {
        method: "ListWorkers",
        items: "workers",
        request: (page) => ({ namespace: session.namespace, query, ...page }),
      });
      await session.output.list(columns, pages);
    },
  }),
  define({
    path: "worker count",
    summary: "Count workers",
    flags: { query },
    async run(session, { query = "" }) {
      const { count } = await session.call("CountWorkers", { namespace: session.namespace, query });
      session.output.json({ count: String(count) });
      session.output.say(`Total: ${count}`);
    },
  }),
  define({
    path: "worker describe",
    summary: "Show a worker",
    flags: { workerInstanceKey: required("key", "as the list has it") },
    argument: "workerInstanceKey",
    async run(session, { workerInstanceKey }) {
      const answer = await session.call("DescribeWorker", { namespace: session.namespace, workerInstanceKey });
      session.output.thing(details, await session.json("DescribeWorker", answer));
    },
  }),
];
