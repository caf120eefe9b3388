import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Client, Connection } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { seedPeople } from "./tables.ts";
import { migration } from "./workflows.ts";

const folder = resolve(process.argv[2] ?? (await mkdtemp(join(tmpdir(), "pawl-migration-"))));
const rows = Number(process.argv[3] ?? 10_000);
const from = join(folder, "people.jsonl");
const to = join(folder, "people");
await seedPeople(from, rows);

const client = new Client({ connection: await Connection.connect({ address }) });
const handle = await client.workflow.start(migration, {
  workflowId: `migration-${Date.now()}`,
  taskQueue: "data-migration",
  args: [{ from, to, chunkRows: 50 }],
});
console.log(`Started ${handle.workflowId}: ${rows} rows to ${to}`);
console.log("Report:", JSON.stringify(await handle.result()));
await client.connection.close();
