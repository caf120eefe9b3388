import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeToken, encodeToken, type Token, type TokenMac } from "./task-token.ts";

/** A checksum in place of a keyed hash: enough to try the format, and told apart by its key. */
function checksum(key: number): TokenMac {
  const sign = (bytes: Uint8Array) => {
    const mac = new Uint8Array(16);
    let state = key >>> 0;
    for (let at = 0; at < bytes.length + 16; at++) {
      state = Math.imul(state ^ (bytes[at] ?? at), 0x01000193) >>> 0;
      mac[at % 16] = state >>> 11;
    }
    return mac;
  };
  return { sign, verify: (bytes, mac) => Buffer.from(sign(bytes)).equals(mac) };
}

const id = fc.oneof(
  fc.uuid(),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constant(""),
  fc.uuid().map((text) => text.toUpperCase()),
);
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const task = { namespaceId: id, workflowId: id, runId: id };
const tokens: fc.Arbitrary<Token> = fc.oneof(
  fc.record({
    kind: fc.constant("workflow" as const),
    ...task,
    scheduledEventId: count,
    startedEventId: count,
    attempt: count,
    stamp: count,
  }),
  fc.record({
    kind: fc.constant("activity" as const),
    ...task,
    scheduledEventId: count,
    attempt: count,
    activityId: id,
    stamp: count,
  }),
  fc.record({
    kind: fc.constant("activity" as const),
    ...task,
    scheduledEventId: count,
    attempt: count,
    activityId: id,
  }),
  fc.record({
    kind: fc.constant("activityLink" as const),
    ...task,
    scheduledEventId: count,
    attempt: count,
    activityId: id,
    expiresAtMs: count,
    stamp: count,
  }),
  fc.record({ kind: fc.constant("query" as const), ...task, queryId: id }),
  fc.record({ kind: fc.constant("nexus" as const), namespaceId: id, taskQueue: id, taskId: id }),
  fc.record({ kind: fc.constant("callback" as const), ...task, scheduledEventId: count, requestId: id }),
  fc.record({
    kind: fc.constant("page" as const),
    of: fc.string(),
    namespaceId: id,
    values: fc.array(fc.oneof(id, fc.double(), fc.integer(), fc.constant(null), fc.uint8Array({ maxLength: 50 }))),
  }),
);

const kinds = ["workflow", "activity", "query", "page", "nexus", "callback"] as const;

describe("task token", () => {
  test("a token comes back as it went out", () => {
    fc.assert(
      fc.property(tokens, (token) => {
        assert.deepEqual(decodeToken(token.kind, encodeToken(token, checksum(1)), checksum(1)), { ...token });
      }),
      { numRuns: 1_000 },
    );
  });

  test("a token of another key or another kind is none", () => {
    fc.assert(
      fc.property(tokens, (token) => {
        const bytes = encodeToken(token, checksum(1));
        assert.equal(decodeToken(token.kind, bytes, checksum(2)), undefined);
        for (const kind of kinds)
          if (kind !== token.kind) assert.equal(decodeToken(kind, bytes, checksum(1)), undefined);
      }),
    );
  });

  test("bytes that are signed but no token give nothing, and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...kinds), (body, kind) => {
        const head = [1, kinds.indexOf(kind)];
        const signed = Uint8Array.from([...head, ...body]);
        const mac = checksum(1);
        decodeToken(kind, Uint8Array.from([...signed, ...mac.sign(signed)]), mac);
      }),
      { numRuns: 2_000 },
    );
  });

  test("ids that are UUIDs take 17 bytes, so that a token of an activity stays small", () => {
    const uuid = "0191d2a4-6c00-7000-8000-00c0ffee0000";
    const bytes = encodeToken(
      {
        kind: "activity",
        namespaceId: uuid,
        workflowId: uuid,
        runId: uuid,
        scheduledEventId: 5,
        attempt: 1,
        activityId: "1",
      },
      checksum(1),
    );
    assert.equal(bytes.length, 2 + 3 * 17 + 1 + 1 + 2 + 16);
  });

  test("a number that no token can hold is the caller's mistake", () => {
    for (const attempt of [-1, 0.5, Number.NaN, 2 ** 53])
      assert.throws(
        () =>
          encodeToken(
            {
              kind: "activity",
              namespaceId: "",
              workflowId: "",
              runId: "",
              scheduledEventId: 1,
              attempt,
              activityId: "",
            },
            checksum(1),
          ),
        RangeError,
      );
  });
});
