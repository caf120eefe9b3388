/** The part of the conformance suite that lists and counts workflows. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  SearchValue,
  Store,
  VisibilityFilter,
  VisibilityOrder,
  VisibilityRow,
  VisibilityWrite,
} from "../store.ts";
import { bytes, visibilityWrite } from "./conformance-samples.ts";

/** A store with these rows in namespace `ns`, and rows in another namespace that no query may find. */
async function storeOf(open: (t: TestContext) => Promise<Store>, t: TestContext, rows: readonly VisibilityWrite[]) {
  const store = await open(t);
  const elsewhere = rows.map((row) => ({ ...row, runId: `${row.runId} elsewhere`, namespaceId: "elsewhere" }));
  const lease = await store.acquire(1, "me");
  await store.commit(lease, [...rows, ...elsewhere]);
  return { store, lease };
}

function ids(rows: readonly VisibilityRow[]): string[] {
  return rows.map(({ runId }) => runId);
}

export function exerciseVisibility(open: (t: TestContext) => Promise<Store>): void {
  exerciseLists(open);
  exerciseOrders(open);
  exerciseFilters(open);
  exerciseOddFilters(open);
  exerciseCounts(open);
}

const closed = (runId: string, closeTimeMs: number, startTimeMs: number) =>
  visibilityWrite(runId, { closeTimeMs, startTimeMs, status: 2 });
const unordered = [
  closed("closed 20, started 2, b", 20, 2),
  visibilityWrite("open, started 3", { startTimeMs: 3 }),
  closed("closed 30, started 1", 30, 1),
  closed("closed 20, started 2, \u{1f40e}", 20, 2),
  closed("closed 20, started 5", 20, 5),
  closed("closed 20, started 2, \u{ffff}", 20, 2),
  visibilityWrite("open, started 9", { startTimeMs: 9 }),
  closed("closed 20, started 2, a", 20, 2),
];
const ordered = [
  "open, started 9",
  "open, started 3",
  "closed 30, started 1",
  "closed 20, started 5",
  "closed 20, started 2, \u{1f40e}",
  "closed 20, started 2, \u{ffff}",
  "closed 20, started 2, b",
  "closed 20, started 2, a",
];

function exerciseLists(open: (t: TestContext) => Promise<Store>): void {
  test("a list has open runs first, then by close time, start time and run id, all descending", async (t) => {
    const { store } = await storeOf(open, t, unordered);
    const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 100 });
    assert.deepEqual(ids(rows), ordered);
    assert.deepEqual(rows[2], {
      runId: "closed 30, started 1",
      closeTimeMs: 30,
      startTimeMs: 1,
      info: bytes("info of closed 30, started 1"),
    });
    assert.equal(rows[0]?.closeTimeMs, null);
    assert.deepEqual(await store.listVisibility({ kind: "workflow", namespaceId: "nobody's", limit: 100 }), []);
    assert.deepEqual(await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 0 }), []);
  });

  test("pages of any size join to the whole list", async (t) => {
    const { store } = await storeOf(open, t, unordered);
    for (const limit of [1, 2, 3, 7, 8, 9]) assert.deepEqual(await pages(store, limit), ordered, `pages of ${limit}`);
  });

  test("pages show each row that was there once, while others are written and those seen are deleted", async (t) => {
    const { store, lease } = await storeOf(open, t, unordered);
    const seen = await pages(store, 2, {}, async (page) => {
      if (page === 1) {
        // One belongs before what has been seen, one behind it.
        const others = [
          visibilityWrite("open, started 99", { startTimeMs: 99 }),
          closed("closed 40, started 4", 40, 4),
        ];
        await store.commit(lease, others);
      }
      // The row behind which the next page begins.
      if (page === 3) await store.commit(lease, [{ table: "deleteRun", runId: "closed 20, started 2, \u{1f40e}" }]);
    });
    assert.deepEqual(seen, ordered.toSpliced(2, 0, "closed 40, started 4"));
  });

  test("a row that is written again is listed once, as it was written last", async (t) => {
    const { store, lease } = await storeOf(open, t, [visibilityWrite("r"), visibilityWrite("q")]);
    await store.commit(lease, [visibilityWrite("r", { status: 2, closeTimeMs: 5, info: bytes("closed") })]);
    const rows = await store.listVisibility({ kind: "workflow", namespaceId: "ns", limit: 9 });
    assert.deepEqual(ids(rows), ["q", "r"]);
    assert.deepEqual(rows[1], { runId: "r", closeTimeMs: 5, startTimeMs: 1_000, info: bytes("closed") });
    assert.deepEqual(await listed(store, { op: "=", name: "ExecutionStatus", value: 1 }), ["q"]);
  });
}

