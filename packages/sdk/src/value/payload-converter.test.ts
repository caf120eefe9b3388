import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { msToNumber } from "./duration.ts";
import { ValueError } from "./errors.ts";
import {
  arrayFromPayloads,
  defaultPayloadConverter as converter,
  fromPayloadsAtIndex,
  toPayloads,
} from "./payload-converter.ts";
import { compileRetryPolicy, nextIntervalMs } from "./retry-policy.ts";
import { decodeSearchAttributes, encodeSearchAttributes } from "./search-attributes.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("payloads", () => {
  test("any JSON value comes back as it was", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(converter.fromPayload(converter.toPayload(value)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  for (const [value, encoding, data] of [
    [undefined, "binary/null", ""],
    [null, "json/plain", "null"],
    ["é", "json/plain", '"é"'],
    [{ a: [1, true] }, "json/plain", '{"a":[1,true]}'],
    [new TextEncoder().encode("raw"), "binary/plain", "raw"],
  ] as const) {
    test(`${JSON.stringify(value)} is ${encoding}`, () => {
      const payload = converter.toPayload(value);
      assert.equal(text(payload.metadata["encoding"]), encoding);
      assert.equal(text(payload.data), data);
      assert.deepEqual(converter.fromPayload(payload), value);
    });
  }

  test("what has no form is refused, also when it is read", () => {
    assert.throws(() => converter.toPayload(() => 1), ValueError);
    assert.throws(() => converter.toPayload(Symbol("x")), ValueError);
    const unknown = { metadata: { encoding: new TextEncoder().encode("json/secret") }, data: new Uint8Array(0) };
    assert.throws(() => converter.fromPayload(unknown), /json\/secret/);
    assert.throws(() => converter.fromPayload({ metadata: {}, data: new Uint8Array(0) }), /no encoding/);
  });

  test("no values are no payloads, and a missing one is undefined", () => {
    assert.equal(toPayloads(converter), undefined);
    assert.equal(fromPayloadsAtIndex(converter, 1, toPayloads(converter, "only")), undefined);
    assert.deepEqual(arrayFromPayloads(converter, toPayloads(converter, 1, undefined, "x")), [1, undefined, "x"]);
    assert.deepEqual(arrayFromPayloads(converter, undefined), []);
  });

  test("a search attribute of a date is a date again", () => {
    const at = new Date(1_700_000_000_000);
    const fields = encodeSearchAttributes({ When: [at], Gone: [] });
    fields["When"]!.metadata["type"] = new TextEncoder().encode("Datetime");
    assert.deepEqual(decodeSearchAttributes(fields), { When: [at] });
  });
});

describe("durations", () => {
  for (const [duration, milliseconds] of [
    [1_500, 1_500],
    ["1 minute", 60_000],
    ["2 days", 172_800_000],
    ["30s", 30_000],
    ["1.5 hours", 5_400_000],
  ] as const) {
    test(`${JSON.stringify(duration)} is ${milliseconds} ms`, () => {
      assert.equal(msToNumber(duration), milliseconds);
    });
  }

  for (const bad of ["soon", "", -1, Number.NaN, Number.POSITIVE_INFINITY, "-1 minute"]) {
    test(`${JSON.stringify(bad)} is none, and the option is named`, () => {
      assert.throws(() => msToNumber(bad as never, "options.timeout"), /^TypeError: options\.timeout:/);
    });
  }
});

describe("retry policies", () => {
  for (const [policy, message] of [
    [{ maximumAttempts: 0 }, /maximumAttempts/],
    [{ maximumAttempts: 1.5 }, /maximumAttempts/],
    [{ backoffCoefficient: 0.5 }, /backoffCoefficient/],
    [{ initialInterval: 0 }, /initialInterval/],
    [{ initialInterval: 100, maximumInterval: 10 }, /maximumInterval/],
  ] as const) {
    test(`${JSON.stringify(policy)} is refused`, () => assert.throws(() => compileRetryPolicy(policy), message));
  }

  test("intervals grow up to the longest", () => {
    const policy = compileRetryPolicy({ initialInterval: 100, backoffCoefficient: 3, maximumInterval: "1 second" });
    assert.deepEqual(
      [1, 2, 3, 4].map((attempt) => nextIntervalMs(policy, attempt)),
      [100, 300, 900, 1_000],
    );
    const fallback = compileRetryPolicy({ maximumAttempts: Number.POSITIVE_INFINITY });
    assert.deepEqual(
      [1, 2, 9].map((attempt) => nextIntervalMs(fallback, attempt)),
      [1_000, 2_000, 100_000],
    );
    assert.equal(fallback.maximumAttempts, 0);
  });
});
