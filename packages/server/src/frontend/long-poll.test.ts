import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { ManualClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { TestCall } from "./in-process.ts";
import { isGone, pause, taskPollUntilMs, Wait, waitUntilMs } from "./long-poll.ts";

const nowMs = 1_000_000;

describe("a poll for a task", () => {
  //  deadline from now     held open for, or refused
  for (const [deadlineInMs, expected] of [
    [undefined, "INVALID_ARGUMENT Context timeout is not set."],
    [-5, "FAILED_PRECONDITION Context timeout is too short."],
    [1_999, "FAILED_PRECONDITION Context timeout is too short."],
    [2_000, 1_000],
    [10_000, 9_000],
    [61_000, 60_000],
    [70_000, 60_000],
  ] as const)
    test(`whose caller has ${deadlineInMs} ms is ${typeof expected === "number" ? `held for ${expected} ms` : expected}`, () => {
      const call = new TestCall(deadlineInMs === undefined ? undefined : nowMs + deadlineInMs);
      const untilMs = taskPollUntilMs(call, nowMs);
      assert.equal(untilMs instanceof Rejection ? `${untilMs.code} ${untilMs.message}` : untilMs - nowMs, expected);
    });
});

test("any other wait needs no deadline, and ends before one", () => {
  assert.equal(waitUntilMs(new TestCall(undefined), nowMs, 20_000), nowMs + 20_000);
  assert.equal(waitUntilMs(new TestCall(nowMs + 5_000), nowMs, 20_000), nowMs + 5_000 - limits.pollMarginMs);
});

test("who has gone gets no answer; who asks a stopping server does", () => {
  for (const [why, gone] of [
    ["cancelled", true],
    ["deadline", true],
    ["stopping", false],
  ] as const) {
    const call = new TestCall(undefined);
    assert.equal(isGone(call), false);
    call.end(why);
    assert.equal(isGone(call), gone, why);
  }
});

describe("a wait", () => {
  test("ends when its time is up", () => {
    const clock = new ManualClock();
    using wait = new Wait(new TestCall(undefined).signal, clock, clock.nowMs() + 100);
    clock.advance(99);
    assert.equal(wait.isOver, false);
    clock.advance(1);
    assert.equal(wait.isOver, true);
  });

  test("ends with its call", () => {
    const call = new TestCall(undefined);
    using wait = new Wait(call.signal, new ManualClock(), Number.POSITIVE_INFINITY);
    assert.equal(wait.isOver, false);
    call.end("cancelled");
    assert.equal(wait.isOver, true);
  });

  test("is over at once when there is no time, or nobody to wait for", () => {
    const clock = new ManualClock();
    const call = new TestCall(undefined);
    using late = new Wait(call.signal, clock, clock.nowMs());
    assert.equal(late.isOver, true);
    call.end("deadline");
    using gone = new Wait(call.signal, clock, clock.nowMs() + 100);
    assert.equal(gone.isOver, true);
  });

  test("leaves nothing behind when it is disposed of", () => {
    const clock = new ManualClock();
    const wait = new Wait(new TestCall(undefined).signal, clock, clock.nowMs() + 100);
    wait[Symbol.dispose]();
    assert.equal(clock.sleeperCount, 0);
    assert.equal(wait.isOver, true);
  });
});

test("a pause ends with time or with the call, and leaves nothing behind", async () => {
  const clock = new ManualClock();
  const timed = pause(clock, 50, new TestCall(undefined).signal);
  clock.advance(50);
  await timed;
  const call = new TestCall(undefined);
  const cut = pause(clock, 50, call.signal);
  call.end("cancelled");
  await cut;
  await pause(clock, 50, call.signal);
  assert.equal(clock.sleeperCount, 0);
});