function exerciseOrders(open: (t: TestContext) => Promise<Store>): void {
  const rows = [
    closed("ten, closed", 20, 2),
    visibilityWrite("nine", { historyLength: 9, searchAttributes: { K: "b", Mixed: 2 } }),
    visibilityWrite("ten, open", { historyLength: 10, searchAttributes: { K: "\u{1f40e}", Mixed: "1" } }),
    visibilityWrite("none, older", { startTimeMs: 1, searchAttributes: { K: ["a"], Mixed: true } }),
    visibilityWrite("none, newer", { startTimeMs: 2, searchAttributes: { K: "\u{ffff}\u0000", Mixed: false } }),
  ].map((row) => (row.runId === "ten, closed" ? { ...row, historyLength: 10 } : row));

  for (const [name, ascending, descending] of [
    [
      "HistoryLength",
      ["nine", "ten, open", "ten, closed", "none, newer", "none, older"],
      ["ten, open", "ten, closed", "nine", "none, newer", "none, older"],
    ],
    [
      "K",
      ["nine", "none, newer", "ten, open", "none, older", "ten, closed"],
      ["ten, open", "none, newer", "nine", "none, older", "ten, closed"],
    ],
    [
      "Mixed",
      ["none, newer", "none, older", "nine", "ten, open", "ten, closed"],
      ["ten, open", "nine", "none, older", "none, newer", "ten, closed"],
    ],
  ] as const)
    for (const isDescending of [false, true])
      test(`rows are put in the order of ${name}, ${isDescending ? "" : "not "}descending, in pages of any size, those without a value last`, async (t) => {
        const { store } = await storeOf(open, t, rows);
        const expected = isDescending ? descending : ascending;
        for (const limit of [1, 2, 4, 9])
          assert.deepEqual(
            await pages(store, limit, { orderBy: { name, isDescending } }),
            expected,
            `pages of ${limit}`,
          );
      });

  test("pages in an order go on behind a row that was deleted or whose value has changed", async (t) => {
    const { store, lease } = await storeOf(open, t, rows);
    const orderBy = { name: "HistoryLength", isDescending: false };
    const seen = await pages(store, 2, { orderBy }, async (page) => {
      if (page !== 1) return;
      const [changed] = rows.filter(({ runId }) => runId === "nine");
      await store.commit(lease, [
        { table: "deleteRun", runId: "ten, open" },
        { ...changed!, historyLength: 11 },
      ]);
    });
    assert.deepEqual(seen, ["nine", "ten, open", "ten, closed", "nine", "none, newer", "none, older"]);
  });
}

interface Ordered {
  readonly orderBy?: VisibilityOrder;
}

async function pages(
  store: Store,
  limit: number,
  order: Ordered = {},
  between: (page: number) => Promise<void> = async () => {},
) {
  const seen: VisibilityRow[] = [];
  for (let page = 1; ; page += 1) {
    const after = seen.at(-1);
    const rows = await store.listVisibility({
      kind: "workflow",
      namespaceId: "ns",
      limit,
      ...order,
      ...(after && { after }),
    });
    if (rows.length === 0) return ids(seen);
    seen.push(...rows);
    await between(page);
  }
}

async function listed(store: Store, filter: VisibilityFilter): Promise<string[]> {
  return ids(await store.listVisibility({ kind: "workflow", namespaceId: "ns", filter, limit: 100 })).sort();
}

