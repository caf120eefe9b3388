/**
 * The rule of a zone's time from some moment on, as POSIX writes it in TZ: `CET-1CEST,M3.5.0,M10.5.0/3` is an hour ahead of UTC, two from the last
 * Sunday of March to the last of October. Offsets there count westwards; here, as everywhere else, eastwards.
 */

const daySeconds = 86_400;

/** A day of each year, and the second of that day, by the clock that it changes. */
interface Change {
  readonly day: (year: number) => number;
  readonly second: number;
}

interface Summer {
  readonly offset: number;
  readonly from: Change;
  readonly until: Change;
}

const name = "(?:[A-Za-z]{3,}|<[^>]+>)";
const time = String.raw`([+-]?\d{1,3}(?::\d{1,2}(?::\d{1,2})?)?)`;
const date = String.raw`(J\d{1,3}|\d{1,3}|M\d{1,2}\.[1-5]\.[0-6])`;
const whole = new RegExp(`^${name}${time}(?:${name}${time}?(?:,${date}(?:/${time})?,${date}(?:/${time})?)?)?$`);
const summerName = new RegExp(`^${name}${time}${name}`);

export class ZoneRule {
  readonly #offset: number;
  readonly #summer: Summer | undefined;

  private constructor(offset: number, summer: Summer | undefined) {
    this.#offset = offset;
    this.#summer = summer;
  }

  /** undefined for what is no rule. */
  static parse(text: string): ZoneRule | undefined {
    const found = whole.exec(text);
    if (found === null) return undefined;
    // Without dates, those of the United States.
    const [, standard = "0", other, fromDate = "M3.2.0", fromTime = "2", untilDate = "M11.1.0", untilTime = "2"] =
      found;
    const offset = 0 - secondsOf(standard);
    if (!summerName.test(text)) return new ZoneRule(offset, undefined);
    const [fromDay, untilDay] = [dayOf(fromDate), dayOf(untilDate)];
    if (fromDay === undefined || untilDay === undefined) return undefined;
    return new ZoneRule(offset, {
      offset: other === undefined ? offset + 3_600 : 0 - secondsOf(other),
      from: { day: fromDay, second: secondsOf(fromTime) },
      until: { day: untilDay, second: secondsOf(untilTime) },
    });
  }

  /** Seconds to add to UTC to get local time, at a second since the epoch. */
  offsetAt(second: number): number {
    const summer = this.#summer;
    if (summer === undefined) return this.#offset;
    const year = new Date((second + this.#offset) * 1_000).getUTCFullYear();
    const newYear = Date.UTC(year, 0, 1) / 1_000;
    // Each change is by the clock that was right until then.
    const from = newYear + summer.from.day(year) * daySeconds + summer.from.second - this.#offset;
    const until = newYear + summer.until.day(year) * daySeconds + summer.until.second - summer.offset;
    const isSummer =
      from < until ? second >= from && second < until /* North. */ : second >= from || second < until; /* South. */
    return isSummer ? summer.offset : this.#offset;
  }
}

function secondsOf(text: string): number {
  const [hours = "0", minutes = "0", seconds = "0"] = text.replace(/^[+-]/, "").split(":");
  const size = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return text.startsWith("-") ? -size : size;
}

/** The day, counted from 0 at the first of January, in each year. */
function dayOf(text: string): Change["day"] | undefined {
  if (text.startsWith("J")) {
    const day = Number(text.slice(1));
    // The 29th of February has no number.
    return day < 1 || day > 365 ? undefined : (year) => day - 1 + (isLeap(year) && day > 59 ? 1 : 0);
  }
  if (!text.startsWith("M")) return Number(text) > 365 ? undefined : () => Number(text);
  const [month = 0, week = 0, weekday = 0] = text.slice(1).split(".").map(Number);
  if (month < 1 || month > 12) return undefined;
  return (year) => {
    const first = new Date(Date.UTC(year, month - 1, 1));
    let day = 1 + ((weekday - first.getUTCDay() + 7) % 7) + (week - 1) * 7;
    const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
    // The fifth is the last.
    while (day > days) day -= 7;
    return (Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / (daySeconds * 1_000);
  };
}

function isLeap(year: number): boolean {
  return new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
}
