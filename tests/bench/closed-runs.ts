/** Lists of very many closed runs: rows as a server writes them, put into the store directly, because a million real workflows would take an hour. */
import { enums, type Init, toTimestamp, workflow } from "@pawl/protocol";
import type { SearchValue, Store, VisibilityWrite } from "@pawl/store";

const { TEXT, KEYWORD, INT, KEYWORD_LIST } = enums.IndexedValueType;

/** What runs of the fill have: the first three all of them, the others each tenth. */
export const attributeTypes = {
  Customer: KEYWORD,
  Region: KEYWORD,
  Amount: INT,
  Tags: KEYWORD_LIST,
  Note: TEXT,
} as const;

const regions = ["africa", "america", "asia", "europe", "oceania"];
const nouns = ["parcel", "invoice", "refund", "letter", "basket", "gift", "sample", "return"];
const { COMPLETED, FAILED, TERMINATED, TIMED_OUT, CANCELED } = enums.WorkflowExecutionStatus;
/** Of a hundred runs. */
const statuses: readonly enums.WorkflowExecutionStatus[] = [
  ...Array.from({ length: 90 }, () => COMPLETED),
  ...Array.from({ length: 6 }, () => FAILED),
  ...[TIMED_OUT, TIMED_OUT, CANCELED, TERMINATED],
];

const firstStartMs = Date.UTC(2026, 0, 1);
/** A run starts each second and takes up to two minutes. */
const startEveryMs = 1_000;
const shardId = 1;
const rowsPerCommit = 2_000;
/** Commits that wait at once, so that the writer always has one. */
const commitsAhead = 4;

/** Spreads the numbers of the runs over `count` values, the same in each run of the bench. */
function pick(i: number, salt: number, count: number): number {
  return ((Math.imul(i + 1, 2_654_435_761) ^ Math.imul(salt, 1_540_483_477) ^ (i >>> 7)) >>> 0) % count;
}

export function closedRun(namespaceId: string, i: number): VisibilityWrite {
  const startTimeMs = firstStartMs + i * startEveryMs;
  const closeTimeMs = startTimeMs + pick(i, 1, 120_000);
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const time = hex(startTimeMs, 12);
  const runId = `${time.slice(0, 8)}-${time.slice(8)}-7${hex(pick(i, 2, 0xfff), 3)}-8${hex(pick(i, 3, 0xfff), 3)}-${hex(i, 12)}`;
  const workflowId = `order-${i}`;
  const type = `Order${pick(i, 4, 20)}`;
  const status = statuses[pick(i, 5, 100)]!;
  const searchAttributes: Record<string, SearchValue> = {
    Customer: `customer-${pick(i, 6, 100_000)}`,
    Region: regions[pick(i, 7, regions.length)]!,
    Amount: pick(i, 8, 10_000),
    ...(i % 10 === 0 && {
      Tags: [`tag-${pick(i, 9, 50)}`, `tag-${50 + pick(i, 10, 50)}`],
      Note: { text: `${nouns[pick(i, 11, nouns.length)]} ${pick(i, 12, 10_000)}` },
    }),
  };
  const info: Init<workflow.WorkflowExecutionInfo> = {
    execution: { workflowId, runId },
    type: { name: type },
    startTime: toTimestamp(startTimeMs),
    executionTime: toTimestamp(startTimeMs),
    closeTime: toTimestamp(closeTimeMs),
    status,
    historyLength: 11,
    historySizeBytes: 1_400,
    taskQueue: "orders",
    stateTransitionCount: 6,
    searchAttributes: { indexedFields: Object.fromEntries(Object.entries(searchAttributes).map(payloadOf)) },
    rootExecution: { workflowId, runId },
    firstRunId: runId,
  };
  return {
    table: "visibility",
    ...{ kind: "workflow", namespaceId, businessId: workflowId, runId, type, taskQueue: "orders", status },
    ...{ startTimeMs, executionTimeMs: startTimeMs, closeTimeMs, executionDurationMs: closeTimeMs - startTimeMs },
    ...{ historyLength: 11, historySizeBytes: 1_400, stateTransitionCount: 6 },
    ...{ parentWorkflowId: null, parentRunId: null, rootWorkflowId: workflowId, rootRunId: runId },
    searchAttributes,
    info: workflow.WorkflowExecutionInfo.encode(info as workflow.WorkflowExecutionInfo),
  };
}

const encoder = new TextEncoder();
const typeNames = { Customer: "Keyword", Region: "Keyword", Amount: "Int", Tags: "KeywordList", Note: "Text" };

function payloadOf([name, value]: [string, SearchValue]) {
  const type = typeNames[name as keyof typeof typeNames];
  const metadata = { encoding: encoder.encode("json/plain"), type: encoder.encode(type) };
  return [
    name,
    {
      metadata,
      data: encoder.encode(JSON.stringify(typeof value === "object" && "text" in value ? value.text : value)),
      externalPayloads: [],
    },
  ] as const;
}

/** Writes `count` closed runs, `0` the first to end. */
export async function fillClosedRuns(
  store: Store,
  { namespaceId, count }: { readonly namespaceId: string; readonly count: number },
  say: (line: string) => void,
): Promise<void> {
  const lease = await store.acquire(shardId, "bench");
  const commits: Promise<void>[] = [];
  for (let i = 0; i < count; i += rowsPerCommit) {
    const rows = Array.from({ length: Math.min(rowsPerCommit, count - i) }, (_, at) => closedRun(namespaceId, i + at));
    commits.push(store.commit(lease, rows));
    if (commits.length > commitsAhead) await commits.shift();
    if (i % 100_000 === 0) say(`${i} of ${count} runs`);
  }
  await Promise.all(commits);
}