/** Columns differ from row to row, so that a filter on the wrong column finds the wrong row. */
const rows: readonly VisibilityWrite[] = [
  visibilityWrite("a", {
    businessId: "order_1",
    type: "Order",
    taskQueue: "fast",
    startTimeMs: 100,
    executionTimeMs: 110,
  }),
  visibilityWrite("b", {
    businessId: "order%1",
    type: "Order",
    taskQueue: "slow",
    status: 2,
    startTimeMs: 200,
    executionTimeMs: 210,
    closeTimeMs: 1_000,
    historyLength: 5,
    historySizeBytes: 500,
    executionDurationMs: 800,
    stateTransitionCount: 4,
    parentWorkflowId: "parent",
    parentRunId: "parent run",
    rootWorkflowId: "root",
    rootRunId: "root run",
  }),
  visibilityWrite("c", {
    businessId: "orderX1",
    type: "order",
    taskQueue: "fast",
    status: 3,
    startTimeMs: 300,
    executionTimeMs: 310,
    closeTimeMs: 2_000,
    historyLength: 7,
    historySizeBytes: 700,
    executionDurationMs: 1_700,
    stateTransitionCount: 6,
  }),
];

const columnCases: readonly [VisibilityFilter, found: string][] = [
  [{ op: "=", name: "WorkflowId", value: "order_1" }, "a"],
  [{ op: "!=", name: "WorkflowId", value: "order_1" }, "bc"],
  [{ op: "startsWith", name: "WorkflowId", prefix: "order_" }, "a"],
  [{ op: "startsWith", name: "WorkflowId", prefix: "order%" }, "b"],
  [{ op: "startsWith", name: "WorkflowId", prefix: "order" }, "abc"],
  [{ op: "startsWith", name: "WorkflowId", prefix: "Order" }, ""],
  [{ op: "startsWith", name: "WorkflowId", prefix: "" }, "abc"],
  [{ op: "notStartsWith", name: "WorkflowId", prefix: "order_" }, "bc"],
  [{ op: "=", name: "RunId", value: "c" }, "c"],
  [{ op: "in", name: "RunId", values: ["a", "c", "x"] }, "ac"],
  [{ op: "=", name: "WorkflowType", value: "Order" }, "ab"],
  [{ op: "=", name: "TaskQueue", value: "fast" }, "ac"],
  [{ op: "=", name: "ExecutionStatus", value: 2 }, "b"],
  [{ op: "in", name: "ExecutionStatus", values: [1, 3] }, "ac"],
  [{ op: "notIn", name: "ExecutionStatus", values: [1, 3] }, "b"],
  [{ op: "in", name: "ExecutionStatus", values: [] }, ""],
  [{ op: "notIn", name: "ExecutionStatus", values: [] }, "abc"],
  [{ op: ">", name: "StartTime", value: 200 }, "c"],
  [{ op: ">=", name: "StartTime", value: 200 }, "bc"],
  [{ op: "<", name: "ExecutionTime", value: 210 }, "a"],
  [{ op: "<=", name: "ExecutionTime", value: 210 }, "ab"],
  [{ op: "between", name: "StartTime", low: 100, high: 200 }, "ab"],
  [{ op: "notBetween", name: "StartTime", low: 100, high: 200 }, "c"],
  [{ op: "=", name: "CloseTime", value: 1_000 }, "b"],
  [{ op: "!=", name: "CloseTime", value: 1_000 }, "c"],
  [{ op: ">", name: "CloseTime", value: 1_000 }, "c"],
  [{ op: ">=", name: "CloseTime", value: 1_000 }, "bc"],
  [{ op: "<", name: "CloseTime", value: 2_000 }, "b"],
  [{ op: "<=", name: "CloseTime", value: 2_000 }, "bc"],
  [{ op: "between", name: "CloseTime", low: 500, high: 1_500 }, "b"],
  [{ op: "notBetween", name: "CloseTime", low: 500, high: 1_500 }, "c"],
  [{ op: "in", name: "CloseTime", values: [2_000, 3_000] }, "c"],
  [{ op: "notIn", name: "CloseTime", values: [2_000] }, "b"],
  [{ op: "notIn", name: "CloseTime", values: [] }, "bc"],
  [{ op: "not", filter: { op: ">", name: "CloseTime", value: 1_000 } }, "b"],
  [{ op: "isNull", name: "CloseTime" }, "a"],
  [{ op: "isNotNull", name: "CloseTime" }, "bc"],
  [{ op: "=", name: "HistoryLength", value: 5 }, "b"],
  [{ op: "isNull", name: "HistoryLength" }, "a"],
  [{ op: ">", name: "HistorySizeBytes", value: 500 }, "c"],
  [{ op: "<", name: "ExecutionDuration", value: 1_000 }, "b"],
  [{ op: "=", name: "StateTransitionCount", value: 6 }, "c"],
  [{ op: "=", name: "ParentWorkflowId", value: "parent" }, "b"],
  [{ op: "isNull", name: "ParentWorkflowId" }, "ac"],
  [{ op: "=", name: "ParentRunId", value: "parent run" }, "b"],
  [{ op: "!=", name: "ParentRunId", value: "parent run" }, ""],
  [{ op: "=", name: "RootWorkflowId", value: "root" }, "b"],
  [{ op: "=", name: "RootRunId", value: "a" }, "a"],
  [{ op: "and", all: [] }, "abc"],
  [{ op: "or", all: [] }, ""],
];

