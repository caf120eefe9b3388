import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contextOf, isKept, traceHeadersOf } from "./trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

describe("a trace's context", () => {
  for (const [header, what] of [
    [`00-${traceId}-${spanId}-01`, "kept"],
    [`00-${traceId}-${spanId}-03`, "kept"],
    [`00-${traceId}-${spanId}-00`, "unsampled"],
    [`00-${traceId}-${spanId}-02`, "unsampled"],
    [`01-${traceId}-${spanId}-01-later`, "kept"],
    [`01-${traceId}-${spanId}-01`, "kept"],
    [`00-${traceId}-${spanId}-01-later`, "none"],
    [`ff-${traceId}-${spanId}-01`, "none"],
    [`00-${"0".repeat(32)}-${spanId}-01`, "none"],
    [`00-${traceId}-${"0".repeat(16)}-01`, "none"],
    [`00-${traceId.toUpperCase()}-${spanId}-01`, "none"],
    [`00-${traceId}-${spanId}-1`, "none"],
    [`00-${traceId}-${spanId}-01\n`, "none"],
    ["", "none"],
    ["-".repeat(1_000), "none"],
  ] as const) {
    test(`${JSON.stringify(header.slice(0, 70))} is ${what}`, () => {
      const context = contextOf(header);
      if (what === "kept") assert.deepEqual(context, { traceId, spanId, state: "" });
      else assert.equal(context, what === "unsampled" ? "unsampled" : undefined);
    });
  }

  test("is handed on so that the next process reads the same", () => {
    const context = { traceId, spanId, state: "vendor=1" };
    const { traceparent = "", tracestate } = traceHeadersOf(context);
    assert.deepEqual(contextOf(traceparent, tracestate), context);
    assert.equal(contextOf(traceHeadersOf("unsampled")["traceparent"] ?? ""), "unsampled");
    assert.deepEqual(traceHeadersOf(undefined), {});
    assert.deepEqual(contextOf(traceparent, "x".repeat(513)), { traceId, spanId, state: "" });
  });

  test("a ratio keeps that share of the ids, by their random end", () => {
    const of = (tail: string) => `${"ab".repeat(9)}${tail}`;
    const half = { heedsCallers: true, ratio: 0.5 };
    assert.ok(isKept(of("00000000000000"), half));
    assert.ok(isKept(of("7fffffffffffff"), half));
    assert.ok(!isKept(of("80000000000000"), half));
    assert.ok(isKept(of("ffffffffffffff"), { heedsCallers: true, ratio: 1 }));
    assert.ok(!isKept(of("00000000000000"), { heedsCallers: true, ratio: 0 }));
  });
});
