import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { Unavailable } from "../shard/unavailable.ts";
import { decode, encode, endedOf, replyOf } from "./wire.ts";

const refusal = new Rejection("NOT_FOUND", "it is not there");

describe("what nodes say to each other", () => {
  test("comes out as it went in, refusals included, however they are packed", () => {
    const command = {
      type: "delivered",
      delivery: { type: "refused", rejection: refusal },
      bytes: new Uint8Array([1, 2]),
      at: 1.5,
    };
    const came = decode(encode({ shardId: 3, command })) as { command: typeof command };
    assert.ok(came.command.delivery.rejection instanceof Rejection);
    assert.deepEqual(came.command.delivery.rejection, refusal);
    assert.deepEqual([...came.command.bytes], [1, 2]);
    assert.equal(came.command.at, 1.5);
    assert.equal(command.delivery.rejection, refusal);
  });

  test("the end of a command is the same on both sides", async () => {
    const across = async (submitted: Promise<unknown>) => replyOf(decode(encode(await endedOf(submitted))) as never);
    assert.deepEqual(await across(Promise.resolve({ runId: "r" })), { runId: "r" });
    assert.deepEqual(await across(Promise.resolve(refusal)), refusal);
    assert.ok(
      ((await across(Promise.resolve({ refused: refusal, runId: "r" }))) as { refused: unknown }).refused instanceof
        Rejection,
    );
    await assert.rejects(across(Promise.reject(new Unavailable("busy", "too much"))), (error) => {
      return error instanceof Unavailable && error.reason === "busy" && error.message === "too much";
    });
    await assert.rejects(endedOf(Promise.reject(new TypeError("a bug"))), TypeError);
  });
});