const attributes: Readonly<Record<string, Record<string, SearchValue>>> = {
  a: {
    BuildIds: ["v1", "v2"],
    Text: "apple pie",
    Count: 5,
    Ratio: 0.1,
    Flag: true,
    Tags: ["red", "ro_nd"],
    'odd "name" %\\.[0]': "x",
  },
  b: { Text: "banana", Count: -3, Ratio: 1e21, Flag: false, Tags: ["yellow"] },
  c: { Text: "apple_pie", Count: 9_007_199_254_740_991, Ratio: -2.5, Tags: [] },
  d: {},
};

const attributeCases: readonly [VisibilityFilter, found: string][] = [
  [{ op: "=", name: "Text", value: "banana" }, "b"],
  [{ op: "!=", name: "Text", value: "banana" }, "ac"],
  [{ op: "not", filter: { op: "=", name: "Text", value: "banana" } }, "ac"],
  [{ op: ">", name: "Text", value: "apple pie" }, "bc"],
  [{ op: "startsWith", name: "Text", prefix: "apple_" }, "c"],
  [{ op: "notStartsWith", name: "Text", prefix: "apple_" }, "ab"],
  [{ op: "in", name: "Text", values: ["banana", "apple pie", "'quoted\"'"] }, "ab"],
  [{ op: "notIn", name: "Text", values: ["banana"] }, "ac"],
  [{ op: "between", name: "Text", low: "apple_", high: "c" }, "bc"],
  [{ op: "isNull", name: "Text" }, "d"],
  [{ op: "isNotNull", name: "Text" }, "abc"],
  [{ op: "=", name: "Count", value: 5 }, "a"],
  [{ op: "=", name: "Count", value: 9_007_199_254_740_991 }, "c"],
  [{ op: "<", name: "Count", value: 5 }, "b"],
  [{ op: "<=", name: "Count", value: 5 }, "ab"],
  [{ op: ">=", name: "Count", value: 5 }, "ac"],
  [{ op: "between", name: "Count", low: -3, high: 5 }, "ab"],
  [{ op: "notBetween", name: "Count", low: -3, high: 5 }, "c"],
  [{ op: "in", name: "Count", values: [5, -3] }, "ab"],
  [{ op: "=", name: "Ratio", value: 0.1 }, "a"],
  [{ op: "=", name: "Ratio", value: 1e21 }, "b"],
  [{ op: "in", name: "Ratio", values: [0.1, -2.5] }, "ac"],
  [{ op: "<", name: "Ratio", value: 0.5 }, "ac"],
  [{ op: "=", name: "Flag", value: true }, "a"],
  [{ op: "=", name: "Flag", value: false }, "b"],
  [{ op: "!=", name: "Flag", value: true }, "b"],
  [{ op: "in", name: "Flag", values: [true, false] }, "ab"],
  [{ op: "isNull", name: "Flag" }, "cd"],
  [{ op: "contains", name: "Tags", values: ["red"] }, "a"],
  [{ op: "contains", name: "Tags", values: ["ro_nd"] }, "a"],
  [{ op: "contains", name: "Tags", values: ["Red", "re"] }, ""],
  [{ op: "contains", name: "Tags", values: ["yellow", "ro_nd"] }, "ab"],
  [{ op: "contains", name: "Tags", values: [] }, ""],
  [{ op: "contains", name: "Text", values: ["banana"] }, ""],
  [{ op: "not", filter: { op: "contains", name: "Tags", values: ["red"] } }, "bcd"],
  [{ op: "not", filter: { op: "contains", name: "Nobody has it", values: ["red"] } }, "abcd"],
  [{ op: "=", name: "Tags", value: "red" }, ""],
  [{ op: "!=", name: "Tags", value: "red" }, ""],
  [{ op: ">", name: "Tags", value: "" }, ""],
  [{ op: "isNull", name: "Tags" }, "d"],
  [{ op: "isNotNull", name: "Tags" }, "abc"],
  [{ op: "=", name: 'odd "name" %\\.[0]', value: "x" }, "a"],
  [{ op: "isNotNull", name: 'odd "name" %\\.[0]' }, "a"],
  // In no index of SQLite's.
  [{ op: "contains", name: "BuildIds", values: ["v2"] }, "a"],
  [{ op: "not", filter: { op: "contains", name: "BuildIds", values: ["v2"] } }, "bcd"],
  [{ op: "isNull", name: "BuildIds" }, "bcd"],
  [{ op: "isNull", name: "Nobody has it" }, "abcd"],
  [{ op: "=", name: "Nobody has it", value: 1 }, ""],
  [{ op: "=", name: "constructor", value: "x" }, ""],
  [{ op: "=", name: "$", value: "x" }, ""],
];

