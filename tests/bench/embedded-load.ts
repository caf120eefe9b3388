/** Pawl inside one process, server, client and worker, as a program beside those in `peers/`: same argument, same report. */
import { fileURLToPath } from "node:url";
import { DefaultLogger, Runtime } from "@pawl/sdk/worker";
import { open } from "pawl";
import type { steps } from "./embedded-workflows.ts";
import { askedLoad, closedLoop, idsOf } from "./peers/closed-loop.ts";

const taskQueue = "bench";

Runtime.install({ logger: new DefaultLogger("ERROR") });
const load = askedLoad();
const app = await open(`file:${load.at["file"]}`);
const workflowsPath = fileURLToPath(new URL("./embedded-workflows.ts", import.meta.url));
await app.worker({ taskQueue, workflowsPath, activities: { echo: async (text: string) => text } });
const newId = idsOf();
const report = await closedLoop(load, () =>
  app.client.workflow.execute<typeof steps>("steps", { taskQueue, workflowId: newId(), args: [load.steps] }),
);
console.log(JSON.stringify(report));
await app.close();
process.exit();
