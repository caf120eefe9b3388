import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { type Init, schedule } from "@pawl/protocol";
import { Cron } from "croner";
import fc from "fast-check";
import { Spec, SpecError } from "./spec.ts";

function spec(given: Init<schedule.ScheduleSpec>): Spec {
  return new Spec(schedule.ScheduleSpec.decode(schedule.ScheduleSpec.encode(given)));
}

/** The first times after a moment, as ISO texts. */
function times(given: Init<schedule.ScheduleSpec>, after: string, count: number): string[] {
  const compiled = spec(given);
  const found: string[] = [];
  for (let at: number | undefined = Date.parse(after); found.length < count; ) {
    at = compiled.next(at, "seed")?.nominalMs;
    if (at === undefined) break;
    found.push(new Date(at).toISOString().replace(".000Z", "Z"));
  }
  return found;
}

describe("calendars", () => {
  test("a cron line, a calendar of texts and a structured one mean the same", () => {
    const structured = {
      ...{ second: [{}], minute: [{ start: 30 }], hour: [{ start: 9 }], dayOfWeek: [{ start: 1, end: 5 }] },
      ...{ dayOfMonth: [{ start: 1, end: 31 }], month: [{ start: 1, end: 12 }] },
    };
    const friday = "2026-11-20T09:30:00Z";
    const next = ["2026-11-23T09:30:00Z", "2026-11-24T09:30:00Z"];
    assert.deepEqual(times({ cronString: ["30 9 * * mon-fri"] }, friday, 2), next);
    assert.deepEqual(times({ calendar: [{ hour: "9", minute: "30", dayOfWeek: "Mon-Fri" }] }, friday, 2), next);
    assert.deepEqual(times({ structuredCalendar: [structured] }, friday, 2), next);
  });

  test("all fields must match, days of the month and of the week too", () => {
    assert.deepEqual(times({ cronString: ["0 12 13 * 5"] }, "2026-01-01T00:00:00Z", 2), [
      "2026-02-13T12:00:00Z",
      "2026-03-13T12:00:00Z",
    ]);
  });

  test("what never comes is not searched for for ever", () => {
    assert.deepEqual(times({ cronString: ["0 0 30 2 *"] }, "2026-01-01T00:00:00Z", 1), []);
    assert.deepEqual(times({ cronString: ["0 0 1 1 * 2030"] }, "2030-01-01T00:00:00Z", 1), []);
    assert.deepEqual(
      times(
        { interval: [{ interval: { seconds: 1 } }], excludeCalendar: [{ second: "*", minute: "*", hour: "*" }] },
        "2026-01-01T00:00:00Z",
        1,
      ),
      [],
    );
  });

  test("many calendars that never match are looked through once", () => {
    const never = { dayOfMonth: "31", month: "2,4,6,9,11", hour: "*" };
    const calendar = Array.from({ length: 500 }, (_, second) => ({ ...never, second: String(second % 60) }));
    const dates = mock.method(Date, "UTC");
    const compiled = spec({ calendar, interval: [{ interval: { seconds: 3_600 } }] });
    let at = Date.parse("2026-01-01T00:00:00Z");
    for (let count = 0; count < 100; count++) at = compiled.next(at, "seed")!.nominalMs;
    const callCount = dates.mock.callCount();
    dates.mock.restore();
    assert.equal(new Date(at).toISOString(), "2026-01-05T04:00:00.000Z");
    // Two for each month of the years to come, and not for each of the 100 times.
    assert.ok(callCount < 2 * 500 * 5 * 80, `${callCount}`);
  });

  test("what is excluded for long is passed over", () => {
    const every10s = { interval: [{ interval: { seconds: 10 } }] };
    const whole = { hour: "*", minute: "*", second: "*" };
    const after = (given: Init<schedule.ScheduleSpec>, from: string) => times(given, from, 1)[0];
    const weekends = { ...every10s, excludeCalendar: [{ ...whole, dayOfWeek: "6,0" }] };
    assert.equal(after(weekends, "2030-01-04T23:59:50Z"), "2030-01-07T00:00:00Z");
    const nights = { ...every10s, excludeCalendar: [{ ...whole, hour: "0-20" }], timezoneName: "Europe/Berlin" };
    // The day that the clock is set forward is an hour shorter.
    assert.equal(after(nights, "2026-03-28T22:59:50Z"), "2026-03-29T19:00:00Z");
    const december = { cronString: ["* * * * *"], excludeCalendar: [{ minute: "*", hour: "*", month: "12" }] };
    assert.equal(after(december, "2030-11-30T23:59:00Z"), "2031-01-01T00:00:00Z");
    const years = { ...every10s, excludeCalendar: [{ ...whole, year: "2030-2039" }] };
    assert.equal(after(years, "2029-12-31T23:59:50Z"), "2040-01-01T00:00:00Z");
    const minutes = {
      interval: [{ interval: { seconds: 1 } }],
      excludeCalendar: [{ second: "*", minute: "5-9", hour: "*" }],
    };
    assert.equal(after(minutes, "2030-01-01T00:04:59Z"), "2030-01-01T00:10:00Z");
    assert.equal(after({ ...every10s, excludeCalendar: [whole] }, "2030-01-01T00:00:00Z"), undefined);
    const fractions = {
      interval: [{ interval: { seconds: 1, nanos: 500_000_000 } }],
      excludeCalendar: [{ second: "0-4", minute: "*", hour: "*" }],
    };
    assert.equal(after(fractions, "2030-01-01T00:00:00Z"), "2030-01-01T00:00:06Z");
  });

  test("a local time that the clock skips is skipped, and one that it passes twice comes twice", () => {
    const daily = { cronString: ["30 2 * * *"], timezoneName: "Europe/Berlin" };
    assert.deepEqual(times(daily, "2026-03-28T00:00:00Z", 2), ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"]);
    assert.deepEqual(times(daily, "2026-10-24T12:00:00Z", 3), [
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:30:00Z",
      "2026-10-26T01:30:00Z",
    ]);
  });

  test("a day whose midnight the clock skips begins an hour later", () => {
    const daily = { cronString: ["0 * * * *"], timezoneName: "America/Sao_Paulo" };
    // On 4 November 2018 the clocks there went from 00:00 to 01:00.
    assert.deepEqual(times(daily, "2018-11-04T02:00:00Z", 2), ["2018-11-04T03:00:00Z", "2018-11-04T04:00:00Z"]);
  });
});

describe("intervals", () => {
  test("they count from the epoch, moved by their phase", () => {
    const given = { interval: [{ interval: { seconds: 3_600 }, phase: { seconds: 900 } }] };
    assert.deepEqual(times(given, "2026-01-01T00:15:00Z", 2), ["2026-01-01T01:15:00Z", "2026-01-01T02:15:00Z"]);
    assert.deepEqual(times({ cronString: ["@every 1h/15m"] }, "2026-01-01T00:00:00Z", 1), ["2026-01-01T00:15:00Z"]);
  });

  test("the earliest of all is the next, and one moment is one action", () => {
    const given = { interval: [{ interval: { seconds: 60 } }, { interval: { seconds: 90 } }] };
    assert.deepEqual(times(given, "2026-01-01T00:00:00Z", 4), [
      "2026-01-01T00:01:00Z",
      "2026-01-01T00:01:30Z",
      "2026-01-01T00:02:00Z",
      "2026-01-01T00:03:00Z",
    ]);
  });
});

test("start and end are part of the schedule's time", () => {
  const startTime = { seconds: Date.parse("2026-01-01T00:01:00Z") / 1_000 };
  const endTime = { seconds: Date.parse("2026-01-01T00:02:00Z") / 1_000 };
  const given = { interval: [{ interval: { seconds: 60 } }], startTime, endTime };
  assert.deepEqual(times(given, "2020-01-01T00:00:00Z", 5), ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]);
});

