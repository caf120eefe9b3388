/** Zones from files of the time zone database are those that the runtime knows by their names. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TimeZone } from "./time-zone.ts";
import { ZoneData } from "./zone-data.ts";
import { ZoneRule } from "./zone-rule.ts";

interface File {
  readonly version?: 0 | 0x32 | 0x33 | 0x34;
  readonly changes: readonly (readonly [second: number, type: number])[];
  readonly types: readonly (readonly [offset: number, isDst: number])[];
  readonly rule?: string;
}

/** A file of the time zone database, as `zic` writes it. */
function written({ version = 0x32, changes, types, rule = "" }: File): Uint8Array {
  const letters = Buffer.from("LOC\0");
  const block = (timeBytes: 4 | 8): Buffer => {
    const header = Buffer.alloc(44);
    header.write("TZif");
    header[4] = version;
    header.writeUInt32BE(changes.length, 32);
    header.writeUInt32BE(types.length, 36);
    header.writeUInt32BE(letters.length, 40);
    const times = Buffer.alloc(changes.length * timeBytes);
    for (const [i, [second]] of changes.entries()) {
      if (timeBytes === 4) times.writeInt32BE(second, i * 4);
      else times.writeBigInt64BE(BigInt(second), i * 8);
    }
    const local = types.map(([offset, isDst]) => {
      const type = Buffer.alloc(6);
      type.writeInt32BE(offset);
      type[4] = isDst;
      return type;
    });
    return Buffer.concat([header, times, Buffer.from(changes.map(([, type]) => type)), ...local, letters]);
  };
  if (version === 0) return block(4);
  return Buffer.concat([block(4), block(8), Buffer.from(`\n${rule}\n`)]);
}

const second = (text: string) => Date.parse(text) / 1_000;

/** On each day, and around each change to the half hour. */
function sameOffsets(
  offsetMsAt: (atMs: number) => number,
  named: TimeZone,
  { from, to }: { readonly from: string; readonly to: string },
): void {
  const halfHourMs = 1_800_000;
  const dayMs = 48 * halfHourMs;
  let changes = 0;
  for (let atMs = Date.parse(from); atMs < Date.parse(to); atMs += dayMs) {
    const offsetMs = named.offsetMsAt(atMs);
    assert.equal(offsetMsAt(atMs), offsetMs, new Date(atMs).toISOString());
    if (named.offsetMsAt(atMs + dayMs) === offsetMs) continue;
    changes += 1;
    for (let nearMs = atMs; nearMs < atMs + dayMs; nearMs += halfHourMs)
      assert.equal(offsetMsAt(nearMs), named.offsetMsAt(nearMs), new Date(nearMs).toISOString());
  }
  // None at all, or two in each year.
  assert.ok(changes === 0 || changes > 4, String(changes));
}

/** As in the zone until 2026, and by the rule from then on. */
const berlin = written({
  changes: [
    [second("2025-03-30T01:00:00Z"), 1],
    [second("2025-10-26T01:00:00Z"), 0],
  ],
  types: [
    [3_600, 0],
    [7_200, 1],
  ],
  rule: "CET-1CEST,M3.5.0,M10.5.0/3",
});

describe("a zone that is given", () => {
  test("changes when the file says so, and after that by its rule", () => {
    const given = TimeZone.given(berlin)!;
    const named = TimeZone.named("Europe/Berlin")!;
    sameOffsets((atMs) => given.offsetMsAt(atMs), named, { from: "2025-01-01", to: "2034-01-01" });
  });

  test("of the first version has times of four bytes and no rule", () => {
    const zone = ZoneData.parse(written({ version: 0, changes: [[100, 1]], types: [[0, 0], [60, 0]] }))!; // biome-ignore format: pairs
    assert.deepEqual(
      [99_999, 100_000].map((atMs) => zone.offsetMsAt(atMs)),
      [0, 60_000],
    );
  });

  test("begins with its first type, or with one that is no summer time", () => {
    const types = [
      [3_600, 0],
      [7_200, 1],
      [1_800, 0],
    ] as const;
    const before = (changes: File["changes"]) => ZoneData.parse(written({ changes, types }))!.offsetMsAt(0) / 1_000;
    assert.equal(before([[100, 2]]), 3_600);
    assert.equal(before([[100, 1], [200, 0]]), 3_600); // biome-ignore format: pairs
    assert.equal(before([]), 3_600);
  });

  test("that is none is found out", () => {
    const bad: readonly Uint8Array[] = [
      new Uint8Array(3),
      new Uint8Array(100),
      berlin.subarray(0, 60),
      berlin.subarray(0, 130),
      written({ version: 0x34, changes: [], types: [[0, 0]] }),
      written({ changes: [], types: [] }),
      written({ changes: [[1, 1]], types: [[0, 0]] }),
      written({ changes: [[2, 0], [1, 0]], types: [[0, 0]] }), // biome-ignore format: pairs
      written({ changes: [], types: [[30 * 3_600, 0]] }),
    ];
    for (const [i, bytes] of bad.entries()) assert.equal(ZoneData.parse(bytes), undefined, String(i));
  });

  test("that is damaged at any byte is refused or is another zone, and never an error", () => {
    for (let i = 0; i < berlin.length; i++) {
      const damaged = Uint8Array.from(berlin);
      damaged[i] = damaged[i]! ^ 0xff;
      const offset = ZoneData.parse(damaged)?.offsetMsAt(Date.parse("2030-07-01T00:00:00Z"));
      assert.ok(offset === undefined || Math.abs(offset) < 200 * 3_600_000);
    }
  });
});

test("rules of all forms are those of the zones that have them", () => {
  const rules: readonly (readonly [rule: string, zone: string])[] = [
    ["CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"],
    ["EST5EDT,M3.2.0,M11.1.0", "America/New_York"],
    ["EST5EDT", "America/New_York"],
    ["AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/Sydney"],
    ["<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "Australia/Lord_Howe"],
    ["IST-1GMT0,M10.5.0,M3.5.0/1", "Europe/Dublin"],
    ["<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "America/Nuuk"],
    ["IST-5:30", "Asia/Kolkata"],
    ["<-04>4<-03>,M9.1.6/24,M4.1.6/24", "America/Santiago"],
  ];
  for (const [rule, zone] of rules) {
    const parsed = ZoneRule.parse(rule)!;
    const ofRule = (atMs: number) => parsed.offsetAt(atMs / 1_000) * 1_000;
    sameOffsets(ofRule, TimeZone.named(zone)!, { from: "2026-01-01", to: "2029-01-01" });
  }
  const days = ZoneRule.parse("AAA0BBB,J60/0,365/0")!;
  const at = (text: string) => days.offsetAt(Date.parse(text) / 1_000);
  // The first of March is the 60th day that has a number, in a leap year too.
  assert.deepEqual([at("2028-02-29T23:59:59Z"), at("2028-03-01T00:00:00Z")], [0, 3_600]);
  assert.deepEqual([at("2028-12-30T22:59:59Z"), at("2028-12-30T23:00:00Z")], [3_600, 0]);
  for (const text of ["", "CET", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,J0,J5", "CET-1CEST,M3.5.0", "-1"])
    assert.equal(ZoneRule.parse(text), undefined, text);
});
