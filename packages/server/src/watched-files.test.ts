import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ManualClock } from "./clock.ts";
import { limits } from "./limits.ts";
import { createLog } from "./telemetry/telemetry.ts";
import { WatchedFiles } from "./watched-files.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-watched-"));
after(() => rmSync(folder, { recursive: true }));

function numbers([bytes]: readonly Buffer[]): number {
  const number = Number(bytes);
  if (Number.isNaN(number)) throw new Error("it is no number");
  return number;
}

test("changed files are found by looking, what makes no sense changes nothing and is said once", async () => {
  const path = join(folder, "number");
  writeFileSync(path, "1");
  const clock = new ManualClock();
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createLog({ level: "info", format: "text", nowMs: () => 0, write });
  const files = await WatchedFiles.open({ what: "numbers", paths: [path], parse: numbers, clock, log });
  const seen: number[] = [];
  const heard: (() => void)[] = [];
  files.watch((value) => {
    seen.push(value);
    heard.shift()?.();
  });
  const next = () => new Promise<void>((resolve) => heard.push(resolve));

  writeFileSync(path, "2");
  const two = next();
  clock.advance(limits.fileLookMs);
  await two;
  writeFileSync(path, "two");
  assert.deepEqual([await files.reload(), await files.reload(), files.value], [false, false, 2]);
  rmSync(path);
  assert.equal(await files.reload(), false);
  writeFileSync(path, "3");
  assert.equal(await files.reload(), true);
  assert.deepEqual([seen, files.value], [[2, 3], 3]);
  files.close();

  const said = (text: RegExp) => lines.filter((line) => text.test(line)).length;
  assert.deepEqual([said(/it is no number/), said(/ENOENT/), said(/read again"$/m)], [1, 1, 2]);
});
