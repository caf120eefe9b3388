import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { delivery } from "./workflows.ts";

const parcel = process.argv[2] ?? `parcel-${Date.now()}`;

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(delivery, { workflowId: parcel, taskQueue: "versioning", args: [parcel] });
console.log(`Started ${handle.workflowId}`);
await client.connection.close();
