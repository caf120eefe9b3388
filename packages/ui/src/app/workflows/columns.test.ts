import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkflowInfo } from "../api/workflows.ts";
import { attributesOf } from "./attributes.ts";
import { type Column, cellValue, columnsKey, columnsOf, namesIn, orderOf, sortOf } from "./columns.ts";

function row(workflowId: string, more: Partial<WorkflowInfo> = {}): WorkflowInfo {
  return { execution: { workflowId, runId: `r-${workflowId}` }, type: { name: "T" }, status: "Running", ...more };
}

test("columns stand in addresses and are read from them; what is none is left out", () => {
  const columns: Column[] = [
    { kind: "fact", name: "Status" },
    { kind: "attribute", name: "a,b" },
    { kind: "memo", name: "ä:x" },
  ];
  assert.deepEqual(columnsOf(columnsKey(columns)), columns);
  assert.deepEqual(columnsOf("Nonsense,Events,memo:%E0%A4%A"), [{ kind: "fact", name: "Events" }]);
  assert.equal(columnsOf("Nonsense"), undefined);
});

test("a cell shows a fact, an attribute or what is in a memo", () => {
  const shown = row("w", {
    ...{ startTime: "2026-01-01T00:00:00Z", closeTime: "2026-01-01T00:00:05Z", historyLength: "12" },
    searchAttributes: { indexedFields: { Tags: ["a", "b"], Total: 3 } },
    memo: { fields: { note: { deep: [1] } } },
  });
  const value = (key: string) => cellValue(columnsOf(key)![0]!, shown);
  assert.deepEqual(
    ["Duration", "Events", "attribute:Tags", "attribute:Total", "memo:note", "memo:none", "Parent"].map(value),
    [5_000, 12, "a, b", 3, '{"deep":[1]}', undefined, undefined],
  );
  assert.deepEqual(namesIn([shown, row("x")]), { attributes: ["Tags", "Total"], memos: ["note"] });
});

test("an order in the address is one of the whole list, except of what the server has no order of", () => {
  const attributes = attributesOf({ Note: "INDEXED_VALUE_TYPE_TEXT", "a-b": "INDEXED_VALUE_TYPE_INT" });
  const order = (sort: string) => orderOf(sortOf(sort), attributes);
  assert.equal(order("Events"), "ORDER BY HistoryLength");
  assert.equal(order("-WorkflowId"), "ORDER BY WorkflowId DESC");
  assert.equal(order("-attribute:a-b"), "ORDER BY `a-b` DESC");
  assert.equal(order("attribute:unknown"), "ORDER BY unknown");
  for (const sort of ["attribute:Note", "attribute:BuildIds", "memo:note", "Nonsense"]) assert.equal(order(sort), "");
});
