/** Wall-clock time of a zone, from the runtime's own time zone data or from data that is given: how far local time is ahead of UTC at a moment. */

import { ZoneData } from "./zone-data.ts";

const hourMs = 3_600_000;
const halfDayMs = 12 * hourMs;
const dayMs = 2 * halfDayMs;
/** More zones than a store of schedules uses at once; each costs a formatter of the runtime. */
const zonesMax = 64;

/** Of real zones it is 16 hours; data that is given may say more. */
const offsetMaxMs = 26 * hourMs;

const zones = new Map<string, TimeZone>();

export class TimeZone {
  readonly #find: (atMs: number) => number;
  /** By half days since the epoch: the offset of all its moments, or null when it changes. */
  readonly #halfDays = new Map<number, number | null>();
  /** By moments of half days in which it changes. */
  readonly #offsets = new Map<number, number>();

  private constructor(find: (atMs: number) => number) {
    this.#find = find;
  }

  /** undefined when the runtime knows no zone of that name. "" is UTC. */
  static named(name: string): TimeZone | undefined {
    const known = zones.get(name);
    if (known) return known;
    try {
      const format = new Intl.DateTimeFormat("en-US", { timeZone: name || "UTC", timeZoneName: "longOffset" });
      const zone = new TimeZone((atMs) => offsetMsOf(format, atMs));
      if (zones.size >= zonesMax) zones.clear();
      zones.set(name, zone);
      return zone;
    } catch {
      return undefined;
    }
  }

  /** A zone of its own, from the bytes of a file of the time zone database; undefined when they are none. */
  static given(data: Uint8Array): TimeZone | undefined {
    const zone = ZoneData.parse(data);
    return zone && new TimeZone((atMs) => zone.offsetMsAt(atMs));
  }

  /** Milliseconds to add to UTC to get local time. */
  offsetMsAt(atMs: number): number {
    const half = Math.floor(atMs / halfDayMs);
    let steady = this.#halfDays.get(half);
    if (steady === undefined) {
      const offsetMs = this.#exact(half * halfDayMs);
      steady = offsetMs === this.#exact((half + 1) * halfDayMs) ? offsetMs : null;
      if (this.#halfDays.size >= offsetsMax) this.#halfDays.clear();
      this.#halfDays.set(half, steady);
    }
    return steady ?? this.#exact(atMs);
  }

  #exact(atMs: number): number {
    const known = this.#offsets.get(atMs);
    if (known !== undefined) return known;
    const offsetMs = this.#find(atMs);
    if (this.#offsets.size >= offsetsMax) this.#offsets.clear();
    this.#offsets.set(atMs, offsetMs);
    return offsetMs;
  }

  /**
   * The stretches of constant offset that make up a local day, in order: `[from, to)` in UTC milliseconds. `localDayMs` is the day's midnight as
   * if it were UTC. A usual day is one stretch.
   */
  stretchesOf(localDayMs: number): { readonly fromMs: number; readonly toMs: number; readonly offsetMs: number }[] {
    // No zone is further than that from UTC, so the day lies within these bounds.
    const boundsFromMs = localDayMs - offsetMaxMs;
    const boundsToMs = localDayMs + dayMs + offsetMaxMs;
    const stretches: { fromMs: number; toMs: number; offsetMs: number }[] = [];
    for (const { fromMs, toMs, offsetMs } of this.#stretches(boundsFromMs, boundsToMs)) {
      const from = Math.max(fromMs, localDayMs - offsetMs);
      const to = Math.min(toMs, localDayMs + dayMs - offsetMs);
      if (from < to) stretches.push({ fromMs: from, toMs: to, offsetMs });
    }
    return stretches;
  }

  /** No zone changes its offset twice within half a day. */
  *#stretches(fromMs: number, toMs: number): Generator<{ fromMs: number; toMs: number; offsetMs: number }> {
    let startMs = fromMs;
    let offsetMs = this.offsetMsAt(fromMs);
    for (let atMs = fromMs; atMs < toMs; atMs += halfDayMs) {
      const nextMs = Math.min(atMs + halfDayMs, toMs);
      const nextOffsetMs = this.offsetMsAt(nextMs);
      if (nextOffsetMs === offsetMs) continue;
      const changeMs = this.#changeBetween(atMs, nextMs);
      yield { fromMs: startMs, toMs: changeMs, offsetMs };
      startMs = changeMs;
      offsetMs = nextOffsetMs;
    }
    yield { fromMs: startMs, toMs, offsetMs };
  }

  /** The first moment of the new offset, to the second. */
  #changeBetween(beforeMs: number, afterMs: number): number {
    const offsetMs = this.offsetMsAt(beforeMs);
    let low = beforeMs / 1_000;
    let high = afterMs / 1_000;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetMsAt(middle * 1_000) === offsetMs) low = middle;
      else high = middle;
    }
    return high * 1_000;
  }
}

const offsetsMax = 4_096;

function offsetMsOf(format: Intl.DateTimeFormat, atMs: number): number {
  const name = format.formatToParts(atMs).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const [, sign = "+", hours = "0", minutes = "0", seconds = "0"] =
    /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? [];
  const sizeMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
  return sign === "-" ? -sizeMs : sizeMs;
}
