/**
 * Kills the real server, again and again, under load from official SDK processes, and then looks for anything that was acknowledged and is not
 * there, or there twice. `PAWL_TORTURE_KILLS` (20) and `PAWL_TORTURE_SEED` change the run; `PAWL_TORTURE_TARGET=reference` tries the checker itself
 * on the reference server.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { mustBeSound } from "../rig/doctor.ts";
import { prepareNode } from "../rig/node.ts";
import { freePort, type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { repository } from "../rig/toolchain.ts";
import { random } from "./random.ts";

const kills = Number(process.env["PAWL_TORTURE_KILLS"] ?? 20);
const seed = Number(process.env["PAWL_TORTURE_SEED"] ?? Date.now() % 1_000_000);
const startServer = process.env["PAWL_TORTURE_TARGET"] === "reference" ? startReference : startPawl;
const programs = join(repository, "tests/compat/typescript/torture");
const [upMsMin, upMsMax] = [100, 1_500];

test(`nothing that was acknowledged is lost or doubled by ${kills} kills of the server (PAWL_TORTURE_SEED=${seed})`, {
  timeout: 600_000,
}, async (t) => {
  const prepared = await prepareNode();
  if ("skipped" in prepared) return t.skip(prepared.skipped);
  const folder = await mkdtemp(join(tmpdir(), "torture-"));
  const processes: ChildProcess[] = [];
  const run = (name: string, ...args: string[]) => {
    const child = spawn(process.execPath, [join(programs, name), ...args], { stdio: ["pipe", "pipe", "inherit"] });
    processes.push(child);
    return child;
  };
  const files = { ledger: join(folder, "ledger.db"), acknowledged: join(folder, "acknowledged.jsonl") };
  const dbFilename = join(folder, "state.db");
  const port = await freePort();
  const next = random(seed);
  let server: RunningServer = await startServer({ dbFilename, port });
  try {
    const workers = [run("worker.ts", server.address, files.ledger), run("worker.ts", server.address, files.ledger)];
    await Promise.all(workers.map((worker) => once(worker.stdout!, "data")));
    const load = run("load.ts", server.address);
    const log = createWriteStream(files.acknowledged);
    load.stdout!.pipe(log);
    for (let kill = 1; kill <= kills; kill++) {
      await delay(upMsMin + next() * (upMsMax - upMsMin));
      await server.kill9();
      server = await startServer({ dbFilename, port });
      assert.equal(load.exitCode, null, "the load is still running");
    }
    load.stdin!.write("finish\n");
    await once(load, "exit");
    if (!log.writableFinished) await once(log, "finish");
    const check = run("check.ts", server.address, files.ledger, files.acknowledged);
    let output = "";
    check.stdout!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [code] = (await once(check, "close")) as [number | null];
    assert.equal(code, 0, `the check failed; the server's log: ${server.logs()}`);
    const found = JSON.parse(output) as {
      workflows: number;
      signals: number;
      replayed: number;
      retriedEffects: number;
    };
    t.diagnostic(
      `${JSON.stringify(found)}, ${(await readFile(files.acknowledged, "utf8")).split("\n").length} acknowledgements`,
    );
    // A run in which hardly anything happened proves nothing.
    assert(found.workflows >= kills, `only ${found.workflows} workflows ran`);
    assert.equal(found.replayed, found.workflows);
    if (startServer === startPawl) {
      await mustBeSound(server.address);
      await mustBeSound(dbFilename);
    }
  } finally {
    for (const child of processes) if (child.exitCode === null) child.kill("SIGKILL");
    await server.kill9();
    await rm(folder, { recursive: true, force: true });
  }
});
