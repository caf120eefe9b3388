/** What one statement to PostgreSQL takes of a group of commits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type PlainWrite, Segment, segmentWritesMax } from "./postgres-statement.ts";

const partOf = (at: number, bytes: Uint8Array | null): PlainWrite => ({
  table: "part",
  runId: `r${at}`,
  part: "p",
  bytes,
});

test("a segment that is full takes no further write of any table", () => {
  const segment = new Segment();
  segment.addLease({ shardId: 1, rangeId: 1 });
  for (let at = 0; at < segmentWritesMax; at++) {
    const isDropped = at % 3 === 0;
    const write: PlainWrite =
      at % 3 === 1 ? { table: "deleteRun", runId: `gone-${at}` } : partOf(at, isDropped ? null : new Uint8Array([1]));
    assert.ok(segment.add(write, 1), `write ${at}`);
  }
  const { values } = segment.statement();
  assert.equal(segment.add(partOf(0, null), 1), false);
  assert.equal(segment.add({ table: "deleteRun", runId: "another" }, 1), false);
  assert.deepEqual(segment.statement().values, values);
});
