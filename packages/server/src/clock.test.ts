import assert from "node:assert/strict";
import { type mock, test } from "node:test";
import fc from "fast-check";
import { ManualClock, systemClock } from "./clock.ts";

test("sleepers run in the order of their times, equal ones in the order in which they were set, and cancelled ones never", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ inMs: fc.integer({ min: -5, max: 40 }), cancelled: fc.boolean() })), (plans) => {
      const clock = new ManualClock(1_000);
      const ran: { plan: number; atMs: number }[] = [];
      const cancels = plans.map(({ inMs }, plan) =>
        clock.wake(1_000 + inMs, () => ran.push({ plan, atMs: clock.nowMs() })),
      );
      for (const [plan, { cancelled }] of plans.entries()) if (cancelled) cancels[plan]!();
      clock.advance(40);
      const expected = plans
        .map(({ inMs, cancelled }, plan) => ({ plan, inMs, cancelled }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => a.inMs - b.inMs || a.plan - b.plan)
        .map(({ plan, inMs }) => ({ plan, atMs: 1_000 + Math.max(inMs, 0) }));
      assert.deepEqual(ran, expected);
      assert.equal(clock.sleeperCount, 0);
      assert.equal(clock.nowMs(), 1_040);
    }),
  );
});

test("a manual clock that is set back keeps a sleeper asleep until its time of day comes again", () => {
  const clock = new ManualClock(10_000);
  let ran = 0;
  clock.wake(10_100, () => ran++);
  clock.step(-5_000);
  clock.advance(5_099);
  assert.equal(ran, 0);
  clock.advance(1);
  assert.equal(ran, 1);
});

test("skip jumps to the next sleeper, runs that one alone, and says when nobody sleeps", () => {
  const clock = new ManualClock(0);
  const ran: number[] = [];
  clock.wake(30 * 86_400_000, () => ran.push(clock.nowMs()));
  clock.wake(31 * 86_400_000, () => ran.push(clock.nowMs()));
  assert.equal(clock.skip(), true);
  assert.deepEqual(ran, [30 * 86_400_000]);
  assert.equal(clock.skip(), true);
  assert.equal(clock.skip(), false);
});

test("a sleeper whose time has passed does not run inside wake", () => {
  const clock = new ManualClock(1_000);
  let ran = false;
  clock.wake(1, () => {
    ran = true;
  });
  assert.equal(ran, false);
  clock.advance(0);
  assert.equal(ran, true);
});

test("a sleeper without a time is refused", () => {
  assert.throws(() => new ManualClock().wake(Number.NaN, () => {}), RangeError);
});

/** The system clock on a faked machine: elapsed time and time of day move together unless the test sets the day's time. */
function onFakeMachine(
  t: { mock: typeof mock },
  nowMs = 1_700_000_000_000,
): { tick(ms: number): void; setTime(ms: number): void } {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: nowMs });
  return t.mock.timers;
}

test("the system clock wakes at the time asked for and not a millisecond earlier", (t) => {
  const machine = onFakeMachine(t);
  const startMs = systemClock.nowMs();
  const ran: string[] = [];
  systemClock.wake(startMs + 2_500, () => ran.push("later"));
  systemClock.wake(startMs + 40, () => ran.push("sooner"));
  const cancel = systemClock.wake(startMs + 50, () => ran.push("cancelled"));
  cancel();
  machine.tick(39);
  assert.deepEqual(ran, []);
  machine.tick(1);
  assert.deepEqual(ran, ["sooner"]);
  for (let ms = 40; ms < 2_499; ms++) machine.tick(1);
  assert.deepEqual(ran, ["sooner"]);
  machine.tick(1);
  assert.deepEqual(ran, ["sooner", "later"]);
});

test("the system clock holds a wake of sixty days, which a single timer cannot", (t) => {
  const machine = onFakeMachine(t);
  let ran = false;
  const cancel = systemClock.wake(systemClock.nowMs() + 60 * 86_400_000, () => {
    ran = true;
  });
  machine.tick(5_000);
  assert.equal(ran, false);
  cancel();
});

test("the system clock wakes nobody early after it was set back, and within a second after it was set forward", (t) => {
  const machine = onFakeMachine(t);
  const startMs = systemClock.nowMs();
  let ran = 0;
  systemClock.wake(startMs + 500, () => ran++);
  const back = startMs - 10_000;
  machine.setTime(back);
  for (let ms = 0; ms < 10_499; ms++) machine.tick(1);
  assert.equal(ran, 0);
  machine.tick(1);
  assert.equal(ran, 1);

  systemClock.wake(systemClock.nowMs() + 3_600_000, () => ran++);
  machine.setTime(systemClock.nowMs() + 7_200_000);
  machine.tick(1_000);
  assert.equal(ran, 2);
});

test("a sleeper that throws on the system clock does not cost the others their turn", (t) => {
  const machine = onFakeMachine(t);
  let ran = 0;
  systemClock.wake(systemClock.nowMs() + 10, () => {
    throw new Error("a bug");
  });
  systemClock.wake(systemClock.nowMs() + 10, () => ran++);
  assert.throws(() => machine.tick(10), /a bug/);
  machine.tick(1);
  assert.equal(ran, 1);
});

test("a sleeper that sets another for now on the system clock does not keep the loop to itself", async () => {
  let ran = 0;
  let cancel = (): void => {};
  const again = (): void => {
    ran++;
    if (ran < 100_000) cancel = systemClock.wake(systemClock.nowMs(), again);
  };
  const started = new Promise<void>((resolve) => systemClock.wake(systemClock.nowMs(), resolve));
  systemClock.wake(systemClock.nowMs(), again);
  await started;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(ran >= 1 && ran < 100, `ran ${ran} times in one turn`);
  cancel();
});
