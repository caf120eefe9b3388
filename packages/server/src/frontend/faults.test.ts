import assert from "node:assert/strict";
import { test } from "node:test";
import { enums, errordetails } from "@pawl/protocol";
import { CommitUnknown, LeaseLost, StoreFull } from "@pawl/store";
import { Unavailable } from "../shard/unavailable.ts";
import { refusalOf } from "./faults.ts";

const { SYSTEM_OVERLOADED, PERSISTENCE_STORAGE_LIMIT } = enums.ResourceExhaustedCause;

test("faults that pass are UNAVAILABLE or RESOURCE_EXHAUSTED, so that SDKs try again", () => {
  const table = [
    [new Unavailable("unknown", "the outcome is unknown"), "UNAVAILABLE", undefined],
    [new Unavailable("closed", "closed"), "UNAVAILABLE", undefined],
    [new Unavailable("busy", "busy"), "RESOURCE_EXHAUSTED", SYSTEM_OVERLOADED],
    [new Unavailable("full", "full"), "RESOURCE_EXHAUSTED", PERSISTENCE_STORAGE_LIMIT],
    [new StoreFull("/var/data/app.db is full"), "RESOURCE_EXHAUSTED", PERSISTENCE_STORAGE_LIMIT],
    [new CommitUnknown("/var/data/app.db timed out"), "UNAVAILABLE", undefined],
    [new LeaseLost({ shardId: 1, rangeId: 2 }), "UNAVAILABLE", undefined],
  ] as const;
  for (const [fault, code, cause] of table) {
    const refusal = refusalOf(fault);
    assert.equal(refusal?.code, code);
    assert.doesNotMatch(refusal.message, /app\.db/, "the store's own words are for the log");
    const bytes = refusal.detail?.bytes;
    assert.equal(bytes && errordetails.ResourceExhaustedFailure.decode(bytes).cause, cause);
  }
});

test("a bug is no refusal", () => {
  for (const bug of [new TypeError("x is not a function"), "thrown text", undefined])
    assert.equal(refusalOf(bug), undefined);
});
