import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { type common, enums } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import {
  attributesToSet,
  attributesToUpsert,
  type CustomAttributes,
  findAttribute,
  noCustomAttributes,
} from "./search-attribute.ts";

const { TEXT, KEYWORD, INT, DOUBLE, BOOL, DATETIME, KEYWORD_LIST } = enums.IndexedValueType;
const types = new Map(
  Object.entries({ Te: TEXT, Ke: KEYWORD, In: INT, Do: DOUBLE, Bo: BOOL, Da: DATETIME, Li: KEYWORD_LIST }),
);
const custom: CustomAttributes = { typeOf: (_namespace, name) => types.get(name) };
const namespace = { name: "orders" } as Namespace;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => data && new TextDecoder().decode(data);
const payload = (data: string, encoding = "json/plain"): common.Payload => ({
  metadata: { encoding: bytes(encoding) },
  data: bytes(data),
  externalPayloads: [],
});

describe("a value must be of its attribute's type", () => {
  //  name  value                      kept as, or the refusal
  for (const [name, value, kept] of [
    ["Ke", '"x"', 'Keyword "x"'],
    ["Ke", '["x"]', 'Keyword "x"'],
    ["Ke", '["x","y"]', '["x","y"] is not a valid value for search attribute Ke of type Keyword'],
    ["Ke", "1", "1 is not a valid value for search attribute Ke of type Keyword"],
    ["Te", '"some words"', 'Text "some words"'],
    ["In", "5", "Int 5"],
    ["In", "[5]", "Int 5"],
    ["In", "5.5", "5.5 is not a valid value for search attribute In of type Int"],
    ["In", '"5"', '"5" is not a valid value for search attribute In of type Int'],
    ["Do", "5.5", "Double 5.5"],
    ["Bo", "true", "Bool true"],
    ["Bo", '"true"', '"true" is not a valid value for search attribute Bo of type Bool'],
    ["Da", '"2024-01-01T00:00:00Z"', 'Datetime "2024-01-01T00:00:00Z"'],
    ["Da", '"yesterday"', '"yesterday" is not a valid value for search attribute Da of type Datetime'],
    ["Li", '["x","y"]', 'KeywordList ["x","y"]'],
    ["Li", '"x"', 'KeywordList "x"'],
    ["Li", "[1]", "[1] is not a valid value for search attribute Li of type KeywordList"],
    ["Ke", "{", "{ is not a valid value for search attribute Ke of type Keyword"],
    ["BuildIds", '["unversioned"]', 'KeywordList ["unversioned"]'],
    ["RunId", '"x"', "RunId attribute can't be set in SearchAttributes"],
    ["TemporalWorkerDeployment", '"x"', "TemporalWorkerDeployment attribute can't be set in SearchAttributes"],
    ["TemporalOther", '"x"', "search attribute TemporalOther is not defined"],
    ["Other", '"x"', "Namespace orders has no mapping defined for search attribute Other"],
    ["__proto__", '"x"', "Namespace orders has no mapping defined for search attribute __proto__"],
  ] as const)
    test(`${name} = ${value}: ${kept}`, () => {
      const indexedFields = Object.fromEntries([[name, payload(value)]]);
      const set = attributesToSet({ indexedFields }, namespace, custom);
      if (set instanceof Rejection) return assert.equal(set.message, kept);
      const { metadata, data } = set!.indexedFields[name]!;
      assert.equal(`${text(metadata["type"])} ${text(data)}`, kept);
    });

  test("and be JSON", () => {
    const refused = attributesToSet({ indexedFields: { Ke: payload('"x"', "binary/plain") } }, namespace, custom);
    assert.ok(refused instanceof Rejection);
    assert.equal(
      refused.message,
      "value from <encoding binary/plain> is not a valid value for search attribute Ke of type Keyword",
    );
  });
});

test("null is not set at a start; in an upsert it stays, without a type, to take the attribute away", () => {
  const claimed = { ...payload("null"), metadata: { ...payload("").metadata, type: bytes("Keyword") } };
  const indexedFields = { Ke: claimed, Te: payload("", "binary/null"), Li: payload("[]"), In: payload("1") };
  const set = attributesToSet({ indexedFields }, namespace, custom);
  const upserted = attributesToUpsert({ indexedFields }, namespace, custom);
  assert.ok(set && upserted && !(set instanceof Rejection) && !(upserted instanceof Rejection));
  assert.deepEqual(Object.keys(set.indexedFields), ["In"]);
  const upsertedTypes = Object.entries(upserted.indexedFields).map(([name, { metadata }]) => [
    name,
    text(metadata["type"]),
  ]);
  assert.deepEqual(upsertedTypes, [
    ["Ke", undefined],
    ["Te", undefined],
    ["Li", undefined],
    ["In", "Int"],
  ]);
});

test("a type that the caller claims is replaced by the true one", () => {
  const claimed = { ...payload("5"), metadata: { ...payload("5").metadata, type: bytes("Keyword") } };
  const set = attributesToSet({ indexedFields: { In: claimed } }, namespace, custom);
  assert.ok(set && !(set instanceof Rejection));
  assert.equal(text(set.indexedFields["In"]?.metadata["type"]), "Int");
});

test("there may be so many, so large, and so large together", () => {
  const many: CustomAttributes = { typeOf: () => KEYWORD };
  const refusal = (fields: readonly (readonly [string, string])[]) => {
    const indexedFields = Object.fromEntries(fields.map(([name, value]) => [name, payload(JSON.stringify(value))]));
    const set = attributesToSet({ indexedFields }, namespace, many);
    return set instanceof Rejection ? set.message : "accepted";
  };
  const times = (count: number, value: string) =>
    Array.from({ length: count }, (_, index) => [`a${index}`, value] as const);
  assert.equal(refusal(times(100, "x")), "accepted");
  assert.equal(refusal(times(101, "x")), "number of search attributes 101 exceeds limit 100");
  assert.equal(refusal(times(1, "x".repeat(2_046))), "accepted");
  assert.equal(refusal(times(1, "x".repeat(2_047))), "search attribute a0 value size 2049 exceeds size limit 2048");
  assert.match(
    refusal(times(30, "x".repeat(2_000))),
    new RegExp(`^total size of search attributes \\d+ exceeds size limit ${limits.searchAttributesBytesMax}$`),
  );
});

test("a filter may leave out or add Temporal before a name", () => {
  const found = (name: string) => findAttribute(name, namespace, noCustomAttributes)?.name;
  assert.equal(found("WorkflowId"), "WorkflowId");
  assert.equal(found("TemporalWorkflowId"), "WorkflowId");
  assert.equal(found("ScheduledById"), "TemporalScheduledById");
  assert.equal(found("constructor"), undefined);
  assert.equal(found("Temporal"), undefined);
});
