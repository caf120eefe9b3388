import assert from "node:assert/strict";
import { test } from "node:test";
import { fingerprint32 } from "./fingerprint.ts";

test("fingerprints of all lengths spread evenly, and are the same every time", () => {
  for (const length of [1, 4, 5, 12, 13, 24, 25, 60]) {
    const below = Array.from({ length: 2_000 }, (_, at) => fingerprint32(String(at).padStart(length, "x"))).filter(
      (hash) => hash < 2 ** 31,
    ).length;
    // A length of 1 has ten values only.
    if (length >= 4) assert.ok(Math.abs(below - 1_000) < 120, `${length}: ${below} of 2,000 below the middle`);
    assert.equal(fingerprint32("o".repeat(length)), fingerprint32("o".repeat(length)));
  }
  assert.ok(fingerprint32("") >= 0);
});
