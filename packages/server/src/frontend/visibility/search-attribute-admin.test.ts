import assert from "node:assert/strict";
import { test } from "node:test";
import { enums } from "@pawl/protocol";
import { InProcess, testNamespace } from "../in-process.ts";

const { KEYWORD, INT, TEXT } = enums.IndexedValueType;

test("a search attribute is listed and usable from its registration to its removal", async () => {
  await using server = await InProcess.open();
  const count = () => server.verdict("CountWorkflowExecutions", { query: "Customer = 'a'" });
  assert.match(await count(), /^INVALID_ARGUMENT .*Customer/);
  await server.ask("AddSearchAttributes", { searchAttributes: { Customer: KEYWORD, Size: INT } });
  const { customAttributes, systemAttributes, storageSchema } = await server.ask("ListSearchAttributes", {});
  assert.deepEqual({ ...customAttributes }, { Customer: KEYWORD, Size: INT });
  assert.deepEqual([systemAttributes["WorkflowId"], { ...storageSchema }], [KEYWORD, { store: "memory" }]);
  assert.equal(await count(), "accepted");
  await server.ask("RemoveSearchAttributes", { searchAttributes: ["Customer"] });
  assert.match(await count(), /^INVALID_ARGUMENT /);
  assert.deepEqual(Object.keys((await server.ask("ListSearchAttributes", {})).customAttributes), ["Size"]);
});

test("those that there are in every namespace are listed for the cluster", async () => {
  await using server = await InProcess.open();
  const { keys } = await server.ask("GetSearchAttributes", {});
  const { systemAttributes } = await server.ask("ListSearchAttributes", {});
  assert.deepEqual({ ...keys }, { ...systemAttributes });
});

for (const [method, request, verdict] of [
  ["AddSearchAttributes", {}, "INVALID_ARGUMENT SearchAttributes are not set on request."],
  [
    "AddSearchAttributes",
    { searchAttributes: { WorkflowId: KEYWORD } },
    "INVALID_ARGUMENT Search attribute WorkflowId is reserved by system.",
  ],
  ["AddSearchAttributes", { searchAttributes: { X: 99 as 1 } }, "INVALID_ARGUMENT Unknown search attribute type: 99."],
  [
    "AddSearchAttributes",
    { namespace: "nowhere", searchAttributes: { X: TEXT } },
    "NOT_FOUND Namespace nowhere is not found.",
  ],
  ["RemoveSearchAttributes", {}, "INVALID_ARGUMENT SearchAttributes are not set on request."],
  [
    "RemoveSearchAttributes",
    { searchAttributes: ["WorkflowId"] },
    "INVALID_ARGUMENT Unable to remove non-custom search attributes: WorkflowId.",
  ],
  ["RemoveSearchAttributes", { searchAttributes: ["X"] }, "accepted"],
  ["ListSearchAttributes", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
] as const)
  test(`${method} with ${JSON.stringify(request)}: ${verdict}`, async () => {
    await using server = await InProcess.open();
    assert.equal(await server.verdict(method, { namespace: testNamespace, ...request }), verdict);
  });