test("jitter moves each time by an amount that is always the same, and never over the next one", () => {
  const given = { interval: [{ interval: { seconds: 10 } }], jitter: { seconds: 3_600 } };
  const compiled = spec(given);
  const moved = new Set<number>();
  for (let at = 0; at < 200; at++) {
    const { nominalMs, actualMs } = compiled.next(at * 10_000, "one")!;
    assert.deepEqual(compiled.next(at * 10_000, "one"), { nominalMs, actualMs });
    assert.ok(actualMs >= nominalMs && actualMs < nominalMs + 10_000);
    moved.add(actualMs - nominalMs);
    moved.add(compiled.next(at * 10_000, "two")!.actualMs - nominalMs);
  }
  assert.ok(moved.size > 300, `${moved.size} amounts`);
});

test("a spec is shown with all its texts turned into structure", () => {
  const { canonical } = spec({ cronString: ["CRON_TZ=Europe/Berlin 0 9 1,15 * * 2030 # twice", "@every 90s"] });
  assert.deepEqual(canonical.structuredCalendar, [
    schedule.StructuredCalendarSpec.create({
      ...{ second: [{ start: 0, end: 0, step: 1 }], minute: [{ start: 0, end: 0, step: 1 }] },
      ...{ hour: [{ start: 9, end: 9, step: 1 }], month: [{ start: 1, end: 12, step: 1 }] },
      dayOfMonth: [
        { start: 1, end: 1, step: 1 },
        { start: 15, end: 15, step: 1 },
      ],
      ...{ year: [{ start: 2030, end: 2030, step: 1 }], dayOfWeek: [{ start: 0, end: 6, step: 1 }] },
      comment: "twice",
    }),
  ]);
  assert.deepEqual(
    [canonical.timezoneName, canonical.cronString, canonical.interval[0]?.interval?.seconds],
    ["Europe/Berlin", [], 90],
  );
});

