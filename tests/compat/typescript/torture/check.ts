/**
 * node check.ts ADDRESS LEDGER ACKNOWLEDGED: after the faults have ended, everything that was acknowledged must be there, once.
 * Prints {"workflows": N, "signals": N, "replayed": N, "retriedEffects": N}; exits with 1 and the reason when something is missing.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { openLedger } from "./activities.ts";
import { order } from "./order.ts";
import type { Receipt } from "./workflows.ts";

const [address, ledgerFile, acknowledgedFile] = process.argv.slice(2);
if (!address || !ledgerFile || !acknowledgedFile) throw new Error("ADDRESS, LEDGER and ACKNOWLEDGED are needed");
Runtime.install({ logger: new DefaultLogger("ERROR") });

interface Acknowledged {
  readonly started?: string;
  readonly signaled?: readonly [string, number];
  readonly approved?: readonly [string, string];
}
const acknowledged = readFileSync(acknowledgedFile, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Acknowledged);
const started = acknowledged.flatMap(({ started: id }) => id ?? []);
const approvals = new Map(acknowledged.flatMap(({ approved }) => (approved ? [approved] : [])));
const client = new Client({ connection: await Connection.connect({ address }) });

const expectedEffects = [...Array.from({ length: order.steps }, (_, step) => `step-${step}`), "left", "right", "last"];
const expectedSignals = Array.from({ length: order.signals }, (_, index) => index + 1);
const histories: {
  workflowId: string;
  history: Awaited<ReturnType<ReturnType<Client["workflow"]["getHandle"]>["fetchHistory"]>>;
}[] = [];

for (const workflowId of started) {
  const handle = client.workflow.getHandle(workflowId);
  const receipt = (await handle.result()) as Receipt;
  assert.deepEqual(
    receipt.effects,
    expectedEffects.map((step) => `${workflowId}/${step}`),
    `${workflowId}: every step, in order`,
  );
  assert.deepEqual([...receipt.signals].sort(), expectedSignals, `${workflowId}: every signal, once`);
  const approval = approvals.get(workflowId);
  if (approval) assert.equal(receipt.approval, approval, `${workflowId}: the completion that was acknowledged`);
  const history = await handle.fetchHistory();
  const ids = history.events!.map(({ eventId }) => Number(eventId));
  assert.deepEqual(
    ids,
    ids.map((_, index) => index + 1),
    `${workflowId}: event ids are dense`,
  );
  histories.push({ workflowId, history });
}

const rows = openLedger(ledgerFile).prepare("SELECT key, tried FROM effect").all() as { key: string; tried: number }[];
assert.deepEqual(
  rows.map(({ key }) => key).sort(),
  started.flatMap((id) => expectedEffects.map((step) => `${id}/${step}`)).sort(),
  "the ledger holds the effects of the acknowledged workflows, and no others",
);

let replayed = 0;
for await (const result of Worker.runReplayHistories(
  { workflowsPath: join(import.meta.dirname, "workflows.ts") },
  histories,
)) {
  if (result.error) throw new Error(`${result.workflowId} does not replay`, { cause: result.error });
  replayed += 1;
}
console.log(
  JSON.stringify({
    workflows: started.length,
    signals: started.length * order.signals,
    replayed,
    retriedEffects: rows.filter(({ tried }) => tried > 1).length,
  }),
);
process.exit(0);