const notes: Readonly<Record<string, Record<string, SearchValue>>> = {
  a: { Note: { text: "Hello brave World" } },
  b: { Note: { text: "hello-again, it's Élan" } },
  c: { Note: { text: "unrelated über_text 42" } },
  d: {},
  e: { Note: { text: "" } },
  f: { Note: { text: "jumping 3.14 foo@bar.com hello" } },
  g: { Note: { text: "日本語 Straße" } },
  h: { Note: "hello" },
};

/** As the reference server answers, but for the last row, whose value is no text. */
const textCases: readonly [asked: string, found: string][] = [
  ["hello", "abf"],
  ["HELLO", "abf"],
  ["hello world", "abf"],
  ["brave unrelated", "ac"],
  ["elan", "b"],
  ["Élan", "b"],
  ["uber", "c"],
  ["über_text", "c"],
  ["text", "c"],
  ["hel", ""],
  ["hello-again", "b"],
  ["hello-it", ""],
  ["again it", "b"],
  ["it's", "b"],
  ["s-it", ""],
  ["42", "c"],
  ["3.14", "f"],
  ["14.3", ""],
  ["foo@bar.com", "f"],
  ["日本語", "g"],
  ["日本", ""],
  ["strasse", ""],
  ["straße", "g"],
  ["OR", ""],
  ["hello *", "abf"],
  ["*", ""],
  ['"hello"', "abf"],
];

