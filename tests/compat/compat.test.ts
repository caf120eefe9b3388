/** Unmodified official SDKs, and the official command line, against a server. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ScenarioRun, scenarioNames } from "../rig/scenarios.ts";
import type { RunningServer } from "../rig/server.ts";
import { temporal, temporalText } from "../rig/temporal-cli.ts";
import { languages, preparedWithinMs, scenariosWithinMs, startServer, type Tool, target } from "./languages.ts";
import { overHttp, whileKilled } from "./sentences.ts";

/** What the command line prints of a workflow, as far as it is looked at here. */
interface Listed {
  readonly execution: { readonly workflowId: string; readonly runId: string };
  readonly status: string;
  readonly type: { readonly name: string };
}

interface Described {
  readonly workflowExecutionInfo: Listed & { readonly historyLength: string };
}

interface DescribedDeployment {
  readonly routingConfig: {
    readonly currentVersionBuildID: string;
    readonly rampingVersionBuildID: string;
    readonly rampingVersionPercentage: number;
  };
}

interface Shown {
  readonly events: readonly { readonly eventId: string; readonly eventType: string }[];
}

describe(`official SDKs against ${target}`, () => {
  let folder: string;
  let server: RunningServer;
  /** The workflows that were described, listed and counted, by language. */
  const observed = new Map<string, readonly string[]>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "compat-"));
    server = await startServer({ dbFilename: join(folder, "state.db") });
  });

  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  for (const { name, sentences, prepare } of languages) {
    describe(name, () => {
      let skipped: string | undefined;
      let tool: Tool;
      let running: ScenarioRun | undefined;

      before(
        async () => {
          const prepared = await prepare();
          if ("skipped" in prepared) {
            skipped = prepared.skipped;
            return;
          }
          tool = prepared.tool;
          running = new ScenarioRun(tool.scenarios, Object.keys(sentences), server.address);
        },
        { timeout: preparedWithinMs },
      );

      after(() => running?.kill());

      for (const [scenario, sentence] of Object.entries(sentences)) {
        test(`${name}: ${sentence}`, { timeout: scenariosWithinMs }, async (t) => {
          if (!running) return t.skip(skipped);
          const { ok, error, workflows } = await running.outcome(scenario);
          assert.ok(ok, error);
          if (scenario === "describe-list-count") observed.set(name, workflows);
        });
      }

      test(`${name}: its program has these scenarios and no others, and ends well`, async (t) => {
        if (!running) return t.skip(skipped);
        const known = Object.keys({ ...sentences, ...whileKilled, ...overHttp });
        assert.deepEqual((await scenarioNames(tool.scenarios)).sort(), known.sort());
        assert.equal(await running.ended(), 0, running.output());
        await tool.check?.();
      });
    });
  }

  describe("the official command line", () => {
    test("it lists, counts, describes and shows the workflows that each SDK has run", async (t) => {
      if (observed.size === 0) return t.skip("no SDK has run workflows");
      for (const [workflowId = ""] of observed.values()) await checkWorkflow(server.address, workflowId);
    });

    test("it resets the workflows that each SDK has run, to their first workflow task and to an event", async (t) => {
      if (observed.size === 0) return t.skip("no SDK has run workflows");
      for (const [workflowId = ""] of observed.values()) await resetWorkflow(server.address, workflowId);
    });

    test("it pauses a workflow, finds it among the paused ones, and lets it go on", async (t) => {
      if (observed.size === 0) return t.skip("the command line comes with the toolchain of Python");
      const { address } = server;
      const id = ["--workflow-id", "held-by-command-line"];
      await temporal(address, "workflow", "start", "--type", "Nobody", "--task-queue", "nobody-polls-here", ...id);
      await temporalText(address, "workflow", "pause", "--reason", "look", ...id);
      const listed = await temporal<Listed[]>(address, "workflow", "list", "--query", "ExecutionStatus = 'Paused'");
      assert.deepEqual(
        listed.map(({ execution }) => execution.workflowId),
        ["held-by-command-line"],
      );
      await temporalText(address, "workflow", "unpause", "--reason", "looked", ...id);
      await temporalText(address, "workflow", "terminate", "--reason", "enough", ...id);
      const { events } = await temporal<Shown>(address, "workflow", "show", ...id);
      assert.deepEqual(
        events.map(({ eventType }) => eventType.replace("EVENT_TYPE_WORKFLOW_", "")),
        [
          "EXECUTION_STARTED",
          "TASK_SCHEDULED",
          "TASK_FAILED",
          "EXECUTION_PAUSED",
          "EXECUTION_UNPAUSED",
          "TASK_SCHEDULED",
          "EXECUTION_TERMINATED",
        ],
      );
    });

    test("it starts, signals, cancels and terminates a workflow", async (t) => {
      if (observed.size === 0) return t.skip("the command line comes with the toolchain of Python");
      const { address } = server;
      const id = ["--workflow-id", "by-command-line"];
      await temporal(address, "workflow", "start", "--type", "Nobody", "--task-queue", "nobody-polls-here", ...id);
      await temporalText(address, "workflow", "signal", "--name", "greeting", "--input", '"hello"', ...id);
      await temporalText(address, "workflow", "cancel", ...id);
      await temporalText(address, "workflow", "terminate", "--reason", "enough", ...id);
      const { events } = await temporal<Shown>(address, "workflow", "show", ...id);
      assert.deepEqual(
        events.map(({ eventType }) => eventType),
        [
          "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
          "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
          "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
          "EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
          "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED",
        ],
      );
      const health = await temporal<{ status: string }>(address, "operator", "cluster", "health");
      assert.equal(health.status, "SERVING");
    });

    test("it routes, ramps, describes and deletes worker deployments", async (t) => {
      if (observed.size === 0) return t.skip("the command line comes with the toolchain of Python");
      const { address } = server;
      const name = ["--name", "by-command-line"];
      const deployment = ["--deployment-name", "by-command-line"];
      const command = (...args: string[]) => temporalText(address, "worker", "deployment", ...args);
      await command("create", ...name);
      const routing = ["--yes", "--allow-no-pollers", ...deployment, "--build-id"];
      await command("set-current-version", ...routing, "1");
      await command("set-ramping-version", ...routing, "2", "--percentage", "25");
      await command("manager-identity", "set", "--yes", ...deployment, "--manager-identity", "me");
      await command("manager-identity", "unset", "--yes", ...deployment);
      await command("update-version-metadata", ...deployment, "--build-id", "1", "--metadata", 'why="so"');
      const described = await temporal<DescribedDeployment>(address, "worker", "deployment", "describe", ...name);
      const { currentVersionBuildID, rampingVersionBuildID, rampingVersionPercentage } = described.routingConfig;
      assert.deepEqual([currentVersionBuildID, rampingVersionBuildID, rampingVersionPercentage], ["1", "2", 25]);
      const listed = await temporal<{ name: string }[]>(address, "worker", "deployment", "list");
      assert.ok(listed.some((one) => one.name === "by-command-line"));
      await assert.rejects(command("delete", ...name), /has versions/);
      // The version that ramps no longer does.
      await command("set-current-version", ...routing, "2");
      await command("set-current-version", "--yes", ...deployment, "--unversioned");
      for (const build of ["1", "2"])
        await command("delete-version", ...deployment, "--build-id", build, "--skip-drainage");
      await command("delete", ...name);
      await assert.rejects(command("describe", ...name), /by-command-line/);
    });
  });
});

