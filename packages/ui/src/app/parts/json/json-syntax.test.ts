import assert from "node:assert/strict";
import { test } from "node:test";
import { formattedJson, jsonProblem } from "./json-syntax.ts";

test("what is no JSON is told by the line where it goes wrong; nothing is no mistake", () => {
  assert.deepEqual([jsonProblem(""), jsonProblem("  "), jsonProblem('{"a": 1}')], [undefined, undefined, undefined]);
  assert.match(jsonProblem('{\n  "a": 1,\n  b: 2\n}') ?? "", /^This is no JSON, line 3: .*double quotes\.$/);
  assert.match(jsonProblem("hello") ?? "", /^This is no JSON/);
});

test("JSON is indented; anything else is left alone", () => {
  assert.deepEqual([formattedJson('{"a":[1]}'), formattedJson("{a")], ['{\n  "a": [\n    1\n  ]\n}', "{a"]);
});
