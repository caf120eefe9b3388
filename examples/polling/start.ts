import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { print, type Way } from "./workflows.ts";

const ways: Way[] = ["frequent", "infrequent", "sequence"];

const client = new Client({ connection: await Connection.connect({ address }) });
const results = await Promise.all(
  ways.map(async (way) => {
    const workflowId = `print-${way}-${Date.now()}`;
    const handle = await client.workflow.start(print, { workflowId, taskQueue: "polling", args: [way] });
    await handle.result();
    const { events } = await handle.fetchHistory();
    return `${way}: printed, ${events.length} events`;
  }),
);
console.log(results.join("\n"));
await client.connection.close();
