import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyForm, formLike, type StartForm, startBody, startCommand } from "./form.ts";

const ids = { identity: "me", requestId: "r" };
const form: StartForm = {
  ...emptyForm,
  ...{ workflowType: "Order", workflowId: "o-1", taskQueue: "orders", inputs: ['{ "a": 1 }', "", "7"] },
  ...{ executionTimeout: "1h30m", taskTimeout: "0.5s", memo: '{"note": "x"}', searchAttributes: '{"Total": 5}' },
  ...{ summary: "two words", reusePolicy: "AllowDuplicateFailedOnly", conflictPolicy: "UseExisting" },
};

test("a form is asked of the API, and said by the command line", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(startBody(form, ids))), {
    ...{ workflowType: { name: "Order" }, taskQueue: { name: "orders" }, ...ids, input: [{ a: 1 }, 7] },
    ...{ workflowExecutionTimeout: "5400s", workflowTaskTimeout: "0.5s", memo: { fields: { note: "x" } } },
    ...{ searchAttributes: { indexedFields: { Total: 5 } }, userMetadata: { summary: "two words" } },
    workflowIdReusePolicy: "WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY",
    workflowIdConflictPolicy: "WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING",
  });
  assert.equal(
    startCommand("default", form),
    `pawl workflow start --namespace default --type Order --task-queue orders --workflow-id o-1 --input '{"a":1}' --input 7 --execution-timeout 1h30m --task-timeout 0.5s --memo 'note="x"' --search-attribute Total=5 --static-summary 'two words' --id-reuse-policy AllowDuplicateFailedOnly --id-conflict-policy UseExisting`,
  );
  assert.doesNotMatch(startCommand("default", { ...emptyForm, memo: "{" }), /memo|policy|input/);
});

test("what cannot be is told by its field", () => {
  const refusal = (more: Partial<StartForm>) => () => startBody({ ...form, ...more }, ids);
  assert.throws(refusal({ inputs: ["hello"] }), /^Error: Input: This is not valid JSON/);
  assert.throws(refusal({ memo: "[1]" }), /^Error: Memo: an object is expected/);
  assert.throws(refusal({ searchAttributes: "5" }), /^Error: Search attributes: an object/);
  assert.throws(refusal({ runTimeout: "soon" }), /^Error: Run timeout: a span is written like/);
});

test("a run begins like another", () => {
  const like = formLike({
    ...{ workflowType: { name: "Order" }, taskQueue: { name: "orders" }, input: [{ a: 1 }, "x"] },
    ...{ workflowExecutionTimeout: "0s", workflowRunTimeout: "60s", memo: { fields: { note: "x" } } },
    searchAttributes: { indexedFields: { Total: 5 } },
  });
  const { workflowType, taskQueue, inputs, executionTimeout, runTimeout, workflowId } = like;
  assert.deepEqual(
    [workflowType, taskQueue, inputs.map((text) => JSON.parse(text)), executionTimeout, runTimeout, workflowId],
    ["Order", "orders", [{ a: 1 }, "x"], "", "60s", ""],
  );
  assert.deepEqual([JSON.parse(like.memo), JSON.parse(like.searchAttributes)], [{ note: "x" }, { Total: 5 }]);
  assert.deepEqual(formLike({}), emptyForm);
});
