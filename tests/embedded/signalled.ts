/** A program for a test of signals: an app, and a workflow that it waits for. With a second argument it listens for SIGTERM itself. */
import { fileURLToPath } from "node:url";
import { open } from "pawl";
import { waiting } from "./workflows.ts";

const [, , address = "memory:", listens] = process.argv;
if (listens !== undefined) process.once("SIGTERM", () => console.log("asked"));
const app = await open(address);
await app.worker({ taskQueue: "waits", workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)) });
const options = { taskQueue: "waits", workflowId: "waits", workflowIdConflictPolicy: "USE_EXISTING" } as const;
const handle = await app.client.workflow.start(waiting, options);
console.log("waits");
if (listens !== undefined) {
  // Whoever listens does what he likes with the app that is still there.
  await new Promise((resolve) => process.stdin.once("data", resolve));
  await handle.terminate();
  await app.close();
  console.log("closed");
} else {
  await handle.result();
}
