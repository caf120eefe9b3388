/** Verbs that say more than one thing at once: updates with a start, options of many, metadata, batches of activities, who manages a deployment. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enums, update } from "@pawl/protocol";
import { call } from "../rig/call.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { commandsFor } from "./command-line.ts";
import { answerTask, complete, jsonPayloads, namespace, schedule } from "./worker.ts";

let server: RunningServer;
before(async () => {
  server = await startPawl();
});
after(() => server.stop());

const { run, json, done } = commandsFor(() => server);

const start = (workflowId: string) => done("workflow", "start", "--type", "Order", "-t", workflowId, "-w", workflowId);
const pollTask = (queue: string) =>
  call(server.address, "PollWorkflowTaskQueue", { namespace, taskQueue: { name: queue } }, { timeoutMs: 60_000 });

test("activity update-options moves the start of one that has not begun", async () => {
  const begun = ["-a", "later", "--type", "Mail", "-t", "later", "--start-to-close-timeout", "1m"];
  await done("activity", "start", ...begun, "--start-delay", "1h");
  const refused = await run("activity", "update-options", "-a", "later", "-w", "w", "--start-delay", "1s");
  assert.equal(refused.code, 2);
  await done("activity", "update-options", "-a", "later", "--start-delay", "0s");
  const taskQueue = { name: "later" };
  const task = await call(server.address, "PollActivityTaskQueue", { namespace, taskQueue }, { timeoutMs: 60_000 });
  assert.equal(task.activityId, "later");
});

test("a key goes to a server without TLS when --tls=false says so", async () => {
  const unsaid = await run("workflow", "count", "--api-key", "key");
  assert.equal(unsaid.code, 1);
  assert.match(unsaid.stderr, /speaks no TLS; .*--tls=false/);
  assert.match(await done("workflow", "count", "--api-key", "key", "--tls=false"), /^Total: /);
});

test("what is not JSON is refused by the name of its flag", async () => {
  const start = ["-w", "w", "--type", "T", "-t", "q"];
  const update = ["--update-name", "u", "--id-conflict-policy", "UseExisting", "--update-input", "{a"];
  for (const [flag, line] of [
    ["--result", ["activity", "complete", "-a", "a", "--result", "{a"]],
    ["--detail", ["activity", "fail", "-a", "a", "--detail", "{a"]],
    ["--signal-input", ["workflow", "signal-with-start", ...start, "--signal-name", "s", "--signal-input", "{a"]],
    ["--update-input", ["workflow", "start-update-with-start", ...start, ...update]],
  ] as const) {
    const { code, stderr } = await run(...line);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.startsWith(`pawl: ${flag} is not valid JSON`), stderr);
  }
});

test("workflow execute-update-with-start starts it, and gives the update's outcome", async () => {
  const policy = ["--id-conflict-policy", "UseExisting"];
  const named = ["-w", "cart", "--type", "Cart", "-t", "cart", "--update-name", "add", "--update-id", "u1"];
  const asking = json("workflow", "execute-update-with-start", ...named, ...policy, "--update-input", '"chair"');
  const task = await pollTask("cart");
  const [{ body, protocolInstanceId } = { body: undefined, protocolInstanceId: "" }] = task.messages;
  const acceptedRequest = update.Request.decode(body!.value);
  assert.equal(acceptedRequest.input?.name, "add");
  const wrap = (name: "Acceptance" | "Response", value: Uint8Array) => ({
    id: name,
    protocolInstanceId,
    body: { type_url: `type.googleapis.com/temporal.api.update.v1.${name}`, value },
  });
  const ofMessage = (messageId: string) => ({
    commandType: enums.CommandType.PROTOCOL_MESSAGE,
    protocolMessageCommandAttributes: { messageId },
  });
  const accepted = {
    ...{ acceptedRequestMessageId: `${protocolInstanceId}/request`, acceptedRequestSequencingEventId: 2 },
    acceptedRequest,
  };
  const outcome = { success: jsonPayloads("added") };
  await call(server.address, "RespondWorkflowTaskCompleted", {
    ...{ namespace, taskToken: task.taskToken },
    messages: [
      wrap("Acceptance", update.Acceptance.encode(accepted)),
      wrap("Response", update.Response.encode({ meta: acceptedRequest.meta, outcome })),
    ],
    commands: [ofMessage("Acceptance"), ofMessage("Response")],
  });
  const { updateId, result } = await asking;
  assert.deepEqual([updateId, result], ["u1", "added"]);
  const again = await json("workflow", "start-update-with-start", ...named, ...policy);
  assert.equal(again.result, "added");
  const unsaid = await run("workflow", "start-update-with-start", ...named);
  assert.equal(unsaid.code, 2);
  assert.match(unsaid.stderr, /--id-conflict-policy/);
});

test("workflow metadata asks the worker", async () => {
  await start("told");
  await answerTask(server.address, "told", []);
  const asking = json("workflow", "metadata", "told");
  const { query, taskToken } = await pollTask("told");
  assert.equal(query?.queryType, "__temporal_workflow_metadata");
  const queryResult = jsonPayloads({ definition: { type: "Order" } });
  const completedType = enums.QueryResultType.ANSWERED;
  await call(server.address, "RespondQueryTaskCompleted", { namespace, taskToken, completedType, queryResult });
  assert.deepEqual((await asking).queryResult, [{ definition: { type: "Order" } }]);
});

test("workflow update-options and reset with-workflow-update-options say which version a run belongs to", async () => {
  await start("versioned");
  const behavior = "--versioning-override-behavior";
  const pin = ["--versioning-override-deployment-name", "shop", "--versioning-override-build-id", "2"];
  const overrideOf = async () => {
    const execution = { workflowId: "versioned" };
    const { workflowExecutionInfo } = await call(server.address, "DescribeWorkflowExecution", { namespace, execution });
    return workflowExecutionInfo?.versioningInfo?.versioningOverride;
  };
  await done("workflow", "update-options", "versioned", behavior, "auto_upgrade");
  assert.equal((await overrideOf())?.autoUpgrade, true);
  await done("workflow", "update-options", "versioned", behavior, "unspecified");
  assert.equal(await overrideOf(), undefined);
  const many = ["-q", "WorkflowId = 'versioned'", "--yes", "--wait"];
  await done("workflow", "update-options", ...many, behavior, "auto_upgrade");
  assert.equal((await overrideOf())?.autoUpgrade, true);
  await answerTask(server.address, "versioned", []);
  const resetting = ["workflow", "reset", "with-workflow-update-options", "versioned", "--reason", "r"];
  const { runId } = await json(...resetting, "--type", "FirstWorkflowTask", behavior, "auto_upgrade");
  assert.match(runId, /^[0-9a-f-]{36}$/);
  const codes = await Promise.all(
    [
      // What stands behind `reset` is an id where it is no command.
      ["reset", "gone", "--reason", "r", "--event-id", "3"],
      // No worker polls for this version.
      ["update-options", "versioned", behavior, "pinned", ...pin],
      ["update-options", "versioned", behavior, "pinned"],
      ["update-options", "versioned"],
    ].map(async (args) => (await run("workflow", ...args)).code),
  );
  assert.deepEqual(codes, [1, 1, 2, 2]);
});

test("activity reset, unpause, update-options and terminate work on all that a filter finds", async () => {
  const named = { namespace, workflowType: { name: "Order" }, taskQueue: { name: "acting" } };
  await call(server.address, "StartWorkflowExecution", { ...named, workflowId: "acting", requestId: "acting" });
  await answerTask(server.address, "acting", [schedule("charge", "nobody")]);
  const execution = { workflowId: "acting" };
  await call(server.address, "PauseActivity", { namespace, execution, id: "charge" });
  const many = ["-q", "WorkflowId = 'acting'", "--yes", "--wait"];
  const pending = async () => {
    const { pendingActivities } = await call(server.address, "DescribeWorkflowExecution", { namespace, execution });
    return pendingActivities[0]!;
  };
  await done("activity", "unpause", ...many);
  assert.equal((await pending()).paused, false);
  await done("activity", "update-options", ...many, "--heartbeat-timeout", "7s");
  assert.equal((await pending()).activityOptions?.heartbeatTimeout?.seconds, 7);
  await done("activity", "reset", ...many, "--restore-original-options");
  assert.notEqual((await pending()).activityOptions?.heartbeatTimeout?.seconds, 7);
  const alone = ["-a", "alone", "--type", "A", "-t", "nobody", "--start-to-close-timeout", "1m"];
  await done("activity", "start", ...alone, "--static-summary", "why");
  await done("activity", "terminate", "-q", "ActivityId = 'alone'", "--yes", "--wait");
  const ended = await call(server.address, "DescribeActivityExecution", { namespace, activityId: "alone" });
  assert.equal(ended.info?.status, enums.ActivityExecutionStatus.TERMINATED);
  const wrong = [["reset"], ["reset", "-a", "x", "-q", "y"], ["cancel"], ["unpause", "-q", "x", "-w", "y"]];
  const codes = await Promise.all(wrong.map(async (args) => (await run("activity", ...args)).code));
  assert.deepEqual(codes, [2, 2, 2, 2]);
});

test("lists and queues: when a schedule last acted, partitions, weights cleared, the cluster, a namespace by its id", async () => {
  const daily = ["-s", "daily", "--interval", "24h", "--type", "T", "-t", "nobody"];
  await done("schedule", "create", ...daily);
  await done("schedule", "trigger", "-s", "daily");
  let acted = 0;
  // It acts by itself, a moment later.
  while (acted === 0) {
    const { info } = await call(server.address, "DescribeSchedule", { namespace, scheduleId: "daily" });
    acted = info?.recentActions.length ?? 0;
  }
  assert.match(await done("schedule", "list"), /^daily +T +\S+Z +\d{4}-\d\d-\d\dT\S+Z$/m);
  assert.match(await done("task-queue", "list-partition", "acting"), /^workflow +acting$/m);
  const queue = ["-t", "weighed", "--task-queue-type", "activity"];
  await done("task-queue", "config", "set", ...queue, "--fairness-key-weight", "a=2");
  const { config } = await json("task-queue", "config", "set", ...queue, "--fairness-key-weight-clear-all");
  assert.deepEqual(Object.keys(config.fairnessWeightOverrides ?? {}), []);
  assert.equal((await json("operator", "cluster", "list")).length, 1);
  const { namespaceInfo } = await json("namespace", "describe", "default");
  assert.equal((await json("namespace", "describe", "--namespace-id", namespaceInfo.id)).namespaceInfo.name, "default");
});

test("worker deployment manager-identity says who alone may change a deployment", async () => {
  await done("worker", "deployment", "create", "-d", "managed");
  const of = ["--deployment-name", "managed", "--yes"];
  await done("worker", "deployment", "manager-identity", "set", ...of, "--manager-identity", "me");
  const described = await json("worker", "deployment", "describe", "managed");
  assert.equal(described.workerDeploymentInfo.managerIdentity, "me");
  const { previousManagerIdentity } = await json(
    "worker",
    "deployment",
    "manager-identity",
    "unset",
    ...of,
    "--identity",
    "me",
  );
  assert.equal(previousManagerIdentity, "me");
  assert.equal((await run("worker", "deployment", "manager-identity", "set", ...of)).code, 2);
});

test("workflow fix-history-json writes a history as replayers take it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fix-"));
  try {
    await start("kept");
    await answerTask(server.address, "kept", [complete("ok")]);
    const [source, target] = [join(folder, "short.json"), join(folder, "full.json")];
    const events = (await done("workflow", "show", "kept", "-o", "jsonl")).trim().split("\n");
    await writeFile(source, `{"events": [${events.join(",")}]}`);
    await done("workflow", "fix-history-json", source, "--target", target);
    const full = JSON.parse(await done("workflow", "show", "kept", "-o", "json"));
    assert.deepEqual(JSON.parse(await readFile(target, "utf8")), full);
    const bad = await run("workflow", "fix-history-json", join(folder, "none.json"));
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /none\.json/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
