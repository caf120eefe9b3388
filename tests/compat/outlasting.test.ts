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
/** A workflow has about 440 events in the end; each kill waits until the one that it is meant for has gone on by so many. */
const eventsBetweenKills = 40;
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
    for (const { workflowId } of outlasting.values()) await killInTheMiddleOf(workflowId);
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

  async function killInTheMiddleOf(workflowId: string): Promise<void> {
    const length = await historyLength(workflowId);
    while ((await historyLength(workflowId)) < length + eventsBetweenKills) await delay(pollMs);
    const seen = await historyLength(workflowId);
    await server.kill9();
    server = await startServer({ dbFilename: join(folder, "state.db"), port: server.port });
    assert.ok((await historyLength(workflowId)) >= seen, "what was seen before the kill is still there");
  }

  /** Checks that the workflow is still open, so that no kill comes too late. */
  async function historyLength(workflowId: string): Promise<number> {
    const request = { namespace: "default", execution: { workflowId } };
    const { workflowExecutionInfo } = await call(server.address, "DescribeWorkflowExecution", request);
    assert.equal(workflowExecutionInfo?.status, enums.WorkflowExecutionStatus.RUNNING, "the workflow has ended early");
    return workflowExecutionInfo.historyLength;
  }
});
