import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { type delivery, pickedUp } from "./workflows.ts";

const parcel = process.argv[2] ?? "";

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = client.workflow.getHandle<typeof delivery>(parcel);
await handle.signal(pickedUp);
console.log("Result:", (await handle.result()).join(", "));
await client.connection.close();
