import { fileURLToPath } from "node:url";
import { open } from "pawl";
import { countdown } from "./workflows.ts";

const activities = { say: async (line: string) => console.log(line) };
export type Activities = typeof activities;

const app = await open(`file:${process.argv[2] ?? "countdown.db"}`);
await app.worker({
  taskQueue: "countdown",
  workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
  activities,
});
const handle = await app.client.workflow.start(countdown, {
  workflowId: "countdown",
  taskQueue: "countdown",
  args: [10],
  workflowIdConflictPolicy: "USE_EXISTING", // after a crash, the one that is under way
});
console.log(await handle.result());
await app.close();
