import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { offer } from "./workflows.ts";

const given = process.argv.slice(2);
const skus = given.length > 0 ? given : ["book", "lamp", "pen"];

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(offer, {
  workflowId: `offer-${Date.now()}`,
  taskQueue: "local-activities",
  args: [skus, "de"],
});
console.log("Offer:", JSON.stringify(await handle.result()));
const { events } = await handle.fetchHistory();
const local = events.filter((event) => event.markerRecordedEventAttributes).length;
const ordinary = events.filter((event) => event.activityTaskScheduledEventAttributes).length;
console.log(`${events.length} events: ${local} local activities, ${ordinary} ordinary`);
await client.connection.close();
