import assert from "node:assert/strict";
import { test } from "node:test";
import { queryOf, statusName } from "./filter.ts";

test("words are looked for, queries are left as they are, and a status is added to either", () => {
  const table = [
    ["", "", ""],
    ["", "Running", 'ExecutionStatus = "Running"'],
    ["order-1", "", 'WorkflowId STARTS_WITH "order-1" OR WorkflowType STARTS_WITH "order-1"'],
    [' a"b ', "", 'WorkflowId STARTS_WITH "a\\"b" OR WorkflowType STARTS_WITH "a\\"b"'],
    [
      "WorkflowType = 'A' OR WorkflowType = 'B'",
      "Failed",
      "(WorkflowType = 'A' OR WorkflowType = 'B') AND (ExecutionStatus = \"Failed\")",
    ],
  ] as const;
  for (const [text, status, query] of table) assert.equal(queryOf({ text, status }), query);
});

test("statuses are named as the list names them", () => {
  assert.equal(statusName("WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW"), "ContinuedAsNew");
  assert.equal(statusName("WORKFLOW_EXECUTION_STATUS_RUNNING"), "Running");
});
