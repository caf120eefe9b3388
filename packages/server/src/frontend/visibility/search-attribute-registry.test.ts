import assert from "node:assert/strict";
import { test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums } from "@pawl/protocol";
import { MemoryStore } from "@pawl/store";
import type { Namespace } from "../namespace/namespace-registry.ts";
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

test("what was removed is gone, removing it again is no news, and what belongs to the server stays", async () => {
  const registry = await SearchAttributeRegistry.load(new MemoryStore());
  await registry.add(namespace, { A: INT });
  assert.equal(await registry.remove(namespace, ["A"]), undefined);
  assert.equal(registry.typeOf(namespace, "A"), undefined);
  // As the reference server has it, removing what is not there is no error.
  assert.equal(await registry.remove(namespace, ["A"]), undefined);
  assert.equal((await registry.remove(namespace, ["RunId"]))?.code, "INVALID_ARGUMENT");
});

test("changes at the same time all happen", async () => {
  const registry = await SearchAttributeRegistry.load(new MemoryStore());
  await Promise.all(Array.from({ length: 20 }, (_, index) => registry.add(namespace, { [`A${index}`]: INT })));
  assert.equal(registry.of(namespace).size, 20);
});

test("an alias of a field is an attribute of the field's type, and goes with it", async () => {
  const store = new MemoryStore();
  const registry = await SearchAttributeRegistry.load(store);
  await registry.add(namespace, { Customer: KEYWORD });
  assert.equal(await registry.alias(namespace, { Keyword05: "Colour", Int01: "Size" }), undefined);
  const again = await SearchAttributeRegistry.load(store);
  assert.deepEqual(Object.fromEntries(again.aliasesOf(namespace)), {
    ...{ Keyword01: "Customer", Keyword05: "Colour", Int01: "Size" },
  });
  assert.equal(again.typeOf(namespace, "Size"), INT);
  // As at the reference server an alias that is there is no news, wherever it is asked for.
  assert.equal(await again.alias(namespace, { Keyword06: "Colour", Keyword05: "Colour" }), undefined);
  assert.equal(again.aliasesOf(namespace).has("Keyword06"), false);
  for (const [wanted, code] of [
    [{ Keyword05: "Other" }, "INVALID_ARGUMENT"],
    [{ Keyword07: "WorkflowId" }, "INVALID_ARGUMENT"],
    [{ Nonsense01: "Z" }, "INVALID_ARGUMENT"],
    [{ Keyword00: "Z" }, "INVALID_ARGUMENT"],
    [{ Keyword: "Z" }, "INVALID_ARGUMENT"],
    [{ Int02: "Colour" }, "ALREADY_EXISTS"],
    [{ Keyword08: "Fine", Keyword05: "Other" }, "INVALID_ARGUMENT"],
  ] as const) {
    const refused = await again.alias(namespace, wanted);
    assert(refused instanceof Rejection && refused.code === code, JSON.stringify(wanted));
  }
  assert.equal(again.typeOf(namespace, "Fine"), undefined);
  assert.equal(await again.alias(namespace, { Keyword05: "", Int09: "" }), undefined);
  assert.equal(again.typeOf(namespace, "Colour"), undefined);
  await again.remove(namespace, ["Size"]);
  assert.deepEqual([...again.aliasesOf(namespace)], [["Keyword01", "Customer"]]);
});

test("attributes of a file without fields get some, the same with each start", async () => {
  const store = new MemoryStore();
  const value = JSON.stringify([
    ["B", KEYWORD],
    ["A", KEYWORD],
    ["N", INT],
  ]);
  const name = `search-attributes/${namespace.id}`;
  await store.commit(null, [{ table: "setting", name, bytes: new TextEncoder().encode(value) }]);
  for (let start = 0; start < 2; start++) {
    const registry = await SearchAttributeRegistry.load(store);
    assert.deepEqual(Object.fromEntries(registry.aliasesOf(namespace)), { Keyword01: "B", Keyword02: "A", Int01: "N" });
  }
});
