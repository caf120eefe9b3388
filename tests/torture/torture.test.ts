/**
 * Kills the real server, again and again, under load from official SDK processes, and then looks for anything that was acknowledged and is not
 * there, or there twice; with every fifth kill a worker dies, too. `PAWL_TORTURE_KILLS` (20), `PAWL_TORTURE_SEED` and `PAWL_TORTURE_LANGUAGES` change the run; `PAWL_TORTURE_TARGET=reference` tries the checker itself
 * on the reference server.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { mustBeSound } from "../rig/doctor.ts";
import { freePort, type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { Campaign } from "./campaign.ts";
import { chosenLanguages, crewsOf } from "./crews.ts";
import { random } from "./random.ts";

const kills = Number(process.env["PAWL_TORTURE_KILLS"] ?? 20);
const seed = Number(process.env["PAWL_TORTURE_SEED"] ?? Date.now() % 1_000_000);
const startServer = process.env["PAWL_TORTURE_TARGET"] === "reference" ? startReference : startPawl;
const [upMsMin, upMsMax] = [100, 1_500];
/** A workflow has five. */
const acknowledgementsPerKill = 8;
/** So many kills of the server for one of a worker, which takes longer to come back. */
const killsPerWorker = 5;

test(`nothing that was acknowledged is lost or doubled by ${kills} kills of the server (PAWL_TORTURE_SEED=${seed})`, {
  timeout: 300_000 + kills * 15_000,
}, async (t) => {
  const crews = await crewsOf(chosenLanguages());
  if ("skipped" in crews) return t.skip(crews.skipped);
  const campaign = await Campaign.make(crews.tool);
  const dbFilename = join(campaign.folder, "state.db");
  const port = await freePort();
  const next = random(seed);
  let server: RunningServer = await startServer({ dbFilename, port });
  try {
    await campaign.begin([server.address, server.address]);
    for (let kill = 1; kill <= kills; kill++) {
      await delay(upMsMin + next() * (upMsMax - upMsMin));
      // Clients wait before they connect again: a kill that comes in the meantime proves nothing.
      await campaign.acknowledged(kill * acknowledgementsPerKill);
      if (kill % killsPerWorker === 0) campaign.killWorker(kill / killsPerWorker);
      await server.kill9();
      server = await startServer({ dbFilename, port });
      campaign.mustBeLoading();
    }
    const found = await campaign.checked(server.address, server.logs);
    t.diagnostic(JSON.stringify(found));
    // A run in which hardly anything happened proves nothing.
    assert(found.workflows >= kills, `only ${found.workflows} workflows ran`);
    if (startServer === startPawl) {
      await mustBeSound(server.address);
      await mustBeSound(dbFilename);
    }
  } finally {
    await server.kill9();
    await campaign.end();
  }
});
