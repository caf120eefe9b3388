/**
 * `npm run bench:lists`: how long lists and counts take with a million closed runs, over gRPC, on a SQLite file or in PostgreSQL. What the
 * numbers mean is in `docs/performance.md`.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { PostgresStore, SqliteStore, type Store } from "@pawl/store";
import { call } from "../rig/call.ts";
import { startPawl } from "../rig/server.ts";
import { attributeTypes, fillClosedRuns } from "./closed-runs.ts";
import { emptyFile } from "./system.ts";

const namespace = "default";
const say = (line: string) => void process.stderr.write(`${line}\n`);

/** A page of a list, as a client asks for it; the number of rows is the default of the API's clients, or that of a screen. */
const pageSizes = [20, 1_000] as const;

const filters: readonly (readonly [string, string])[] = [
  ["everything", ""],
  ["a status, frequent", "ExecutionStatus = 'Completed'"],
  ["a status, rare", "ExecutionStatus = 'Terminated'"],
  ["a status that no run has", "ExecutionStatus = 'Running'"],
  ["a type", "WorkflowType = 'Order7'"],
  ["a workflow id", "WorkflowId = 'order-5000'"],
  ["a prefix of workflow ids", "WorkflowId STARTS_WITH 'order-5000'"],
  ["a type and a status", "WorkflowType = 'Order7' AND ExecutionStatus = 'Failed'"],
  ["a stretch of close times", "CloseTime BETWEEN '2026-01-03T00:00:00Z' AND '2026-01-04T00:00:00Z'"],
  ["a stretch of start times", "StartTime BETWEEN '2026-01-03T00:00:00Z' AND '2026-01-03T01:00:00Z'"],
  ["Keyword, 10 runs", "Customer = 'customer-4242'"],
  ["Keyword, 200,000 runs", "Region = 'asia'"],
  ["Keyword and status", "Region = 'asia' AND ExecutionStatus = 'Terminated'"],
  ["two Keywords", "Region = 'asia' AND Customer = 'customer-4242'"],
  ["Keyword IN", "Customer IN ('customer-1', 'customer-2', 'customer-3')"],
  ["Keyword STARTS_WITH", "Customer STARTS_WITH 'customer-4242'"],
  ["Int, rare", "Amount = 77"],
  ["Int, range of few", "Amount BETWEEN 70 AND 75"],
  ["Int, range of many", "Amount > 5000"],
  ["KeywordList, 20,000 runs", "Tags = 'tag-7'"],
  ["Text, a frequent word", "Note = 'parcel'"],
  ["Text, a rare word", "Note = '4242'"],
  ["an attribute that is not there", "Customer IS NULL"],
  ["a value that no run has", "Customer = 'nobody'"],
];

const groups: readonly (readonly [string, string])[] = [
  ["by status", "GROUP BY ExecutionStatus"],
  ["by status, of a Keyword", "Region = 'asia' GROUP BY ExecutionStatus"],
  ["by status, of a type", "WorkflowType = 'Order7' GROUP BY ExecutionStatus"],
];

async function open(dbUrl: string | undefined, file: string): Promise<Store> {
  return dbUrl === undefined ? SqliteStore.open({ filename: file }) : PostgresStore.open({ url: dbUrl });
}

interface Timed {
  readonly firstMs: number;
  readonly medianMs: number;
}

/** The first call, and the median of those that follow: what the caches of file and statements make of it. */
async function timed(ask: () => Promise<unknown>): Promise<Timed> {
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const startedAtMs = performance.now();
    await ask();
    times.push(performance.now() - startedAtMs);
  }
  const [firstMs = 0, ...later] = times;
  return { firstMs, medianMs: later.sort((a, b) => a - b)[1] ?? 0 };
}

const shown = ({ firstMs, medianMs }: Timed) => `${firstMs.toFixed(1).padStart(9)} ${medianMs.toFixed(1).padStart(8)}`;

async function measure(address: string): Promise<void> {
  const list = (query: string, pageSize: number) =>
    call(address, "ListWorkflowExecutions", { namespace, query, pageSize }, { timeoutMs: 120_000 });
  const count = (query: string) =>
    call(address, "CountWorkflowExecutions", { namespace, query }, { timeoutMs: 120_000 });
  console.log(
    `${"first page, ms: first call, later calls".padEnd(42)}${pageSizes.map((n) => `${n} rows`.padStart(20)).join("")}`,
  );
  for (const [name, query] of filters) {
    const cells: string[] = [];
    for (const pageSize of pageSizes) cells.push(shown(await timed(() => list(query, pageSize))));
    console.log(`${name.padEnd(42)}${cells.map((cell) => cell.padStart(20)).join("")}`);
  }
  console.log("\ncount, ms: first call, later calls");
  for (const [name, query] of [...filters, ...groups]) {
    const { count: total } = await count(query);
    console.log(`${name.padEnd(42)}${shown(await timed(() => count(query)))} ${String(total).padStart(10)}`);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { count: { type: "string", default: "1000000" }, "db-url": { type: "string" }, file: { type: "string" } },
  });
  const count = Number(values.count);
  if (!Number.isInteger(count) || count < 1) throw new Error("--count wants a whole number from 1");
  using place = emptyFile();
  const dbFilename = values.file ?? place.filename;
  const at = values["db-url"] === undefined ? { dbFilename } : { args: ["--db-url", values["db-url"]] };
  const first = await startPawl(at);
  await call(first.address, "AddSearchAttributes", { namespace, searchAttributes: attributeTypes });
  const { count: there } = await call(first.address, "CountWorkflowExecutions", { namespace });
  await first.stop();
  if (there === 0) {
    const store = await open(values["db-url"], dbFilename);
    const found = (await store.namespaces()).find(({ name }) => name === namespace);
    const startedAtMs = performance.now();
    await fillClosedRuns(store, { namespaceId: found!.id, count }, say);
    say(`${count} runs written in ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`);
    await store.close();
  }
  const startedAtMs = performance.now();
  const server = await startPawl(at);
  say(`ready after ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`);
  await measure(server.address);
  await server.stop();
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
