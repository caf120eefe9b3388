/**
 * Power cuts: the server is killed in the middle of its work, and then what it had not synced is taken back from its files, all of it or a random
 * part. What it had acknowledged must be there all the same, and what is there must agree. `PAWL_TORTURE_CUTS` (4) and `PAWL_TORTURE_SEED` change the run.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CallError, call } from "../rig/call.ts";
import { mustBeSound } from "../rig/doctor.ts";
import { startPawl } from "../rig/server.ts";
import { cutPower, onDisk, prepareDisk } from "./faulty-disk.ts";
import { random } from "./random.ts";

const cuts = Number(process.env["PAWL_TORTURE_CUTS"] ?? 4);
const seed = Number(process.env["PAWL_TORTURE_SEED"] ?? Date.now() % 1_000_000);
const [upMsMin, upMsMax] = [50, 800];
const callers = 8;
const namespace = "default";

interface Disk {
  readonly files: string;
  readonly undo: string;
}

/** Empty, and gone when the test ends. */
function makeDisk(t: TestContext): Disk {
  const folder = mkdtempSync(join(tmpdir(), "power-cut-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const disk = { files: join(folder, "files"), undo: join(folder, "undo") };
  for (const path of Object.values(disk)) mkdirSync(path);
  return disk;
}

/** Starts workflows and signals them until the server has gone; keeps what was answered with OK. */
async function load(address: string, prefix: string, acknowledged: Map<string, number>): Promise<void> {
  let count = 0;
  const caller = async () => {
    for (;;) {
      const workflowId = `${prefix}-${count++}`;
      const start = { workflowType: { name: "T" }, taskQueue: { name: "q" }, requestId: workflowId };
      await call(address, "StartWorkflowExecution", { namespace, workflowId, ...start });
      acknowledged.set(workflowId, 0);
      const workflowExecution = { workflowId };
      await call(address, "SignalWorkflowExecution", { namespace, workflowExecution, signalName: "s" });
      acknowledged.set(workflowId, 1);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: callers }, caller));
  // A call that was under way when the server was killed; any answer would be a fault.
  for (const { reason } of ended.filter((each) => each.status === "rejected"))
    assert(!(reason instanceof CallError), String(reason));
}

test(`${cuts} power cuts take nothing that was acknowledged (PAWL_TORTURE_SEED=${seed})`, {
  timeout: 600_000 + cuts * 15_000,
}, async (t) => {
  const library = await prepareDisk();
  if ("skipped" in library) return t.skip(library.skipped);
  const disk = makeDisk(t);
  const next = random(seed);
  const dbFilename = join(disk.files, "state.db");
  const start = () => startPawl({ dbFilename, env: onDisk(library.tool, disk) });
  const acknowledged = new Map<string, number>();
  let takenBack = 0;
  for (let cut = 1; cut <= cuts; cut++) {
    const server = await start();
    t.after(() => server.kill9());
    const loading = load(server.address, `cut-${cut}`, acknowledged);
    await delay(upMsMin + next() * (upMsMax - upMsMin));
    await server.kill9();
    await loading;
    // Every other time all is lost, or else what a disk happened to write by itself is kept.
    takenBack += cutPower(disk, cut % 2 === 0 ? () => next() < 0.5 : undefined);
  }
  const server = await start();
  t.after(() => server.kill9());
  for (const [workflowId, signals] of acknowledged) {
    const execution = { workflowId };
    const { workflowExecutionInfo } = await call(server.address, "DescribeWorkflowExecution", { namespace, execution });
    // Started, scheduled a task, perhaps signalled. A signal whose answer was lost may be there.
    assert((workflowExecutionInfo?.historyLength ?? 0) >= 2 + signals, workflowId);
  }
  t.diagnostic(`${acknowledged.size} workflows acknowledged, ${takenBack} writes taken back`);
  assert(acknowledged.size >= cuts);
  await mustBeSound(dbFilename);
});

test("a power cut does take what was not synced", { timeout: 60_000 }, async (t) => {
  const library = await prepareDisk();
  if ("skipped" in library) return t.skip(library.skipped);
  for (const [synchronous, expected] of [
    ["FULL", 50],
    ["OFF", 0],
  ] as const) {
    const disk = makeDisk(t);
    const path = join(disk.files, "state.db");
    const program = `
      const { DatabaseSync } = require("node:sqlite");
      const db = new DatabaseSync(${JSON.stringify(path)});
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x)");
      db.exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = ${synchronous}");
      for (let x = 0; x < 50; x++) db.prepare("INSERT INTO t VALUES (?)").run(x);
      console.log("written");
      setInterval(() => {}, 1000);`;
    const env = { ...process.env, ...onDisk(library.tool, disk) };
    const child = spawn(process.execPath, ["-e", program], { env, stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    cutPower(disk);
    const db = new DatabaseSync(path);
    assert.deepEqual({ ...db.prepare("SELECT count(*) AS count FROM t").get() }, { count: expected }, synchronous);
    db.close();
  }
});
