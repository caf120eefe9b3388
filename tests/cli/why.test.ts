/** `pawl workflow why`, and the same over HTTP, for workflows that wait in every way there is. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { enums } from "@pawl/protocol";
import { call } from "../rig/call.ts";
import { freePort, type RunningServer, startPawl } from "../rig/server.ts";
import { pawl, pawlJson } from "./command-line.ts";
import { answerTask, complete, failActivity, failTask, namespace, schedule } from "./worker.ts";

let server: RunningServer;
let http: string;
before(async () => {
  const port = await freePort();
  server = await startPawl({ args: ["--http-port", String(port)] });
  http = `http://127.0.0.1:${port}/api/v1/namespaces/default/workflows`;
});
after(() => server.stop());

interface Cause {
  readonly kind: string;
  readonly text: string;
  readonly isStuck: boolean;
  readonly next: readonly string[];
  readonly within?: { readonly workflowId: string; readonly causes: readonly Cause[] };
}

async function begin(workflowId: string): Promise<void> {
  const start = { workflowType: { name: "Order" }, taskQueue: { name: workflowId }, requestId: crypto.randomUUID() };
  await call(server.address, "StartWorkflowExecution", { namespace, workflowId, ...start });
}

/** What the command says and what HTTP says, which is the same but for the time that has passed. */
async function why(workflowId: string): Promise<readonly Cause[]> {
  const said = await pawlJson<{ causes: Cause[] }>(server.address, "workflow", "why", workflowId);
  const overHttp = (await (await fetch(`${http}/${workflowId}/why`)).json()) as { causes: Cause[] };
  const kinds = (causes: readonly Cause[]): unknown[] =>
    causes.map(({ kind, next, within }) => [kind, next, kinds(within?.causes ?? [])]);
  assert.deepEqual(kinds(overHttp.causes), kinds(said.causes));
  return said.causes;
}

/** There is one cause, and it reads so. */
async function assertWaits(workflowId: string, kind: string, text: RegExp, isStuck: boolean): Promise<Cause> {
  const [cause, ...others] = await why(workflowId);
  assert.deepEqual([cause?.kind, cause?.isStuck, others], [kind, isStuck, []], JSON.stringify(cause));
  assert.match(cause!.text, text);
  return cause!;
}

describe("why a workflow waits:", () => {
  test("no worker polls its queue", async () => {
    await begin("lonely");
    const text =
      /^Its workflow task waits on task queue "lonely" since 20.*Z \(.*ago\)\. No worker polls it for workflow tasks\.$/;
    const { next } = await assertWaits("lonely", "noWorker", text, true);
    assert.deepEqual(next, ["pawl task-queue describe -t lonely"]);
    const shown = await pawl(server.address, "workflow", "why", "lonely");
    assert.equal(shown.code, 0);
    assert.match(
      shown.stdout,
      /^Order lonely: Running\n {2}✗ Its workflow task.*\n {6}pawl task-queue describe -t lonely\n$/,
    );
  });

  test("its workflow task fails", async () => {
    await begin("failing");
    await failTask(server.address, "failing", "no such command");
    const causes = await why("failing");
    assert.equal(causes[0]?.kind, "workflowTaskFailing");
    assert.match(causes[0]!.text, /attempt 2: NonDeterministicError: no such command\./);
    assert.equal(causes[0]!.isStuck, true);
  });

  test("a timer", async () => {
    await begin("timed");
    const timer = { timerId: "7", startToFireTimeout: { seconds: 7_200 } };
    await answerTask(server.address, "timed", [
      { commandType: enums.CommandType.START_TIMER, startTimerCommandAttributes: timer },
    ]);
    await assertWaits("timed", "timer", /^A timer \(7\) of 2h fires 20.*Z \(in 1h 59m\)\.$/, false);
  });

  test("an activity that nobody takes, that fails, that is paused", async () => {
    await begin("working");
    await answerTask(server.address, "working", [schedule("charge", "pay")]);
    await assertWaits(
      "working",
      "noWorker",
      /^Activity Charge \(charge\) waits on task queue "pay" .*attempt 1\. No worker polls it for activity tasks\.$/,
      true,
    );
    await failActivity(server.address, "pay", {
      ...{ message: "outer", applicationFailureInfo: {} },
      cause: { message: "ECONNREFUSED" },
    });
    const backing =
      /^Activity Charge \(charge\) has failed and is tried again 20.*Z \(in 4m 5\ds\), attempt 2\. Its last error: outer; caused by ECONNREFUSED\.$/;
    await assertWaits("working", "activityBackingOff", backing, false);
    const pause = {
      namespace,
      execution: { workflowId: "working" },
      identity: "me",
      id: "charge",
      reason: "bank is down",
    };
    await call(server.address, "PauseActivity", pause);
    const { next } = await assertWaits(
      "working",
      "activityPaused",
      /is paused by me \("bank is down"\), at attempt 2/,
      true,
    );
    assert.deepEqual(next, ["pawl activity unpause -w working -a charge"]);
  });

  test("a child, and what that waits for", async () => {
    await begin("parent");
    const child = { workflowId: "child", workflowType: { name: "Ship" }, taskQueue: { name: "harbour" } };
    await answerTask(server.address, "parent", [
      {
        commandType: enums.CommandType.START_CHILD_WORKFLOW_EXECUTION,
        startChildWorkflowExecutionCommandAttributes: child,
      },
    ]);
    await answerTask(server.address, "parent", []);
    const { within } = await assertWaits(
      "parent",
      "child",
      /^Child workflow Ship \(child\) has not closed, because:$/,
      true,
    );
    assert.equal(within?.workflowId, "child");
    assert.deepEqual(
      within.causes.map(({ kind }) => kind),
      ["noWorker"],
    );
    const shown = await pawl(server.address, "workflow", "why", "parent");
    assert.match(shown.stdout, /\n {4}Ship child: Running\n {6}✗ Its workflow task waits on task queue "harbour"/);
  });

  test("a message, because nothing is under way", async () => {
    await begin("listening");
    await answerTask(server.address, "listening", []);
    const { next } = await assertWaits(
      "listening",
      "message",
      /^Nothing is under way for it: it waits for a signal or an update\.$/,
      false,
    );
    assert.ok(next.includes("pawl workflow signal -w listening --name <name>"));
  });

  test("it is paused", async () => {
    await begin("held");
    assert.equal((await pawl(server.address, "workflow", "pause", "held", "--reason", "audit")).code, 0);
    await assertWaits("held", "paused", /^It is paused by pawl-cli:.* \("audit"\) since 20/, true);
  });

  test("nothing: it is closed", async () => {
    await begin("done");
    await answerTask(server.address, "done", [complete(1)]);
    await assertWaits("done", "closed", /^It waits for nothing: it is closed \(Completed\) since 20/, false);
  });

  test("a workflow that is not there is not explained", async () => {
    const { code, stdout, stderr } = await pawl(server.address, "workflow", "why", "nobody");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^pawl: workflow not found for ID: nobody/);
    assert.equal((await fetch(`${http}/nobody/why`)).status, 404);
  });
});