test("a start beyond all calendars never comes", () => {
  const beyond = spec({
    cronString: ["0 0 * * *"],
    interval: [{ interval: { seconds: 60 } }],
    startTime: { seconds: 2 ** 53 - 1, nanos: 999_999_999 },
  });
  assert.equal(beyond.next(0, "seed"), undefined);
});

test("what cannot be is refused with the field and the rule", () => {
  const refused: readonly (readonly [Init<schedule.ScheduleSpec>, RegExp])[] = [
    [{ timezoneName: "Nowhere/Land" }, /^unknown time zone Nowhere\/Land$/],
    [{ timezoneData: new Uint8Array(3) }, /^malformed time zone information$/],
    [{ timezoneData: new Uint8Array(3), cronString: ["TZ=UTC * * * * *"] }, /^conflicting timezone names$/],
    [{ cronString: ["1 2 3"] }, /^CronString does not have 5-7 fields$/],
    [{ cronString: ["constructor"] }, /^CronString does not have 5-7 fields$/],
    [{ cronString: ["61 * * * *"] }, /^Minute is not in range \[0-59\]$/],
    [{ cronString: ["* * * * mon-x"] }, /^DayOfWeek/],
    [{ cronString: ["*/0 * * * *"] }, /^Minute has invalid Step$/],
    [{ cronString: ["@every x"] }, /invalid duration/],
    [{ cronString: ["TZ=UTC * * * * *", "TZ=Asia/Tokyo * * * * *"] }, /^conflicting timezone names$/],
    [{ calendar: [{ hour: "25" }] }, /^Hour is not in range \[0-23\]$/],
    [
      { structuredCalendar: [{ month: [{ start: 13 }] }] },
      /^invalid calendar spec: Month Start is not in range \[1-12\]$/,
    ],
    [{ interval: [{ interval: { nanos: 5 } }] }, /^interval is too small$/],
    [{ interval: [{ interval: { seconds: 5 }, phase: { seconds: 5 } }] }, /^phase cannot be/],
    [{ jitter: { seconds: -1 } }, /^jitter/],
  ];
  for (const [given, message] of refused)
    assert.throws(
      () => spec(given),
      (error) => error instanceof SpecError && message.test(error.message),
      String(message),
    );
});

