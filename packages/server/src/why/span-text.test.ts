import assert from "node:assert/strict";
import { test } from "node:test";
import { agoText, spanText } from "./span-text.ts";

test("spans are told in their two largest units, and times by how far they are from now", () => {
  for (const [ms, text] of [
    [0, "0s"],
    [20, "20ms"],
    [1_500, "1.5s"],
    [42_000, "42s"],
    [90_000, "1m 30s"],
    [3_600_000, "1h"],
    [93_784_000, "1d 2h"],
  ] as const)
    assert.equal(spanText(ms), text);
  assert.deepEqual([agoText(-61_000), agoText(61_000), agoText(0)], ["1m 1s ago", "in 1m 1s", "now"]);
});
