import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { encodeToken, type TokenMac } from "@pawl/protocol";
import { MemoryStore } from "@pawl/store";
import { seededRandom } from "../random.ts";
import { Tokens } from "./tokens.ts";

const task = {
  ...{
    namespaceId: "0191d2a4-6c00-7000-8000-00c0ffee0000",
    workflowId: "order-17",
    runId: "0191d2a4-6c00-7000-8000-00c0ffee0001",
  },
  ...{ scheduledEventId: 5, attempt: 1 },
};
const key = (fill: number) => new Uint8Array(32).fill(fill);

function refusal(value: unknown): string {
  assert.ok(value instanceof Rejection);
  return `${value.code}: ${value.message}`;
}

describe("tokens", () => {
  for (const seed of process.env["SEED"] ? [Number(process.env["SEED"])] : [1]) {
    test(`of 100,000 changed tokens none is accepted (SEED=${seed})`, () => {
      const random = seededRandom(seed);
      const upTo = (max: number) => Math.floor(random.fraction() * max);
      const tokens = new Tokens(key(1));
      const { namespaceId, workflowId, runId, scheduledEventId } = task;
      const callback = { namespaceId, workflowId, runId, scheduledEventId, requestId: "r1" };
      const sealed = [
        tokens.seal({ kind: "workflow", ...task, startedEventId: 6, stamp: 3 }),
        tokens.seal({ kind: "activity", ...task, activityId: "charge" }),
        tokens.seal({ kind: "query", ...task, queryId: "q1" }),
        tokens.seal({ kind: "nexus", namespaceId, taskQueue: "q", taskId: "t1" }),
        tokens.seal({ kind: "activityLink", ...task, activityId: "charge", expiresAtMs: 9 }),
        Buffer.from(tokens.sealCallback(callback), "base64url"),
        tokens.sealPage("workflows", namespaceId, [17, "run", null]),
      ];
      const isGood = (given: unknown) => given !== undefined && !(given instanceof Rejection);
      /** How many kinds of token these bytes are taken for. */
      const takenFor = (bytes: Uint8Array) =>
        [
          ...(["workflow", "activity", "query", "nexus"] as const).map((kind) => tokens.open(kind, bytes)),
          tokens.openActivityLink(bytes),
          tokens.openCallback(Buffer.from(bytes).toString("base64url")),
          // No bytes at all are the first page.
          tokens.openPage("workflows", namespaceId, bytes),
        ].filter(isGood).length;
      let accepted = 0;
      for (let round = 0; round < 100_000; round++) {
        const token = Buffer.from(sealed[round % sealed.length]!);
        let changed: Buffer = token;
        const at = upTo(token.length);
        switch (upTo(5)) {
          case 0:
            token[at]! ^= 1 << upTo(8);
            break;
          case 1:
            token[at] = (token[at]! + 1 + upTo(255)) % 256;
            break;
          case 2:
            changed = token.subarray(0, at);
            break;
          case 3:
            changed = Buffer.concat([token, Buffer.from([upTo(256)])]);
            break;
          default: {
            const other = sealed[(round + 1) % sealed.length]!;
            // From the third byte on: the first two are alike, and with them the whole would be the other token.
            const cut = 3 + upTo(Math.min(token.length, other.length) - 4);
            changed = Buffer.concat([token.subarray(0, cut), other.subarray(cut)]);
          }
        }
        accepted += takenFor(changed);
      }
      assert.equal(accepted, 0);
      for (const unchanged of sealed) assert.equal(takenFor(unchanged), 1);
    });
  }

  test("empty, broken and foreign tokens are refused with the reference server's words", () => {
    const tokens = new Tokens(key(1));
    const foreign = new Tokens(key(2)).seal({ kind: "workflow", ...task, startedEventId: 6, stamp: 3 });
    const activity = tokens.seal({ kind: "activity", ...task, activityId: "charge" });
    const table = [
      ["workflow", new Uint8Array(0), "INVALID_ARGUMENT: Task token not set on request."],
      ["workflow", new Uint8Array(1), "INVALID_ARGUMENT: Error deserializing task token."],
      ["workflow", foreign, "INVALID_ARGUMENT: Error deserializing task token."],
      ["workflow", activity, "INVALID_ARGUMENT: Error deserializing task token."],
      ["query", activity, "INVALID_ARGUMENT: Invalid TaskToken."],
    ] as const;
    for (const [kind, bytes, expected] of table) assert.equal(refusal(tokens.open(kind, bytes)), expected);
  });

  test("a page token is of its list and namespace, and none is the first page", () => {
    const tokens = new Tokens(key(1));
    const page = tokens.sealPage("history", "ns-1", [17, "run", null]);
    assert.deepEqual(tokens.openPage("history", "ns-1", page), [17, "run", null]);
    assert.equal(tokens.openPage("history", "ns-1", new Uint8Array(0)), undefined);
    for (const [of, namespaceId] of [
      ["workflows", "ns-1"],
      ["history", "ns-2"],
    ] as const)
      assert.equal(refusal(tokens.openPage(of, namespaceId, page)), "INVALID_ARGUMENT: Invalid NextPageToken.");
    const taskToken = tokens.seal({ kind: "query", ...task, queryId: "q1" });
    assert.equal(refusal(tokens.openPage("history", "ns-1", taskToken)), "INVALID_ARGUMENT: Invalid NextPageToken.");
  });

  test("a token carries HMAC-SHA256 of it, and is known with or without having been made here", () => {
    const mac: TokenMac = {
      sign: (bytes) => createHmac("sha256", key(1)).update(bytes).digest().subarray(0, 16),
      verify: () => assert.fail("nothing is opened with it"),
    };
    const made = [
      { kind: "workflow", ...task, startedEventId: 6, stamp: 3 },
      { kind: "activity", ...task, activityId: "charge", workflowId: "w".repeat(1_000) },
    ] as const;
    for (const token of made) {
      const [here, elsewhere] = [new Tokens(key(1)), new Tokens(key(1))];
      const bytes = here.seal(token);
      assert.deepEqual(bytes, encodeToken(token, mac));
      assert.deepEqual(elsewhere.open(token.kind, bytes), token);
      for (const times of [1, 2]) assert.deepEqual(here.open(token.kind, bytes), token, `${times}`);
      const other = token.kind === "workflow" ? "activity" : "workflow";
      assert.equal(refusal(here.open(other, bytes)), "INVALID_ARGUMENT: Error deserializing task token.");
    }
  });

  test("the key is made once and kept by the store", async () => {
    const store = new MemoryStore();
    const before = await Tokens.load(store);
    const after = await Tokens.load(store);
    const token = before.seal({ kind: "query", ...task, queryId: "q1" });
    assert.deepEqual(after.open("query", token), {
      kind: "query",
      ...{ namespaceId: task.namespaceId, workflowId: task.workflowId, runId: task.runId },
      queryId: "q1",
    });
    const elsewhere = await Tokens.load(new MemoryStore());
    assert.ok(elsewhere.open("query", token) instanceof Rejection);
  });
});
