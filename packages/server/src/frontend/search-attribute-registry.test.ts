import assert from "node:assert/strict";
import { test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import { MemoryStore } from "@pawl/store";
import type { Namespace } from "./namespace-registry.ts";
import { SearchAttributeRegistry } from "./search-attribute-registry.ts";

const { KEYWORD, INT } = enums.IndexedValueType;
const namespace = { id: "ns-1", name: "one" } as Namespace;
const other = { id: "ns-2", name: "two" } as Namespace;

test("an attribute is known at once, in its namespace only, and after a restart", async () => {
  const store = new MemoryStore();
  const registry = await SearchAttributeRegistry.load(store);
  assert.equal(await registry.add(namespace, { CustomerId: KEYWORD, Amount: INT }), undefined);
  assert.deepEqual([registry.typeOf(namespace, "Amount"), registry.typeOf(other, "Amount")], [INT, undefined]);
  const again = await SearchAttributeRegistry.load(store);
  assert.deepEqual(
    [...again.of(namespace)],
    [
      ["CustomerId", KEYWORD],
      ["Amount", INT],
    ],
  );
});

test("all of a request are registered or none", async () => {
  const registry = await SearchAttributeRegistry.load(new MemoryStore());
  for (const [added, code] of [
    [{ Good: INT, WorkflowId: KEYWORD }, "INVALID_ARGUMENT"],
    [{ Good: INT, TemporalMine: KEYWORD }, "INVALID_ARGUMENT"],
    [{ Good: INT, "": KEYWORD }, "INVALID_ARGUMENT"],
    [{ Good: INT, Odd: 99 as typeof INT }, "INVALID_ARGUMENT"],
  ] as const) {
    const refused = await registry.add(namespace, added);
    assert(refused instanceof Rejection && refused.code === code, JSON.stringify(added));
  }
  assert.equal(registry.of(namespace).size, 0);
});

test("registering twice is no news with the same type and refused with another", async () => {
  const registry = await SearchAttributeRegistry.load(new MemoryStore());
  await registry.add(namespace, { A: INT });
  assert.equal(await registry.add(namespace, { A: INT }), undefined);
  const refused = await registry.add(namespace, { A: KEYWORD });
  assert(refused instanceof Rejection && refused.code === "ALREADY_EXISTS");
});

test("what was removed is gone, and what is not there or belongs to the server cannot be removed", async () => {
  const registry = await SearchAttributeRegistry.load(new MemoryStore());
  await registry.add(namespace, { A: INT });
  assert.equal(await registry.remove(namespace, ["A"]), undefined);
  assert.equal(registry.typeOf(namespace, "A"), undefined);
  assert.equal((await registry.remove(namespace, ["A"]))?.code, "NOT_FOUND");
  assert.equal((await registry.remove(namespace, ["RunId"]))?.code, "INVALID_ARGUMENT");
});

test("changes at the same time all happen", async () => {
  const registry = await SearchAttributeRegistry.load(new MemoryStore());
  await Promise.all(Array.from({ length: 20 }, (_, index) => registry.add(namespace, { [`A${index}`]: INT })));
  assert.equal(registry.of(namespace).size, 20);
});
