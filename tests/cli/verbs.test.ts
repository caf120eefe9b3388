/** Every noun of `pawl` against a running server: what a verb does is asked of the server by another verb. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { call } from "../rig/call.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { commandsFor, hasTerminals, main, pawlInTerminal, runCommand } from "./command-line.ts";
import { answerTask, complete, namespace, schedule } from "./worker.ts";

let server: RunningServer;
before(async () => {
  server = await startPawl();
});
after(() => server.stop());

const { run, json, done } = commandsFor(() => server);

async function start(workflowId: string, ...more: readonly string[]): Promise<void> {
  await done("workflow", "start", "--type", "Order", "-t", workflowId, "-w", workflowId, ...more);
}

describe("workflow", () => {
  test("start takes inputs, memo, attributes and timeouts; describe and show have them", async () => {
    const inputs = ["-i", '{"a": 1}', "-i", "bm8=", "--input-meta", "encoding=json/plain"];
    const bad = await run("workflow", "start", "--type", "T", "-t", "q", ...inputs, "--input-base64");
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /--input is not valid base64/);
    const memo = ["--memo", 'note="x"', "--run-timeout", "1h", "--static-summary", "a chair"];
    await start("full", "-i", '{"a": 1}', "-i", '"b"', ...memo);
    const shown = await json("workflow", "show", "full");
    const { input, workflowRunTimeout } = shown.events[0].workflowExecutionStartedEventAttributes;
    const held = input.payloads.map(({ data }: { data: string }) => atob(data));
    assert.deepEqual([held, workflowRunTimeout], [['{"a": 1}', '"b"'], "3600s"]);
    const described = await done("workflow", "describe", "full");
    assert.match(described, /^RunTimeout +1h$/m);
    assert.match(described, /^Memo +note="x"$/m);
  });

  test("list narrows to fields in every format, and limits", async () => {
    await start("listed-1");
    await start("listed-2");
    const filter = ["-q", 'WorkflowId STARTS_WITH "listed-"', "--fields", "WorkflowId,type.name"];
    assert.equal(await done("workflow", "list", ...filter), "WorkflowId  Type\nlisted-2    Order\nlisted-1    Order\n");
    const lines = await done("workflow", "list", ...filter, "-o", "jsonl", "--limit", "1");
    assert.equal(lines, '{"WorkflowId":"listed-2","Type":"Order"}\n');
    const paged = await json("workflow", "list", ...filter, "--page-size", "1");
    assert.deepEqual(
      paged.map((each: { [name: string]: unknown }) => each.WorkflowId),
      ["listed-2", "listed-1"],
    );
    assert.equal(await done("workflow", "list", "-q", 'WorkflowId = "none"', "-o", "json"), "[]\n");
    const groups = await done("workflow", "count", "-q", 'WorkflowId STARTS_WITH "listed-" GROUP BY ExecutionStatus');
    assert.equal(groups, "Total: 2\nRunning: 2\n");
    const counted = await json("workflow", "count", "-q", "GROUP BY ExecutionStatus");
    assert.deepEqual(counted.groups[0].groupValues, ["Running"]);
  });

  test("execute waits for the result, and follows the history while it waits", async () => {
    const executing = json("workflow", "execute", "--type", "Order", "-t", "exec", "-w", "exec");
    await answerTask(server.address, "exec", [complete({ ok: true })]);
    const { status, result, workflowId } = await executing;
    assert.deepEqual([status, result, workflowId], ["COMPLETED", { ok: true }, "exec"]);
    await start("followed");
    const following = done("workflow", "show", "followed", "--follow", "-o", "jsonl");
    await answerTask(server.address, "followed", [complete(1)]);
    const types = (await following)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).eventType);
    assert.equal(types.at(-1), "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED");
  });

  test("batches do the same to all that a query finds, and wait", async () => {
    await start("many-1");
    await start("many-2");
    const query = ["--query", 'WorkflowId STARTS_WITH "many-"'];
    const unasked = await run("workflow", "terminate", ...query);
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /about 2 workflow\(s\)\? Nobody is there to ask: --yes/);
    const batch = await json("workflow", "terminate", ...query, "--yes", "--wait", "--reason", "over");
    assert.deepEqual([batch.state, batch.completeOperationCount], ["BATCH_OPERATION_STATE_COMPLETED", "2"]);
    const listed = await json("batch", "list");
    assert.equal(listed[0].jobId, batch.jobId);
    assert.equal((await json("batch", "describe", batch.jobId)).reason, "over");
    assert.equal((await run("workflow", "signal", "-w", "x", ...query, "--name", "s")).code, 2);
  });

  test("one is not deleted unasked, and is refused what only batches have", async () => {
    await start("kept");
    for (const [line, refusal] of [
      [["delete", "kept"], /Delete kept and its history\? Nobody is there to ask: --yes/],
      [["delete", "kept", "--yes=false"], /Delete kept and its history\?/],
      [["terminate", "kept", "--rps", "5"], /--rps goes with --query, not with --workflow-id/],
      [["signal", "kept", "--name", "s", "--reason", "x"], /--reason goes with --query/],
    ] as const) {
      const { code, stderr } = await run("workflow", ...line);
      assert.equal(code, 2, line.join(" "));
      assert.match(stderr, refusal);
    }
    assert.equal((await run("activity", "cancel", "a", "--rps", "5")).code, 2);
    await done("workflow", "delete", "kept", "--yes=true");
  });

  test("reset goes back, trace shows children", async () => {
    await start("back");
    await answerTask(server.address, "back", [schedule("a", "none")]);
    const { runId } = await json("workflow", "reset", "back", "--type", "FirstWorkflowTask", "--reason", "again");
    const tree = await json("workflow", "trace", "back");
    assert.deepEqual([tree.info.execution.runId, tree.children], [runId, []]);
    assert.match(
      (await run("workflow", "reset", "back", "--reason", "x")).stderr,
      /say where to: --event-id or --type/,
    );
  });
});

describe("activity", () => {
  test("of a workflow: pause, options, unpause, reset, complete", async () => {
    await start("acting");
    await answerTask(server.address, "acting", [schedule("a", "act")]);
    const of = ["-w", "acting", "-a", "a"];
    const pending = async () => (await json("workflow", "describe", "acting")).pendingActivities?.[0];
    await done("activity", "pause", ...of, "--reason", "no");
    assert.equal((await pending()).state, "PENDING_ACTIVITY_STATE_PAUSED");
    const options = await json(
      "activity",
      "update-options",
      ...of,
      "--start-to-close-timeout",
      "2m",
      "--retry-maximum-attempts",
      "3",
    );
    assert.equal(options.activityOptions.startToCloseTimeout, "120s");
    assert.equal((await pending()).maximumAttempts, 3);
    await done("activity", "unpause", ...of);
    await done("activity", "reset", ...of);
    assert.equal((await pending()).state, "PENDING_ACTIVITY_STATE_SCHEDULED");
    await call(server.address, "PollActivityTaskQueue", { namespace, taskQueue: { name: "act" }, identity: "w" });
    await done("activity", "complete", ...of, "--result", '"yes"');
    assert.equal(await pending(), undefined);
  });

  test("standalone: start, list, pause, complete, result, cancel, terminate, delete", async () => {
    const begin = (id: string) =>
      json(
        "activity",
        "start",
        "-a",
        id,
        "--type",
        "Mail",
        "-t",
        "mail",
        "--start-to-close-timeout",
        "1m",
        "-i",
        '"x"',
      );
    const { runId } = await begin("m1");
    await done("activity", "pause", "m1");
    await done("activity", "unpause", "m1");
    const described = await json("activity", "describe", "m1");
    assert.deepEqual([described.runId, described.input], [runId, ["x"]]);
    await call(server.address, "PollActivityTaskQueue", { namespace, taskQueue: { name: "mail" }, identity: "w" });
    await done("activity", "complete", "m1", "--result", '{"sent": true}');
    const ended = await json("activity", "result", "m1");
    assert.deepEqual(ended, { activityId: "m1", runId, status: "COMPLETED", result: { sent: true } });
    await begin("m2");
    await call(server.address, "PollActivityTaskQueue", { namespace, taskQueue: { name: "mail" }, identity: "w" });
    await done("activity", "fail", "m2", "--reason", "no stamp");
    const failed = await run("activity", "result", "m2");
    assert.deepEqual([failed.code, failed.stderr], [1, "pawl: activity m2 failed: no stamp\n"]);
    await begin("m3");
    await done("activity", "cancel", "m3");
    await begin("m4");
    await done("activity", "terminate", "m4", "--reason", "x");
    const statuses = (await json("activity", "list", "-q", 'ActivityId = "m4"')).map(
      (each: { [name: string]: unknown }) => each.status,
    );
    assert.deepEqual(statuses, ["ACTIVITY_EXECUTION_STATUS_TERMINATED"]);
    assert.equal((await json("activity", "count")).count, "4");
    assert.match(await done("activity", "count", "-q", "GROUP BY ExecutionStatus"), /^Total: 4\n(\w+: \d\n)+$/);
    const unasked = await run("activity", "delete", "m1");
    assert.deepEqual([unasked.code, /Delete activity m1 .*--yes/.test(unasked.stderr)], [2, true]);
    await done("activity", "delete", "m1", "--yes");
    assert.equal((await run("activity", "describe", "m1")).code, 1);
  });
});

test("schedule: create, list, describe, toggle, trigger, times, backfill, update, delete", async () => {
  const content = ["--type", "Report", "-t", "reports", "--interval", "1h"];
  await done("schedule", "create", "-s", "nightly", ...content, "--notes", "n", "--paused");
  assert.deepEqual(
    (await json("schedule", "list")).map((each: { [name: string]: unknown }) => each.scheduleId),
    ["nightly"],
  );
  const state = async () => (await json("schedule", "describe", "nightly")).schedule;
  assert.deepEqual((await state()).spec.interval, [{ interval: "3600s" }]);
  assert.equal((await state()).state.paused, true);
  await done("schedule", "toggle", "nightly", "--unpause", "--reason", "go");
  assert.deepEqual([(await state()).state.paused, (await state()).state.notes], [undefined, "go"]);
  const span = ["--start-time", "2030-01-01T00:00:00Z", "--end-time", "2030-01-01T02:00:00Z"];
  const times = await done("schedule", "list-matching-times", "nightly", ...span);
  assert.equal(times, "Time\n2030-01-01T01:00:00Z\n2030-01-01T02:00:00Z\n");
  await done("schedule", "trigger", "nightly", "--overlap-policy", "AllowAll");
  const past = ["--start-time", "2020-01-01T00:00:00Z", "--end-time", "2020-01-01T02:00:00Z"];
  await done("schedule", "backfill", "nightly", ...past, "--overlap-policy", "AllowAll");
  await done("schedule", "update", "-s", "nightly", "--type", "Other", "-t", "reports", "--cron", "30 2 * * *");
  assert.equal((await state()).action.startWorkflow.workflowType.name, "Other");
  await done("schedule", "delete", "nightly");
  assert.equal((await run("schedule", "describe", "nightly")).code, 1);
  assert.match(
    (await run("schedule", "create", "-s", "x", ...content, "--calendar", '{"day": 1}')).stderr,
    /--calendar is an object/,
  );
});

test("task-queue, namespace, cluster, worker: what is set is shown", async () => {
  const activity = ["rated", "--task-queue-type", "activity"];
  await done("task-queue", "config", "set", ...activity, "--queue-rps-limit", "5", "--fairness-key-weight", "a=2");
  const config = await json("task-queue", "config", "get", ...activity);
  assert.equal(config.queueRateLimit.rateLimit.requestsPerSecond, 5);
  assert.deepEqual(config.fairnessWeightOverrides, { a: 2 });
  assert.match(await done("task-queue", "describe", "rated"), /No worker has polled this queue/);
  await done("namespace", "create", "space", "--retention", "48h");
  const updated = await json("namespace", "update", "space", "--description", "mine");
  assert.equal(updated.namespaceInfo.description, "mine");
  const described = await json("namespace", "describe", "space");
  const { namespaceInfo, config: settings } = described;
  assert.deepEqual([namespaceInfo.description, settings.workflowExecutionRetentionTtl], ["mine", "172800s"]);
  await done("namespace", "delete", "space", "--yes");
  assert.equal((await run("workflow", "list", "-n", "space")).code, 1);
  assert.match(await done("operator", "cluster", "health"), /SERVING/);
  assert.equal((await json("operator", "cluster", "system")).serverVersion, "1.32.0");
  assert.deepEqual([await json("worker", "list"), await json("worker", "count")], [[], { count: "0" }]);
});

test("worker deployment: versions are made, chosen, ramped, forgotten", async () => {
  await done("worker", "deployment", "create", "orders");
  const version = (id: string) => ["--deployment-name", "orders", "--build-id", id];
  await done("worker", "deployment", "create-version", ...version("1"));
  await done("worker", "deployment", "create-version", ...version("2"));
  await done("worker", "deployment", "set-current-version", ...version("1"), "--allow-no-pollers", "--yes");
  await done(
    "worker",
    "deployment",
    "set-ramping-version",
    ...version("2"),
    "--percentage",
    "25",
    "--allow-no-pollers",
    "--yes",
  );
  const { routingConfig } = (await json("worker", "deployment", "describe", "orders")).workerDeploymentInfo;
  assert.equal(routingConfig.currentDeploymentVersion.buildId, "1");
  assert.deepEqual([routingConfig.rampingDeploymentVersion.buildId, routingConfig.rampingVersionPercentage], ["2", 25]);
  await done("worker", "deployment", "set-ramping-version", "--deployment-name", "orders", "--delete", "--yes");
  await done("worker", "deployment", "update-version-metadata", ...version("1"), "--metadata", 'commit="abc"');
  assert.match(await done("worker", "deployment", "describe-version", ...version("1")), /commit="abc"/);
  assert.deepEqual(
    (await json("worker", "deployment", "list")).map((each: { [name: string]: unknown }) => each.name),
    ["orders"],
  );
});

test("operator nexus endpoint: create, get, update, list, delete", async () => {
  const endpoint = ["operator", "nexus", "endpoint"];
  const target = ["--target-namespace", "default", "--target-task-queue", "bills"];
  await done(...endpoint, "create", "--name", "billing", ...target, "--description", "bills");
  await done(
    ...endpoint,
    "update",
    "--name",
    "billing",
    "--target-namespace",
    "default",
    "--target-task-queue",
    "other",
  );
  const { spec } = await json(...endpoint, "get", "billing");
  assert.deepEqual([spec.target.worker.taskQueue, spec.description], ["other", "bills"]);
  await done(...endpoint, "delete", "billing");
  assert.deepEqual(await json(...endpoint, "list"), []);
});

describe("what goes wrong is said in one sentence:", () => {
  for (const [args, code, message] of [
    [["workflow", "start", "--type", "T"], 2, /^pawl: pawl workflow start needs -t, --task-queue <name>: /],
    [
      ["workflow", "start", "--type", "T", "-t", "q", "-i", "oops"],
      2,
      /^pawl: --input is not valid JSON .* with quotes/,
    ],
    [["workflow", "describe", "gone"], 1, /^pawl: workflow not found for ID: gone \(namespace default/],
    [["workflow", "list", "-n", "nowhere"], 1, /nowhere.*"pawl namespace list" shows those of/],
    [["workflow", "list", "-q", "Nope ="], 1, /^pawl: .*query/i],
    [["workflow", "cancel"], 2, /^pawl: say which: --workflow-id for one, or --query for all/],
    [["workflow", "list", "--limit", "many"], 2, /A whole number is expected/],
    [
      ["workflow", "list", "--address", "127.0.0.1:1"],
      1,
      /^pawl: no server answers at 127\.0\.0\.1:1 \(connect ECONNREFUSED\); start one/,
    ],
    [["workflow", "list", "--profile", "nope"], 2, /no profile "nope"/],
    [["workflow", "strat"], 2, /Did you mean start/],
    [["workflow", "result", "never", "--command-timeout", "1s"], 1, /--command-timeout is over/],
  ] as const) {
    test(args.join(" "), async () => {
      if (code === 1 && (args as readonly string[]).includes("never")) await start("never");
      const said = await run(...args);
      assert.deepEqual([said.code, said.stdout], [code, ""], said.stderr);
      assert.match(said.stderr, message);
      assert.doesNotMatch(said.stderr, /\n\s+at /);
    });
  }
});

test("a reader that has seen enough ends nothing badly", async () => {
  const line = `'${process.execPath}' '${main}' workflow start --help | head -1`;
  const { code, stdout, stderr } = await runCommand("bash", ["-o", "pipefail", "-c", line]);
  assert.deepEqual([code, stdout, stderr], [0, "Usage: pawl workflow start [options]\n", ""]);
});

const colourStart = "\u001b";

describe("in a terminal", { skip: hasTerminals ? false : "no script command" }, () => {
  test("there are colours and times from now, unless NO_COLOR is set", async () => {
    await start("shown");
    const list = ["workflow", "list", "-q", 'WorkflowId = "shown"'];
    const { stdout } = await pawlInTerminal(server.address, list);
    assert.match(stdout, new RegExp(`${colourStart}\\[34mRunning${colourStart}\\[0m +shown +Order +(\\d+.* ago|now)`));
    const plain = await pawlInTerminal(server.address, list, { NO_COLOR: "1" });
    assert.ok(!plain.stdout.includes(colourStart));
  });

  test("a batch has a bar", async () => {
    await start("barred");
    const batch = ["workflow", "terminate", "-q", 'WorkflowId = "barred"', "--yes", "--wait"];
    const { code, stdout } = await pawlInTerminal(server.address, batch);
    assert.equal(code, 0);
    assert.match(stdout, /█{30} 100% 1\/1 done/);
  });
});
