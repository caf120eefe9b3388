/**
 * Time zones that come with a schedule: the bytes of a file of the IANA time zone database, in the format TZif (RFC 8536), versions 1 to 3. What
 * comes after their last change is said by a rule (`zone-rule.ts`).
 */
import { ZoneRule } from "./zone-rule.ts";

const headerBytes = 44;
/** No place is further from UTC, in seconds; the same bound as that of the format. */
const offsetMax = 26 * 3_600;

interface LocalTime {
  readonly offset: number;
  readonly isDst: boolean;
}

/** Counts of a header, in its order. */
interface Counts {
  readonly isUtc: number;
  readonly isStandard: number;
  readonly leap: number;
  readonly change: number;
  readonly type: number;
  readonly letter: number;
}

export class ZoneData {
  /** Seconds since the epoch, ascending. */
  readonly #changes: readonly number[];
  /** What holds from each change on. */
  readonly #types: readonly LocalTime[];
  readonly #before: LocalTime;
  readonly #rule: ZoneRule | undefined;

  private constructor(
    changes: readonly number[],
    types: readonly LocalTime[],
    all: readonly LocalTime[],
    rule: string,
  ) {
    this.#changes = changes;
    this.#types = types;
    this.#before = firstOf(types, all);
    this.#rule = ZoneRule.parse(rule);
  }

  /** undefined when the bytes are no such file. */
  static parse(bytes: Uint8Array): ZoneData | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const first = countsAt(view, 0);
    if (first === undefined) return undefined;
    const [version, counts] = first;
    if (version === 1) return ZoneData.#read(view, { from: headerBytes, counts, timeBytes: 4 });
    // The same again with times of eight bytes; the counts may differ.
    const second = headerBytes + blockBytes(counts, 4);
    const again = countsAt(view, second);
    return again && ZoneData.#read(view, { from: second + headerBytes, counts: again[1], timeBytes: 8 });
  }

  static #read(
    view: DataView,
    { from, counts, timeBytes }: { readonly from: number; readonly counts: Counts; readonly timeBytes: 4 | 8 },
  ): ZoneData | undefined {
    const end = from + blockBytes(counts, timeBytes);
    if (end > view.byteLength || counts.type === 0) return undefined;
    const typesFrom = from + counts.change * (timeBytes + 1);
    const all: LocalTime[] = [];
    for (let at = typesFrom; at < typesFrom + counts.type * 6; at += 6) {
      const offset = view.getInt32(at);
      if (Math.abs(offset) > offsetMax || view.getUint8(at + 5) >= counts.letter) return undefined;
      all.push({ offset, isDst: view.getUint8(at + 4) !== 0 });
    }
    const changes: number[] = [];
    const types: LocalTime[] = [];
    for (let i = 0; i < counts.change; i++) {
      const at = from + i * timeBytes;
      changes.push(timeBytes === 4 ? view.getInt32(at) : Number(view.getBigInt64(at)));
      const type = all[view.getUint8(from + counts.change * timeBytes + i)];
      if (type === undefined) return undefined;
      types.push(type);
    }
    if (changes.some((second, i) => i > 0 && second < changes[i - 1]!)) return undefined;
    const rest = new Uint8Array(view.buffer, view.byteOffset + end, view.byteLength - end);
    const rule = /^\n(.+)\n$/.exec(new TextDecoder("latin1").decode(rest))?.[1] ?? "";
    return new ZoneData(changes, types, all, rule);
  }

  /** Milliseconds to add to UTC to get local time. */
  offsetMsAt(atMs: number): number {
    const second = Math.floor(atMs / 1_000);
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#changes[middle]! <= second) low = middle + 1;
      else high = middle;
    }
    const isBeyond = low === this.#changes.length;
    const byRule = isBeyond ? this.#rule?.offsetAt(second) : undefined;
    return (byRule ?? (this.#types[low - 1] ?? this.#before).offset) * 1_000;
  }
}

/** What holds before the first change: the first type if nothing changes to it, otherwise one that is no summer time. */
function firstOf(types: readonly LocalTime[], all: readonly LocalTime[]): LocalTime {
  const first = all[0]!;
  if (!types.includes(first)) return first;
  if (types[0]?.isDst) {
    const earlier = all.slice(0, all.indexOf(types[0])).findLast(({ isDst }) => !isDst);
    if (earlier !== undefined) return earlier;
  }
  return all.find(({ isDst }) => !isDst) ?? first;
}

function countsAt(view: DataView, from: number): readonly [version: number, Counts] | undefined {
  if (from + headerBytes > view.byteLength || view.getUint32(from) !== 0x545a6966) return undefined;
  const version = { 0: 1, 50: 2, 51: 3 }[view.getUint8(from + 4)];
  if (version === undefined) return undefined;
  const count = (i: number) => view.getUint32(from + 20 + 4 * i);
  const [isUtc, isStandard, leap, change, type, letter] = [count(0), count(1), count(2), count(3), count(4), count(5)];
  return [version, { isUtc, isStandard, leap, change, type, letter }];
}

function blockBytes({ isUtc, isStandard, leap, change, type, letter }: Counts, timeBytes: number): number {
  return change * (timeBytes + 1) + type * 6 + letter + leap * (timeBytes + 4) + isStandard + isUtc;
}
