import assert from "node:assert/strict";
import { test } from "node:test";
import { formattedJson, jsonProblem } from "./json-syntax.ts";

test("what is not valid JSON is told by the line where it goes wrong; nothing is no mistake", () => {
  assert.deepEqual([jsonProblem(""), jsonProblem("  "), jsonProblem('{"a": 1}')], [undefined, undefined, undefined]);
  assert.match(jsonProblem('{\n  "a": 1,\n  b: 2\n}') ?? "", /^This is not valid JSON, line 3: .*double quotes\.$/);
  assert.match(jsonProblem("hello") ?? "", /^This is not valid JSON/);
});

test("JSON is indented; anything else is left alone", () => {
  assert.deepEqual([formattedJson('{"a":[1]}'), formattedJson("{a")], ['{\n  "a": [\n    1\n  ]\n}', "{a"]);
});
