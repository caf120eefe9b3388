import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums } from "@pawl/protocol";
import type { VisibilityFilter } from "@pawl/store";
import type { Namespace } from "../namespace/namespace-registry.ts";
import { QueryError } from "./query-lexer.ts";
import { findAttribute } from "./search-attribute.ts";
import { filterOf, namespaceDivision } from "./visibility-filter.ts";
import { parseQuery } from "./visibility-query.ts";

const { TEXT, INT, DOUBLE, BOOL } = enums.IndexedValueType;
const types = new Map(Object.entries({ Note: TEXT, Amount: DOUBLE, Count: INT, Paid: BOOL }));
const namespace = { name: "orders" } as Namespace;
const custom = { typeOf: (_namespace: Namespace, name: string) => types.get(name) };

function read(query: string): VisibilityFilter {
  return filterOf(parseQuery(query).where, undefined, (name) => findAttribute(name, namespace, custom));
}

const undivided = { op: "isNull", name: namespaceDivision } as const;

describe("names and literals mean", () => {
  const newYearMs = Date.UTC(2024, 0, 1);
  const filters: readonly (readonly [query: string, filter: VisibilityFilter])[] = [
    ["WorkflowId = 'w'", { op: "=", name: "WorkflowId", value: "w" }],
    ["WorkflowId >= 'w'", { op: ">=", name: "WorkflowId", value: "w" }],
    ["WorkflowType STARTS_WITH 'Or'", { op: "startsWith", name: "WorkflowType", prefix: "Or" }],
    ["WorkflowType NOT STARTS_WITH 'Or'", { op: "notStartsWith", name: "WorkflowType", prefix: "Or" }],
    ["ExecutionStatus = 'Running'", { op: "=", name: "ExecutionStatus", value: 1 }],
    ["ExecutionStatus = 'ContinuedAsNew'", { op: "=", name: "ExecutionStatus", value: 6 }],
    ["ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_TIMED_OUT'", { op: "=", name: "ExecutionStatus", value: 7 }],
    ["ExecutionStatus != 2", { op: "!=", name: "ExecutionStatus", value: 2 }],
    ["ExecutionStatus IN ('Failed', 'TimedOut')", { op: "in", name: "ExecutionStatus", values: [3, 7] }],
    ["ExecutionStatus NOT IN ('Failed')", { op: "notIn", name: "ExecutionStatus", values: [3] }],
    ["StartTime > '2024-01-01T00:00:00Z'", { op: ">", name: "StartTime", value: newYearMs }],
    ["CloseTime <= 1704067200000000000", { op: "<=", name: "CloseTime", value: newYearMs }],
    ["CloseTime IS NULL", { op: "isNull", name: "CloseTime" }],
    ["CloseTime IS NOT NULL", { op: "isNotNull", name: "CloseTime" }],
    ["ExecutionDuration > '1h30m'", { op: ">", name: "ExecutionDuration", value: 5_400_000 }],
    ["ExecutionDuration > '00:01:00'", { op: ">", name: "ExecutionDuration", value: 60_000 }],
    ["ExecutionDuration < 5000000", { op: "<", name: "ExecutionDuration", value: 5 }],
    ["HistoryLength BETWEEN 1 AND 9", { op: "between", name: "HistoryLength", low: 1, high: 9 }],
    ["HistoryLength NOT BETWEEN 1 AND 9", { op: "notBetween", name: "HistoryLength", low: 1, high: 9 }],
    ["BuildIds = 'unversioned'", { op: "contains", name: "BuildIds", values: ["unversioned"] }],
    ["BuildIds IN ('a', 'b')", { op: "contains", name: "BuildIds", values: ["a", "b"] }],
    ["BuildIds NOT IN ('a')", { op: "not", filter: { op: "contains", name: "BuildIds", values: ["a"] } }],
    ["BuildIds IS NULL", { op: "isNull", name: "BuildIds" }],
    ["ScheduledById = 's'", { op: "=", name: "TemporalScheduledById", value: "s" }],
    ["TemporalSchedulePaused = true", { op: "=", name: "TemporalSchedulePaused", value: true }],
    ["Amount >= 1.5", { op: ">=", name: "Amount", value: 1.5 }],
    ["Note = 'some words'", { op: "matches", name: "Note", text: "some words" }],
    ["Note != 'word'", { op: "not", filter: { op: "matches", name: "Note", text: "word" } }],
  ];
  for (const [query, filter] of filters)
    test(query, () => {
      assert.deepEqual(read(query), { op: "and", all: [undivided, filter] });
    });

  test("AND, OR and NOT stay as they are", () => {
    const workflowId = (value: string) => ({ op: "=", name: "WorkflowId", value }) as const;
    assert.deepEqual(read("NOT WorkflowId = 'a' OR WorkflowId = 'b' AND WorkflowId = 'c'"), {
      op: "and",
      all: [
        undivided,
        {
          op: "or",
          all: [
            { op: "not", filter: workflowId("a") },
            { op: "and", all: [workflowId("b"), workflowId("c")] },
          ],
        },
      ],
    });
  });

  test("the server's own workloads show only to who asks for them", () => {
    assert.deepEqual(read(""), undivided);
    const asked = { op: "=", name: namespaceDivision, value: "TemporalScheduler" };
    assert.deepEqual(read("TemporalNamespaceDivision = 'TemporalScheduler'"), asked);
    assert.deepEqual(read("NamespaceDivision = 'TemporalScheduler'"), asked);
  });
});

