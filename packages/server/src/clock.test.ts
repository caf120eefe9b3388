import assert from "node:assert/strict";
import { describe, type mock, type TestContext, test } from "node:test";
import fc from "fast-check";
import { ManualClock, SkippingClock, systemClock } from "./clock.ts";

test("sleepers run in the order of their times, equal ones in the order in which they were set, and cancelled ones never", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ inMs: fc.integer({ min: -5, max: 40 }), cancelled: fc.boolean() }), { size: "large" }),
      (plans) => {
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
      },
    ),
  );
});

test("what should have happened already happens in the next turn, without a warning of Node's", async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error) => warnings.push(name);
  process.on("warning", note);
  await new Promise<void>((resolve) => systemClock.after(-370, resolve));
  process.off("warning", note);
  assert.deepEqual(warnings, []);
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

test("what waits for time to pass on a manual clock does so wherever that is set", () => {
  const clock = new ManualClock(10_000);
  let ran = 0;
  clock.after(100, () => ran++);
  const cancel = clock.after(100, () => assert.fail("it was cancelled"));
  clock.step(-5_000);
  cancel();
  clock.advance(99);
  clock.step(5_000);
  assert.equal(ran, 0);
  clock.advance(1);
  assert.deepEqual([ran, clock.sleeperCount], [1, 0]);
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

/** A machine whose elapsed time and time of day are set apart from each other. */
class FakeMachine {
  #dayMs = 1_700_000_000_000;
  readonly #timers: typeof mock.timers;

  constructor(t: TestContext) {
    this.#timers = t.mock.timers;
    this.#timers.enable({ apis: ["setTimeout"] });
    t.mock.method(Date, "now", () => this.#dayMs);
  }

  /** Lets time pass, a millisecond at a time. */
  tick(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#dayMs++;
      this.#timers.tick(1);
    }
  }

  setDay(ms: number): void {
    this.#dayMs += ms;
  }
}

test("the system clock wakes at the time asked for and not a millisecond earlier", (t) => {
  const machine = new FakeMachine(t);
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
  machine.tick(2_459);
  assert.deepEqual(ran, ["sooner"]);
  machine.tick(1);
  assert.deepEqual(ran, ["sooner", "later"]);
});

test("the system clock keeps a wake of sixty days, which a single timer cannot", (t) => {
  const set = t.mock.method(globalThis, "setTimeout");
  const cancel = systemClock.wake(systemClock.nowMs() + 60 * 86_400_000, () => assert.fail("sixty days early"));
  cancel();
  const sleepMs = Number(set.mock.calls[0]?.arguments[1]);
  assert.ok(sleepMs > 0 && sleepMs < 2 ** 31, String(sleepMs));
});

test("the system clock wakes nobody early after it was set back", (t) => {
  const machine = new FakeMachine(t);
  let ran = 0;
  systemClock.wake(systemClock.nowMs() + 500, () => ran++);
  machine.setDay(-10_000);
  machine.tick(10_499);
  assert.equal(ran, 0);
  machine.tick(1);
  assert.equal(ran, 1);
});

test("what waits for time to pass on the system clock does so wherever that is set", (t) => {
  const machine = new FakeMachine(t);
  let ran = 0;
  systemClock.after(500, () => ran++);
  const cancel = systemClock.after(500, () => assert.fail("it was cancelled"));
  machine.setDay(-10_000);
  cancel();
  machine.tick(499);
  machine.setDay(20_000);
  assert.equal(ran, 0);
  machine.tick(1);
  assert.equal(ran, 1);
});

test("the system clock wakes within a second those whose time has come because it was set forward", (t) => {
  const machine = new FakeMachine(t);
  let ran = 0;
  systemClock.wake(systemClock.nowMs() + 3_600_000, () => ran++);
  machine.tick(10);
  machine.setDay(7_200_000);
  machine.tick(1_000);
  assert.equal(ran, 1);
});

test("a sleeper that throws on the system clock does not cost the others their turn", (t) => {
  const machine = new FakeMachine(t);
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

describe("the clock that jumps", () => {
  test("wakes at once what has fallen due by a jump, in order, and nobody who waits for an answer", () => {
    const clock = new SkippingClock();
    const woken: string[] = [];
    const beganAtMs = clock.nowMs();
    const cancels = [
      clock.due.wake(beganAtMs + 2_000_000, () => woken.push("second")),
      clock.due.wake(beganAtMs + 1_000_000, () => woken.push("first")),
      clock.due.wake(beganAtMs + 9_000_000, () => woken.push("later")),
      clock.wake(beganAtMs + 1_000_000, () => woken.push("caller")),
    ];
    clock.skipTo(beganAtMs + 3_000_000);
    assert.deepEqual(woken, ["first", "second"]);
    assert.ok(clock.nowMs() >= beganAtMs + 3_000_000 && clock.nowMs() < beganAtMs + 4_000_000);
    assert.equal(Math.abs(clock.due.nowMs() - clock.nowMs()) < 1_000, true);
    clock.skipTo(beganAtMs); // has passed
    assert.ok(clock.nowMs() >= beganAtMs + 3_000_000);
    for (const cancel of cancels) cancel();
  });

  test("lets a caller wait as long as it asked to, whatever the jumps before and meanwhile", async () => {
    const clock = new SkippingClock();
    clock.skipTo(clock.nowMs() + 5_000_000);
    const beganAtMs = performance.now();
    const waited = new Promise<void>((resolve) => clock.wake(clock.nowMs() + 30, resolve));
    clock.skipTo(clock.nowMs() + 5_000_000);
    await waited;
    const tookMs = performance.now() - beganAtMs;
    assert.ok(tookMs >= 25 && tookMs < 5_000, `${tookMs} ms`);
  });
});
