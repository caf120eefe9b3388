/**
 * `node tests/bench/store.ts [commits|lists]`: what the stores do by themselves.
 *
 * commits: transitions/s when 1, 16, 64 or 256 are asked for at once. One transition = a run's snapshot of 1.5 kB, a batch of history of
 * 600 B, one part written and one removed; every fifth also writes a visibility row, as one start and one close in ten transitions do.
 * lists: pages and counts over 1,000,000 closed and 10,000 open runs in a file.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import {
  MemoryStore,
  SqliteStore,
  type Store,
  type VisibilityFilter,
  type VisibilityWrite,
  type Write,
} from "@pawl/store";

const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
const measureMs = 3_000;
const runCount = 2_000;
const epochMs = 1_700_000_000_000;

function visibility(runId: string, i: number, fields: Partial<VisibilityWrite> = {}): VisibilityWrite {
  return {
    table: "visibility",
    runId,
    kind: "workflow",
    namespaceId: "5f0e3c66-6a0f-4b3e-9d3e-6a1d4b8f2c11",
    businessId: `order-${i}`,
    type: ["OrderWorkflow", "PaymentWorkflow", "EmailWorkflow"][i % 3] ?? "",
    taskQueue: "orders",
    status: 1,
    startTimeMs: epochMs + i * 50,
    executionTimeMs: epochMs + i * 50,
    closeTimeMs: null,
    historyLength: 11,
    historySizeBytes: 2_000,
    executionDurationMs: 1_000,
    stateTransitionCount: 7,
    parentWorkflowId: null,
    parentRunId: null,
    rootWorkflowId: `order-${i}`,
    rootRunId: runId,
    searchAttributes: { BuildIds: ["unversioned"], CustomerId: `customer-${i % 5_000}` },
    info: new Uint8Array(400),
    ...fields,
  };
}

/** Ids of one length whose order is that of their numbers, as run ids by time are. */
function runIdOf(i: number): string {
  return `0190a5c4-${i.toString(16).padStart(8, "0")}-7000-8000-0123456789`;
}

function transition(i: number): Write[] {
  const n = i % runCount;
  const runId = runIdOf(n);
  const round = Math.floor(i / runCount);
  const writes: Write[] = [
    {
      table: "run",
      runId,
      kind: "workflow",
      namespaceId: "5f0e3c66-6a0f-4b3e-9d3e-6a1d4b8f2c11",
      businessId: `order-${n}`,
      snapshot: new Uint8Array(1_500),
      wakeAtMs: epochMs + i,
      undispatched: false,
    },
    { table: "history", runId, firstEventId: round * 3 + 1, lastEventId: round * 3 + 3, events: new Uint8Array(600) },
    { table: "part", runId, part: `a/${round}`, bytes: new Uint8Array(200) },
    { table: "part", runId, part: `a/${round - 1}`, bytes: null },
  ];
  if (i % 5 === 0) writes.push(visibility(runId, n));
  return writes;
}

async function benchCommits(store: Store, groupSize: number): Promise<void> {
  const lease = await store.acquire(1, "bench");
  let made = 0;
  const group = () => Promise.all(Array.from({ length: groupSize }, () => store.commit(lease, transition(made++))));
  const warmUntilMs = performance.now() + 500;
  while (performance.now() < warmUntilMs) await group();
  const firstMade = made;
  const [cpuBefore, mainBefore, startMs] = [process.cpuUsage(), process.threadCpuUsage(), performance.now()];
  const commitMs: number[] = [];
  while (performance.now() - startMs < measureMs) {
    const beganMs = performance.now();
    await group();
    commitMs.push(performance.now() - beganMs);
  }
  const elapsedMs = performance.now() - startMs;
  const [cpu, main] = [process.cpuUsage(cpuBefore), process.threadCpuUsage(mainBefore)];
  const count = made - firstMade;
  commitMs.sort((a, b) => a - b);
  console.log(
    [
      store.kind.padEnd(8),
      `${groupSize} at once`.padStart(12),
      `${Math.round((count * 1_000) / elapsedMs)}/s`.padStart(10),
      `p50 ${commitMs[commitMs.length >> 1]?.toFixed(2)} ms`.padStart(14),
      `p99 ${commitMs[Math.floor(commitMs.length * 0.99)]?.toFixed(1)} ms`.padStart(14),
      `main ${((main.user + main.system) / count).toFixed(1)} µs`.padStart(16),
      `all threads ${((cpu.user + cpu.system) / count).toFixed(1)} µs`.padStart(24),
    ].join(""),
  );
}

