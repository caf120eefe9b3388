import { Client, Connection, WorkflowFailedError } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { bookTrip } from "./workflows.ts";

const tripId = process.argv[2] ?? `trip-${Date.now()}`;
const car = process.argv[3] ?? "small";
const thinkSeconds = Number(process.argv[4] ?? 0);

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(bookTrip, {
  workflowId: tripId,
  taskQueue: "saga",
  args: [{ tripId, hotel: "Ritz", flight: "LH 1", car, thinkSeconds }],
});
process.once("SIGINT", () => {
  handle.cancel().catch((error) => console.error(error));
});
console.log(`Started ${tripId}; Ctrl+C cancels it`);
try {
  console.log("Booked:", (await handle.result()).join(", "));
} catch (error) {
  if (!(error instanceof WorkflowFailedError)) throw error;
  console.log("Not booked:", error.cause?.message);
}
await client.connection.close();
