import { setTimeout as delay } from "node:timers/promises";
import { Client, Connection, defaultPayloadConverter } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { film } from "./workflows.ts";

const frames = Number(process.argv[2] ?? 250);

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(film, {
  workflowId: `film-${Date.now()}`,
  taskQueue: "complex-progress",
  args: ["Metropolis", frames],
});
const report = handle.result();
let seen = "";
while (await Promise.race([report.then(() => false), delay(100, true)])) {
  const [activity] = (await handle.describe()).raw.pendingActivities;
  const [payload] = activity?.heartbeatDetails?.payloads ?? [];
  if (!payload) continue;
  const { stage, frame, done, total } = defaultPayloadConverter.fromPayload<Record<string, string | number>>(payload);
  const line = stage === undefined ? `publish: ${done} of ${total} bytes` : `${stage}: frame ${frame} of ${frames}`;
  if (line !== seen) console.log(line);
  seen = line;
}
console.log("Report:", JSON.stringify(await report));
await client.connection.close();
