/** Unmodified official SDKs go on with their work while the server is killed (-9) and started again on the same file. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { enums } from "@pawl/protocol";
import { call } from "../rig/call.ts";
import { ScenarioRun } from "../rig/scenarios.ts";
import type { RunningServer } from "../rig/server.ts";
import { languages, preparedWithinMs, scenariosWithinMs, startServer, target } from "./languages.ts";
import { whileKilled } from "./sentences.ts";

const scenario = "outlive-server";
const sentence = whileKilled[scenario];
/** A workflow has about 440 events in the end; each kill waits until one that it is meant for has gone on by so many. */
const eventsBetweenKills = 40;
const kills = 4;
const pollMs = 20;

interface Outlasting {
  readonly running: ScenarioRun;
  readonly workflowId: string;
}

describe(`official SDKs while ${target} is killed`, () => {
  let folder: string;
  let server: RunningServer;
  const skipped = new Map<string, string>();
  const outlasting = new Map<string, Outlasting>();

  before(
    async () => {
      folder = await mkdtemp(join(tmpdir(), "compat-"));
      server = await startServer({ dbFilename: join(folder, "state.db") });
      const started = languages.map(async ({ name, prepare }) => {
        const prepared = await prepare();
        if ("skipped" in prepared) return skipped.set(name, prepared.skipped);
        const running = new ScenarioRun(prepared.tool.scenarios, [scenario], server.address);
        const [workflowId = ""] = (await running.announced(scenario)).workflows;
        return outlasting.set(name, { running, workflowId });
      });
      await Promise.all(started);
      // All have connected, and none has begun: from here on the server may go away at any time.
      for (const { running } of outlasting.values()) running.proceed();
    },
    { timeout: preparedWithinMs },
  );

  after(async () => {
    for (const { running } of outlasting.values()) running.kill();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  test("the server is killed in the middle of each language's workflow", { timeout: scenariosWithinMs }, async (t) => {
    if (outlasting.size === 0) return t.skip("no language is ready");
    // A kill meets all that are at work at that moment; each language is fast in its own way, and must be met once.
    const missed = new Set([...outlasting.values()].map(({ workflowId }) => workflowId));
    for (let kill = 0; kill < kills || missed.size > 0; kill++) {
      const targets = missed.size > 0 ? missed : new Set([...outlasting.values()].map(({ workflowId }) => workflowId));
      const met = await killInTheMiddleOf(targets);
      if (met.length === 0) break;
      for (const workflowId of met) missed.delete(workflowId);
    }
    assert.deepEqual([...missed], [], "these workflows ended before any kill");
  });

  for (const { name } of languages) {
    test(`${name}: ${sentence}`, { timeout: scenariosWithinMs }, async (t) => {
      const { running } = outlasting.get(name) ?? {};
      if (!running) return t.skip(skipped.get(name));
      const { ok, error } = await running.outcome(scenario);
      assert.ok(ok, error);
      assert.equal(await running.ended(), 0, running.output());
    });
  }

  /** Kills the server when one of them has gone on for a while; tells which workflows were at work then. None when all of them have ended. */
  async function killInTheMiddleOf(targets: ReadonlySet<string>): Promise<string[]> {
    const before = await progress();
    let seen = before;
    while (![...targets].some((id) => seen.get(id)!.length >= before.get(id)!.length + eventsBetweenKills)) {
      if (![...targets].some((id) => seen.get(id)!.isRunning)) return [];
      await delay(pollMs);
      seen = await progress();
    }
    await server.kill9();
    server = await startServer({ dbFilename: join(folder, "state.db"), port: server.port });
    for (const [workflowId, { length }] of await progress())
      assert.ok(length >= seen.get(workflowId)!.length, "what was seen before the kill is still there");
    const atWork = [...seen].filter(([, { isRunning, length }]) => isRunning && length >= eventsBetweenKills);
    return atWork.map(([workflowId]) => workflowId);
  }

  async function progress(): Promise<Map<string, { readonly length: number; readonly isRunning: boolean }>> {
    const found = [...outlasting.values()].map(async ({ workflowId }) => {
      const request = { namespace: "default", execution: { workflowId } };
      const { workflowExecutionInfo } = await call(server.address, "DescribeWorkflowExecution", request);
      const isRunning = workflowExecutionInfo?.status === enums.WorkflowExecutionStatus.RUNNING;
      return [workflowId, { length: workflowExecutionInfo?.historyLength ?? 0, isRunning }] as const;
    });
    return new Map(await Promise.all(found));
  }
});