function exerciseFilters(open: (t: TestContext) => Promise<Store>): void {
  test("each operator selects by each column, and a missing value satisfies none but IS NULL", async (t) => {
    const { store } = await storeOf(open, t, rows);
    for (const [filter, found] of columnCases)
      assert.equal((await listed(store, filter)).join(""), found, JSON.stringify(filter));
  });

  test("each operator selects by attributes of each type, lists by membership", async (t) => {
    const written = Object.entries(attributes).map(([runId, searchAttributes]) =>
      visibilityWrite(runId, { searchAttributes }),
    );
    const { store } = await storeOf(open, t, written);
    for (const [filter, found] of attributeCases)
      assert.equal((await listed(store, filter)).join(""), found, JSON.stringify(filter));
  });

  test("a text is searched by its words, and is compared with nothing", async (t) => {
    const written = Object.entries(notes).map(([runId, searchAttributes]) =>
      visibilityWrite(runId, { searchAttributes }),
    );
    const { store } = await storeOf(open, t, written);
    const all = Object.keys(notes);
    for (const [text, found] of textCases) {
      const matches: VisibilityFilter = { op: "matches", name: "Note", text };
      assert.equal((await listed(store, matches)).join(""), found, text);
      const others = all.filter((runId) => !found.includes(runId)).join("");
      assert.equal((await listed(store, { op: "not", filter: matches })).join(""), others, text);
    }
    const cases: [VisibilityFilter, string][] = [
      [{ op: "matches", name: "Nobody has it", text: "hello" }, ""],
      [{ op: "=", name: "Note", value: "hello" }, "h"],
      [{ op: "!=", name: "Note", value: "x" }, "h"],
      [{ op: ">=", name: "Note", value: "" }, "h"],
      [{ op: "contains", name: "Note", values: ["hello"] }, ""],
      [{ op: "isNull", name: "Note" }, "d"],
      [{ op: "isNotNull", name: "Note" }, "abcefgh"],
    ];
    for (const [filter, found] of cases)
      assert.equal((await listed(store, filter)).join(""), found, JSON.stringify(filter));
  });

  test("AND, OR and NOT treat a missing value as unknown", async (t) => {
    const written = Object.entries(attributes).map(([runId, searchAttributes]) =>
      visibilityWrite(runId, { searchAttributes }),
    );
    const { store } = await storeOf(open, t, written);
    const flag: VisibilityFilter = { op: "=", name: "Flag", value: true };
    const apple: VisibilityFilter = { op: "startsWith", name: "Text", prefix: "apple" };
    //                 a: true, true   b: false, false   c: unknown, true   d: unknown, unknown
    const cases: [VisibilityFilter, string][] = [
      [{ op: "and", all: [flag, apple] }, "a"],
      [{ op: "or", all: [flag, apple] }, "ac"],
      [{ op: "not", filter: { op: "and", all: [flag, apple] } }, "b"],
      [{ op: "not", filter: { op: "or", all: [flag, apple] } }, "b"],
      [
        {
          op: "or",
          all: [
            { op: "not", filter: flag },
            { op: "not", filter: apple },
          ],
        },
        "b",
      ],
      [{ op: "or", all: [flag, { op: "not", filter: flag }, { op: "isNull", name: "Flag" }] }, "abcd"],
      [{ op: "not", filter: { op: "not", filter: flag } }, "a"],
    ];
    for (const [filter, found] of cases)
      assert.equal((await listed(store, filter)).join(""), found, JSON.stringify(filter));
  });
}

function exerciseOddFilters(open: (t: TestContext) => Promise<Store>): void {
  test("a filter may have thousands of terms and values", async (t) => {
    const { store } = await storeOf(open, t, rows);
    const many = Array.from({ length: 5_000 }, (_, i) => `order ${i}`);
    assert.deepEqual(await listed(store, { op: "in", name: "WorkflowId", values: [...many, "order_1"] }), ["a"]);
    const all = [...many.slice(0, 2_000), "order_1"].map(
      (value): VisibilityFilter => ({ op: "=", name: "WorkflowId", value }),
    );
    assert.deepEqual(await listed(store, { op: "or", all }), ["a"]);
  });

  test("a text in a filter is a value, whatever it looks like", async (t) => {
    const odd = `'; DROP TABLE visibility; -- " %_\\ $[0]`;
    const { store } = await storeOf(open, t, [
      visibilityWrite("r", { businessId: odd, searchAttributes: { [odd]: odd, List: [odd] } }),
      visibilityWrite("q"),
    ]);
    for (const name of ["WorkflowId", odd]) {
      assert.deepEqual(await listed(store, { op: "=", name, value: odd }), ["r"]);
      assert.deepEqual(await listed(store, { op: "in", name, values: [odd] }), ["r"]);
    }
    assert.deepEqual(await listed(store, { op: "contains", name: "List", values: [odd] }), ["r"]);
    assert.deepEqual(await listed(store, { op: "startsWith", name: odd, prefix: odd }), ["r"]);
  });

  test("pages of a filtered list join to the whole", async (t) => {
    const many = Array.from({ length: 50 }, (_, i) =>
      visibilityWrite(`r${i}`, {
        status: (i % 3) + 1,
        closeTimeMs: i % 3 === 0 ? null : 1_000 + (i % 5),
        startTimeMs: i % 7,
        type: i % 2 ? "Odd" : "Even",
      }),
    );
    const { store } = await storeOf(open, t, many);
    const filters: VisibilityFilter[] = [
      { op: "=", name: "ExecutionStatus", value: 2 },
      { op: "in", name: "ExecutionStatus", values: [1, 3] },
      { op: "=", name: "WorkflowType", value: "Odd" },
      {
        op: "and",
        all: [
          { op: ">=", name: "CloseTime", value: 1_002 },
          { op: "=", name: "WorkflowType", value: "Odd" },
        ],
      },
    ];
    for (const filter of filters) {
      const whole = await store.listVisibility({ kind: "workflow", namespaceId: "ns", filter, limit: 100 });
      assert.ok(whole.length > 5);
      const joined: VisibilityRow[] = [];
      for (let more = true; more; ) {
        const after = joined.at(-1);
        const page = await store.listVisibility({
          kind: "workflow",
          namespaceId: "ns",
          filter,
          limit: 4,
          ...(after && { after }),
        });
        joined.push(...page);
        more = page.length > 0;
      }
      assert.deepEqual(ids(joined), ids(whole), JSON.stringify(filter));
    }
  });
}

