/**
 * node check.ts ADDRESS LEDGER ACKNOWLEDGED: after the faults have ended, everything that was acknowledged must be there, once.
 * Prints {"workflows": N, "byLanguage": {LANGUAGE: N}, "signals": N, "retriedEffects": N}; exits with 1 and the reason when something is missing.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Client, Connection } from "@temporalio/client";
import { languageOf, order } from "./order.ts";
import type { Receipt } from "./workflows.ts";

const [address, ledgerFile, acknowledgedFile] = process.argv.slice(2);
if (!address || !ledgerFile || !acknowledgedFile) throw new Error("ADDRESS, LEDGER and ACKNOWLEDGED are needed");

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
const byLanguage: Record<string, number> = {};

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
  const language = languageOf(workflowId);
  byLanguage[language] = (byLanguage[language] ?? 0) + 1;
}

const tries = new Map<string, number>();
for (const key of readFileSync(ledgerFile, "utf8").trim().split("\n")) tries.set(key, (tries.get(key) ?? 0) + 1);
assert.deepEqual(
  [...tries.keys()].sort(),
  started.flatMap((id) => expectedEffects.map((step) => `${id}/${step}`)).sort(),
  "the ledger holds the effects of the acknowledged workflows, and no others",
);

console.log(
  JSON.stringify({
    workflows: started.length,
    signals: started.length * order.signals,
    byLanguage,
    retriedEffects: [...tries.values()].filter((tried) => tried > 1).length,
  }),
);
process.exit(0);
