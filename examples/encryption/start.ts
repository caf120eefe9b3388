import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { dataConverter } from "./encryption.ts";
import { diagnosisQuery, treatment } from "./workflows.ts";

const name = process.argv[2] ?? "Ada Lovelace";

const client = new Client({ connection: await Connection.connect({ address }), dataConverter });
const handle = await client.workflow.start(treatment, {
  workflowId: `treatment-${Date.now()}`,
  taskQueue: "encryption",
  args: [{ name, diagnosis: "cough" }],
});
console.log(`Workflow: ${handle.workflowId}`);
console.log("Result:", await handle.result());
console.log("Query:", await handle.query(diagnosisQuery));
const { events } = await handle.fetchHistory();
const [input] = events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
const { encoding, ...rest } = input?.metadata ?? {};
console.log(
  `The server has: ${Buffer.from(encoding ?? []).toString()}, key ${Buffer.from(rest["encryption-key"] ?? []).toString()}`,
);
console.log(Buffer.from(input?.data ?? []).toString("base64"));
await client.connection.close();
