import assert from "node:assert/strict";
import { test } from "node:test";
import { affectedQuery, type BatchOrder, batchBody, batchCommand, batchVerbs, queryOfRuns } from "./batch.ts";

const order: BatchOrder = {
  ...{ verb: "cancel", query: 'WorkflowType = "A"', reason: "why", signal: "go", input: '{"a":1}' },
  resetTo: "LastWorkflowTask",
};

test("each verb asks for its own operation, of the same workflows, for the same reason", () => {
  const bodies = batchVerbs.map((verb) => batchBody({ ...order, verb }, "me"));
  const about = { visibilityQuery: 'WorkflowType = "A"', reason: "why" };
  assert.deepEqual(bodies, [
    { ...about, cancellationOperation: { identity: "me" } },
    { ...about, terminationOperation: { identity: "me" } },
    { ...about, signalOperation: { signal: "go", identity: "me", input: [{ a: 1 }] } },
    { ...about, resetOperation: { identity: "me", options: { lastWorkflowTask: {} } } },
    { ...about, deletionOperation: { identity: "me" } },
  ]);
});

test("chosen runs are a filter; an order for all says so; the dry run leaves out what the order passes over", () => {
  assert.equal(queryOfRuns(["a", 'b"']), 'RunId IN ("a", "b\\"")');
  assert.equal(affectedQuery({ verb: "terminate", query: "A = 1 OR B = 2" }), "(A = 1 OR B = 2) AND CloseTime IS NULL");
  assert.equal(affectedQuery({ verb: "cancel", query: "" }), "CloseTime IS NULL");
  assert.equal(affectedQuery({ verb: "delete", query: "A = 1" }), "A = 1");
  assert.equal(
    batchCommand("default", { ...order, verb: "signal", query: "" }),
    `pawl workflow signal --namespace default --query 'WorkflowId IS NOT NULL' --reason why --yes --name go --input '{"a":1}'`,
  );
  assert.match(batchCommand("default", { ...order, verb: "reset" }), /--yes --type LastWorkflowTask$/);
});