async function commits(): Promise<void> {
  for (const groupSize of [1, 16, 64, 256]) {
    const memory = new MemoryStore();
    await benchCommits(memory, groupSize);
    const sqlite = await SqliteStore.open({ filename: join(folder, `commits-${groupSize}.db`) });
    await benchCommits(sqlite, groupSize);
    await sqlite.close();
  }
}

const filters: Record<string, VisibilityFilter | undefined> = {
  "no filter": undefined,
  "status = Running": { op: "=", name: "ExecutionStatus", value: 1 },
  "status = Failed (1 in 1,000)": { op: "=", name: "ExecutionStatus", value: 3 },
  "status IN (Completed, Failed)": { op: "in", name: "ExecutionStatus", values: [2, 3] },
  "status IN (Failed, Canceled)": { op: "in", name: "ExecutionStatus", values: [3, 4] },
  "type = Order": { op: "=", name: "WorkflowType", value: "OrderWorkflow" },
  "type = Order AND Failed": {
    op: "and",
    all: [
      { op: "=", name: "WorkflowType", value: "OrderWorkflow" },
      { op: "=", name: "ExecutionStatus", value: 3 },
    ],
  },
  "workflow id": { op: "=", name: "WorkflowId", value: "order-500000" },
  "workflow id starts with order-5000": { op: "startsWith", name: "WorkflowId", prefix: "order-5000" },
  "workflow id starts with order-": { op: "startsWith", name: "WorkflowId", prefix: "order-" },
  "run id": { op: "=", name: "RunId", value: runIdOf(500_000) },
  "closed in one hour": { op: "between", name: "CloseTime", low: epochMs + 20_000_000, high: epochMs + 23_600_000 },
  "started in the first hour": { op: "<", name: "StartTime", value: epochMs + 3_600_000 },
  "Completed AND started after the first half": {
    op: "and",
    all: [
      { op: "=", name: "ExecutionStatus", value: 2 },
      { op: ">", name: "StartTime", value: epochMs + 25_000_000 },
    ],
  },
  "attribute (1 in 5,000)": { op: "=", name: "CustomerId", value: "customer-4321" },
};

async function fill(store: Store, closedCount: number, openCount: number): Promise<void> {
  const lease = await store.acquire(1, "bench");
  const startMs = performance.now();
  let writes: VisibilityWrite[] = [];
  for (let i = 0; i < closedCount + openCount; i += 1) {
    const status = i < closedCount ? (i % 1_000 === 0 ? 3 : 2) : 1;
    writes.push(visibility(runIdOf(i), i, status === 1 ? {} : { status, closeTimeMs: epochMs + i * 50 + 1_000 }));
    if (writes.length < 2_000 && i + 1 < closedCount + openCount) continue;
    await store.commit(lease, writes);
    writes = [];
  }
  console.log(`${store.kind}: filled in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
}

async function timed(what: string, call: () => Promise<unknown[]>): Promise<void> {
  const times: number[] = [];
  let rowCount = 0;
  for (let i = 0; i < 4; i += 1) {
    const startMs = performance.now();
    rowCount = (await call()).length;
    times.push(performance.now() - startMs);
  }
  const again = Math.min(...times.slice(1));
  console.log(`  ${what.padEnd(60)} first ${times[0]?.toFixed(1)} ms, again ${again.toFixed(1)} ms, ${rowCount} rows`);
}

async function lists(): Promise<void> {
  const filename = join(folder, "lists.db");
  const store = await SqliteStore.open({ filename });
  await fill(store, 1_000_000, 10_000);
  console.log(`  ${Math.round(statSync(filename).size / 1e6)} MB`);
  const { kind, namespaceId } = visibility("", 0);
  const list = { kind, namespaceId };
  for (const [name, filter] of Object.entries(filters)) {
    const query = { ...list, ...(filter && { filter }) };
    await timed(`list: ${name}`, () => store.listVisibility({ ...query, limit: 100 }));
    await timed(`count: ${name}`, () => store.countVisibility(query));
  }
  const after = { closeTimeMs: epochMs + 25_000_000, startTimeMs: epochMs + 24_999_000, runId: runIdOf(1) };
  await timed("list: a page in the middle", () => store.listVisibility({ ...list, limit: 100, after }));
  await timed("count by status", () => store.countVisibility({ ...list, groupBy: "ExecutionStatus" }));
  await store.close();
}

try {
  const [, , what = "commits"] = process.argv;
  await (what === "lists" ? lists() : commits());
} finally {
  rmSync(folder, { recursive: true });
}
