import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf, operatorsOf } from "./attributes.ts";
import { isComplete, parseConditions, printConditions } from "./conditions.ts";

const text = (value: string) => ({ text: value, isQuoted: true });
const bare = (value: string) => ({ text: value, isQuoted: false });

test("a query of conditions becomes rows, and rows a query", () => {
  const query = `WorkflowType = "Order" AND StartTime >= "2026-01-01T00:00:00Z" AND Paid != true AND Total < -1.5 AND \`a b\` IN ("x", "y") AND CloseTime IS NULL AND WorkflowId STARTS_WITH "o" AND Note IS NOT NULL`;
  const conditions = parseConditions(query);
  assert.deepEqual(conditions, [
    { name: "WorkflowType", operator: "=", values: [text("Order")] },
    { name: "StartTime", operator: ">=", values: [text("2026-01-01T00:00:00Z")] },
    { name: "Paid", operator: "!=", values: [bare("true")] },
    { name: "Total", operator: "<", values: [bare("-1.5")] },
    { name: "a b", operator: "IN", values: [text("x"), text("y")] },
    { name: "CloseTime", operator: "IS NULL", values: [] },
    { name: "WorkflowId", operator: "STARTS_WITH", values: [text("o")] },
    { name: "Note", operator: "IS NOT NULL", values: [] },
  ]);
  assert.equal(printConditions(conditions ?? []), query);
});

test("however a text is quoted, it is the same text, and stays it", () => {
  for (const [query, meant] of [
    ["A = 'it''s'", "it's"],
    ["A = 'it\\'s'", "it's"],
    ['A = "say \\"hi\\""', 'say "hi"'],
    ['A = "back\\\\slash"', "back\\slash"],
    ["a = '\"'", '"'],
    ["A='x'", "x"],
  ] as const) {
    const [condition] = parseConditions(query) ?? [];
    assert.equal(condition?.values[0]?.text, meant, query);
    assert.deepEqual(parseConditions(printConditions([condition!])), [condition]);
  }
});

test("what rows cannot say is left to the text", () => {
  for (const query of [
    "A = 1 OR B = 2",
    "NOT A = 1",
    "(A = 1)",
    "A BETWEEN 1 AND 2",
    "A NOT IN (1)",
    "A = 1 GROUP BY B",
    "A =",
    "A = 1 B = 2",
    "A IN (1, )",
    "plain words",
    "A = 'open",
    "A = 1 ; B",
  ])
    assert.equal(parseConditions(query), undefined, query);
  assert.deepEqual(parseConditions(""), []);
});

test("a row counts once it says something", () => {
  const row = (operator: "=" | "IN" | "IS NULL", ...values: ReturnType<typeof text>[]) =>
    isComplete({ name: "A", operator, values });
  assert.deepEqual(
    [row("=", text("")), row("=", bare("")), row("=", bare("12")), row("IN"), row("IS NULL"), row("=")],
    [true, false, true, false, true, false],
  );
});

test("attributes that users have added have their type, and each type has operators", () => {
  const attributes = attributesOf({ Tags: "INDEXED_VALUE_TYPE_KEYWORD_LIST", Age: "INDEXED_VALUE_TYPE_INT" });
  assert.deepEqual(
    attributes.slice(-2).map(({ name, type, isCustom }) => [name, type, isCustom]),
    [
      ["Age", "Int", true],
      ["Tags", "KeywordList", true],
    ],
  );
  for (const { type } of attributes) assert.ok(operatorsOf(type).length > 2);
});