describe("what makes no sense", () => {
  for (const [query, message] of [
    ["Customer = 'x'", "invalid search attribute: Customer"],
    [
      "WorkflowId = 1",
      "invalid expression: invalid value type for search attribute WorkflowId of type Keyword: 1 (type: int64)",
    ],
    [
      "HistoryLength = 'x'",
      'invalid expression: invalid value type for search attribute HistoryLength of type Int: "x" (type: string)',
    ],
    ["Paid = 1", "invalid expression: invalid value type for search attribute Paid of type Bool: 1 (type: int64)"],
    [
      "StartTime = true",
      "invalid expression: invalid value type for search attribute StartTime of type Datetime: true (type: bool)",
    ],
    [
      "StartTime = 1.5",
      "invalid expression: invalid value type for search attribute StartTime of type Datetime: 1.5 (type: float64)",
    ],
    ["StartTime > 'yesterday'", "invalid expression: unable to parse datetime 'yesterday'"],
    ["ExecutionStatus = 'running'", "invalid expression: invalid ExecutionStatus value 'running'"],
    ["ExecutionStatus = 99", "invalid expression: invalid ExecutionStatus value 99"],
    ["ExecutionStatus = true", "invalid expression: invalid ExecutionStatus value true"],
    [
      "ExecutionDuration > 'long'",
      'invalid expression: invalid duration value for search attribute ExecutionDuration: "long"',
    ],
    [
      "ExecutionStatus < 'Failed'",
      "operation is not supported: operator '<' not supported for Keyword type search attribute 'ExecutionStatus'",
    ],
    [
      "BuildIds > 'x'",
      "operation is not supported: operator '>' not supported for KeywordList type search attribute 'BuildIds'",
    ],
    [
      "BuildIds STARTS_WITH 'x'",
      "operation is not supported: operator 'starts_with' not supported for KeywordList type search attribute 'BuildIds'",
    ],
    ["Note IN ('x')", "operation is not supported: operator 'in' not supported for Text type search attribute 'Note'"],
    [
      "HistoryLength STARTS_WITH 'x'",
      "operation is not supported: operator 'starts_with' not supported for Int type search attribute 'HistoryLength'",
    ],
    [
      "Paid BETWEEN true AND false",
      "invalid expression: cannot do range condition on search attribute 'Paid' of type Bool",
    ],
  ] as const)
    test(`${query}: ${message}`, () => {
      assert.throws(
        () => read(query),
        (error) => error instanceof QueryError && error.message === message,
      );
    });
});
