import assert from "node:assert/strict";
import { test } from "node:test";
import { matchingLimits } from "../limits.ts";
import type { PollRequest } from "./match.ts";
import { PollerHistory } from "./poller-history.ts";

const poll = (identity: string, maxTasksPerSecond?: number): PollRequest => ({
  namespaceId: "n",
  kind: "activity",
  taskQueue: "q",
  poller: { identity, requestId: "r" },
  signal: new AbortController().signal,
  untilMs: 0,
  maxTasksPerSecond,
});

test("each identity is listed once, most recent first, with its last time and rate", () => {
  const history = new PollerHistory();
  history.record(poll("a", 7), 1_000);
  history.record(poll("b"), 2_000);
  history.record(poll("a"), 3_000);
  const brief = history.list(3_000).map((seen) => [seen.identity, seen.lastAccessMs, seen.maxTasksPerSecond]);
  assert.deepEqual(brief, [
    ["a", 3_000, 7],
    ["b", 2_000, undefined],
  ]);
});

test("a poller is forgotten five minutes after its last poll", () => {
  const history = new PollerHistory();
  history.record(poll("a"), 0);
  assert.equal(history.list(299_999).length, 1);
  assert.equal(history.list(300_000).length, 0);
});

test("made-up identities push out the oldest, never the most recent, and cannot fill memory", () => {
  const history = new PollerHistory();
  for (let i = 0; i < 3 * matchingLimits.pollersMax; i++) history.record(poll(`w${i}`), i);
  const list = history.list(0);
  assert.equal(list.length, matchingLimits.pollersMax);
  assert.equal(list[0]?.identity, `w${3 * matchingLimits.pollersMax - 1}`);
});