function exerciseCounts(open: (t: TestContext) => Promise<Store>): void {
  test("a count is that of the list with the same filter", async (t) => {
    const { store } = await storeOf(open, t, rows);
    assert.deepEqual(await store.countVisibility({ kind: "workflow", namespaceId: "ns" }), [{ value: null, count: 3 }]);
    assert.deepEqual(await store.countVisibility({ kind: "workflow", namespaceId: "nobody's" }), [
      { value: null, count: 0 },
    ]);
    for (const [filter, found] of columnCases) {
      const counts = await store.countVisibility({ kind: "workflow", namespaceId: "ns", filter });
      assert.deepEqual(counts, [{ value: null, count: found.length }], JSON.stringify(filter));
    }
  });

  test("a grouped count has one row for each value, in their order, missing ones first", async (t) => {
    const written = [
      visibilityWrite("a", { status: 2, closeTimeMs: 5, searchAttributes: { K: "x", N: 2.5, B: true, L: ["x"] } }),
      visibilityWrite("b", { status: 2, closeTimeMs: 6, searchAttributes: { K: "y", N: 1, B: false } }),
      visibilityWrite("c", { status: 1, searchAttributes: { K: "x" } }),
      visibilityWrite("d", { status: 2, closeTimeMs: 6, searchAttributes: {} }),
    ];
    const { store } = await storeOf(open, t, written);
    const grouped = async (groupBy: string, filter?: VisibilityFilter) => {
      const counts = await store.countVisibility({
        kind: "workflow",
        namespaceId: "ns",
        groupBy,
        ...(filter && { filter }),
      });
      return counts.map(({ value, count }) => [value, count]);
    };
    assert.deepEqual(await grouped("ExecutionStatus"), [
      [1, 1],
      [2, 3],
    ]);
    assert.deepEqual(await grouped("CloseTime"), [
      [null, 1],
      [5, 1],
      [6, 2],
    ]);
    assert.deepEqual(await grouped("K"), [
      [null, 1],
      ["x", 2],
      ["y", 1],
    ]);
    assert.deepEqual(await grouped("N"), [
      [null, 2],
      [1, 1],
      [2.5, 1],
    ]);
    assert.deepEqual(await grouped("B"), [
      [null, 2],
      [false, 1],
      [true, 1],
    ]);
    assert.deepEqual(await grouped("L"), [[null, 4]]);
    assert.deepEqual(await grouped("K", { op: "=", name: "ExecutionStatus", value: 2 }), [
      [null, 1],
      ["x", 1],
      ["y", 1],
    ]);
    assert.deepEqual(await grouped("K", { op: "=", name: "ExecutionStatus", value: 9 }), []);
  });
}