test("whatever is written for a time, it is a time or a refusal, and the next one is found after its moment", () => {
  const words = [
    "*",
    "*/0",
    "*/7",
    "5",
    "60",
    "1-5",
    "5-1",
    "mon",
    "fri-x",
    "L",
    "@daily",
    "@every",
    "1h",
    "-5m",
    "1h/2h",
    "#",
    "TZ=",
    "CRON_TZ=UTC",
  ];
  const aText = fc.oneof(
    fc.array(
      fc.oneof(
        fc.constantFrom(...words),
        fc.constantFrom(...words).map((word) => `${word},${word}`),
      ),
      { maxLength: 9 },
    ),
    fc.array(fc.string(), { maxLength: 7 }),
  );
  const field = fc.oneof(fc.constantFrom(...words), fc.string());
  const aCalendar = fc.record({
    minute: field,
    hour: field,
    dayOfMonth: field,
    month: field,
    year: field,
    dayOfWeek: field,
  });
  const given = fc.oneof(
    aText.map((some) => ({ cronString: [some.join(" ")] })),
    aCalendar.map((calendar) => ({ calendar: [calendar] })),
  );
  const property = fc.property(given, fc.constantFrom("", "UTC", "Europe/Berlin", "nowhere"), (times, timezoneName) => {
    const afterMs = Date.UTC(2026, 0);
    try {
      const next = spec({ ...times, timezoneName }).next(afterMs, "seed");
      assert.ok(next === undefined || next.nominalMs > afterMs, `${next?.nominalMs}`);
    } catch (error) {
      assert.ok(error instanceof SpecError && error.message.length > 0, String(error));
    }
  });
  fc.assert(property, { numRuns: 1_000, seed: 1 });
});

describe("against croner, which knows nothing of this", () => {
  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"];
  const part = (max: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.nat({ max }).map(String),
      fc.integer({ min: 2, max: 20 }).map((step) => `*/${step}`),
    );
  const line = fc.tuple(part(59), part(23), fc.oneof(fc.constant("*"), fc.integer({ min: 1, max: 28 }).map(String)));

  /** The moments at which clocks change are left out: there croner moves what is skipped, and takes what is passed twice once. */
  const isNearChange = (atMs: number, zone: string) => {
    const offset = (ms: number) =>
      new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" }).format(ms).split("GMT")[1];
    return offset(atMs - 26 * 3_600_000) !== offset(atMs + 26 * 3_600_000);
  };

  test("the next times of cron lines are the same in all zones", () => {
    let compared = 0;
    const property = fc.property(
      line,
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(2012, 0), max: Date.UTC(2037, 0) }),
      ([minute, hour, dayOfMonth], timezoneName, afterMs) => {
        const text = `${minute} ${hour} ${dayOfMonth} * *`;
        const expected = new Cron(text, { timezone: timezoneName }).nextRun(new Date(afterMs))?.getTime();
        const actual = spec({ cronString: [text], timezoneName }).next(afterMs, "")?.nominalMs;
        if ([afterMs, expected ?? 0, actual ?? 0].some((atMs) => isNearChange(atMs, timezoneName))) return;
        compared += 1;
        assert.equal(actual, expected, `${text} in ${timezoneName} after ${new Date(afterMs).toISOString()}`);
      },
    );
    fc.assert(property, { numRuns: 400 });
    assert.ok(compared > 250, `${compared} compared`);
  });

  test("every moment that is found matches by the wall clock, and none between is left out, on days when clocks change", () => {
    const local = (atMs: number, timeZone: string) =>
      new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(atMs);
    const changes = [
      ["Europe/Berlin", "2026-03-29"],
      ["Europe/Berlin", "2026-10-25"],
      ["America/New_York", "2026-11-01"],
      ["Australia/Lord_Howe", "2026-04-05"],
      ["America/Sao_Paulo", "2018-11-04"],
      ["Africa/Casablanca", "2026-03-22"],
    ] as const;
    for (const [timezoneName, day] of changes) {
      const fromMs = Date.parse(`${day}T00:00:00Z`) - 86_400_000;
      const expected: string[] = [];
      for (let atMs = fromMs; atMs < fromMs + 3 * 86_400_000; atMs += 60_000)
        if (/^(01|02|00):(00|30)$/.test(local(atMs, timezoneName)))
          expected.push(new Date(atMs).toISOString().replace(".000Z", "Z"));
      const given = { cronString: ["0,30 0-2 * * *"], timezoneName };
      assert.deepEqual(times(given, new Date(fromMs - 1).toISOString(), expected.length), expected, timezoneName);
    }
  });
});
