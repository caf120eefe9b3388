/** The same commands by `pawl` and by the official command line, against this server: what they print for programs says the same. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { preparePython } from "../rig/python.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { main, type Ran, runCommand } from "./command-line.ts";
import { answerTask, complete } from "./worker.ts";

let server: RunningServer;
before(async () => {
  server = await startPawl();
});
after(() => server.stop());

type Run = (...args: readonly string[]) => Promise<Ran>;

/** Each command line with the arguments that make it this one. */
const python = await preparePython();
const commandLines: Record<string, (() => Run) | string> = {
  pawl:
    () =>
    (...args) =>
      runCommand(process.execPath, [main, ...args, "--address", server.address]),
  temporal:
    "skipped" in python
      ? python.skipped
      : () =>
          (...args) =>
            runCommand(python.tool.temporal, [...args, "--address", server.address]),
};

/** Runs the whole of it, and gives what was printed as JSON by the names of the steps. */
async function play(name: string, run: Run): Promise<Record<string, unknown>> {
  const said: Record<string, unknown> = {};
  const id = `${name}-order`;
  const queue = `${name}-queue`;
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args, "-o", "json");
    assert.equal(code, 0, `${name} ${args.join(" ")}: ${stderr}`);
    return stdout.trim() === "" ? undefined : (JSON.parse(stdout) as Record<string, unknown>);
  };
  const target = ["--workflow-id", id];
  const start = ["--type", "Order", "--task-queue", queue, ...target];
  said["start"] = Object.keys((await json("workflow", "start", ...start, "--input", '{"item":"chair"}'))!).sort();
  assert.notEqual((await run("workflow", "start", ...start, "--fail-existing")).code, 0);
  await json("workflow", "signal", ...target, "--name", "approve", "--input", '"me"');
  const described = (await json("workflow", "describe", ...target))!;
  said["describe"] = (described["workflowExecutionInfo"] as Record<string, unknown>)["status"];
  said["count"] = await json("workflow", "count", "--query", `WorkflowId = "${id}"`);
  const listed = (await json("workflow", "list", "--query", `WorkflowId = "${id}"`)) as unknown as Record<
    string,
    unknown
  >[];
  said["list"] = listed.map(({ type, status }) => ({ type, status }));
  await answerTask(server.address, queue, [complete({ paid: true })]);
  const result = (await json("workflow", "result", ...target))!;
  said["result"] = { status: result["status"], result: result["result"], namespace: result["namespace"] };
  assert.equal(
    result["runId"],
    (described["workflowExecutionInfo"] as { execution: { runId: string } }).execution.runId,
  );
  const shown = (await json("workflow", "show", ...target)) as { events: Record<string, unknown>[] };
  said["show"] = shown.events.map(({ eventType }) => eventType);
  // In full, since replayers know no other form.
  const [begun] = shown.events as [{ workflowExecutionStartedEventAttributes: { input: unknown } }];
  said["input"] = begun.workflowExecutionStartedEventAttributes.input;
  const scheduled = ["--schedule-id", id, "--type", "Order", "--task-queue", queue, "--interval", "24h"];
  await run("schedule", "create", ...scheduled, "--input", "1");
  const { schedule } = (await json("schedule", "describe", "--schedule-id", id)) as {
    schedule: { action: { startWorkflow: { input: unknown } } };
  };
  said["schedule"] = schedule.action.startWorkflow.input;
  await json("workflow", "start", ...start);
  await json("workflow", "terminate", ...target, "--reason", "enough");
  const ended = await run("workflow", "result", ...target, "-o", "json");
  said["terminated"] = ended.code;
  await json("workflow", "delete", ...target, "--yes");
  assert.notEqual((await run("workflow", "describe", ...target)).code, 0);
  await json("operator", "namespace", "create", "--namespace", `${name}-space`, "--retention", "48h");
  const space = (await json("operator", "namespace", "describe", "--namespace", `${name}-space`))!;
  said["namespace"] = (space["config"] as Record<string, unknown>)["workflowExecutionRetentionTtl"];
  await json("operator", "search-attribute", "create", "--name", `${name}Customer`, "--type", "Keyword");
  const attributes = (await json("operator", "search-attribute", "list"))!;
  said["attributes"] = (attributes["customAttributes"] as Record<string, unknown>)[`${name}Customer`];
  await json("operator", "search-attribute", "remove", "--name", `${name}Customer`, "--yes");
  said["missing"] = (await run("workflow", "describe", "--workflow-id", "nobody")).code;
  return said;
}

function payloads(json: string) {
  return { payloads: [{ metadata: { encoding: btoa("json/plain") }, data: btoa(json) }] };
}

const wanted = {
  start: ["namespace", "runId", "taskQueue", "type", "workflowId"],
  describe: "WORKFLOW_EXECUTION_STATUS_RUNNING",
  count: { count: "1" },
  list: [{ type: { name: "Order" }, status: "WORKFLOW_EXECUTION_STATUS_RUNNING" }],
  result: { status: "COMPLETED", result: { paid: true }, namespace: "default" },
  show: [
    "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
    "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
    "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
    "EVENT_TYPE_WORKFLOW_TASK_STARTED",
    "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
    "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
  ],
  input: payloads('{"item":"chair"}'),
  schedule: payloads("1"),
  terminated: 1,
  namespace: "172800s",
  attributes: "INDEXED_VALUE_TYPE_KEYWORD",
  missing: 1,
};

describe("one scenario", () => {
  for (const [name, open] of Object.entries(commandLines)) {
    test(`by ${name}`, { skip: typeof open === "string" ? open : false }, async () => {
      assert.ok(typeof open === "function");
      assert.deepEqual(await play(name, open()), wanted);
    });
  }
});