/** Twice, so that the second reset is of a run that came of one. */
async function resetWorkflow(address: string, workflowId: string): Promise<void> {
  const of = ["--workflow-id", workflowId, "--reason", "again"];
  const first = await temporal<{ runId: string }>(address, "workflow", "reset", "--type", "FirstWorkflowTask", ...of);
  const second = await temporal<{ runId: string }>(address, "workflow", "reset", "--event-id", "4", ...of);
  const { workflowExecutionInfo: info } = await temporal<Described>(address, "workflow", "describe", "-w", workflowId);
  assert.equal(info.execution.runId, second.runId);
  for (const { runId } of [first, second]) {
    const { events } = await temporal<Shown>(address, "workflow", "show", "-w", workflowId, "-r", runId);
    assert.equal(events[3]?.eventType, "EVENT_TYPE_WORKFLOW_TASK_FAILED");
  }
  const listed = await temporal<Listed[]>(address, "workflow", "list", "--query", `WorkflowId = '${workflowId}'`);
  assert.deepEqual(
    new Set(listed.map(({ status }) => status.replace("WORKFLOW_EXECUTION_STATUS_", ""))),
    resetStatuses,
  );
  await temporalText(address, "workflow", "terminate", "--reason", "enough", "-w", workflowId);
}

const resetStatuses = new Set(["RUNNING", "TERMINATED", "COMPLETED"]);

async function checkWorkflow(address: string, workflowId: string): Promise<void> {
  const query = ["--query", `WorkflowId = '${workflowId}'`];
  const [listed, ...others] = await temporal<Listed[]>(address, "workflow", "list", ...query);
  assert.deepEqual(others, []);
  assert.equal(listed?.execution.workflowId, workflowId);
  assert.equal(listed?.status, "WORKFLOW_EXECUTION_STATUS_COMPLETED");
  assert.match(listed?.type.name, /^observed$/i);
  const table = await temporalText(address, "workflow", "list", ...query);
  assert.match(table, /Completed/);
  const { count } = await temporal<{ count: string }>(address, "workflow", "count", ...query);
  assert.equal(count, "1");

  const { workflowExecutionInfo: info } = await temporal<Described>(address, "workflow", "describe", "-w", workflowId);
  assert.deepEqual(info.execution, listed?.execution);
  const { events } = await temporal<Shown>(address, "workflow", "show", "-w", workflowId);
  assert.deepEqual(
    events.map(({ eventId }) => Number(eventId)),
    events.map((_, index) => index + 1),
  );
  assert.equal(events.length, Number(info.historyLength));
  assert.equal(events.at(-1)?.eventType, "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED");
  const { result } = await temporal<{ result: unknown }>(address, "workflow", "result", "-w", workflowId);
  assert.equal(result, "seen");
}
