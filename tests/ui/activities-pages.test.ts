/** Activities in the browser: standalone ones, pending ones of all workflows, and the inbox. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostile } from "./hostile.ts";
import { closeDialog, runShown } from "./shown-command.ts";
import { newWorker, openPage, options, taskQueue, useStage } from "./stage.ts";
import { insistent, review } from "./workflows.ts";

const stage = useStage();

test("a standalone activity is started, followed to its end, and deleted", options, async () => {
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/activities");
  await page.getByText("No standalone activities").waitFor();
  await watched.check("activities-empty");
  const fill = async (type: string, id: string) => {
    await page.getByRole("button", { name: "Start an activity" }).click();
    await page.getByLabel("Activity type").fill(type);
    await page.getByLabel("Activity id").fill(id);
    await page.getByLabel("Task queue").fill(taskQueue);
    await page.getByLabel("Argument 1, as JSON").fill(JSON.stringify(hostile));
  };
  await fill("greet", "by-command");
  await runShown(stage, page);
  await closeDialog(page);
  await page.getByRole("link", { name: "by-command" }).waitFor();
  await fill("greet", hostile);
  await watched.check("activity-start");
  await page.getByRole("dialog").getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("heading", { name: hostile }).waitFor();
  await page.getByText("It has not ended.").waitFor();
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.getByText("Completed", { exact: true }).waitFor();
    await page.getByText("Hello, <img").waitFor();
  });
  await watched.check("activity");
  await page.getByRole("link", { name: "Activities", exact: true }).first().click();
  await page.getByRole("link", { name: hostile }).waitFor();
  await page.getByRole("textbox", { name: "Filter activities" }).fill("by-");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("link", { name: hostile }).waitFor({ state: "detached" });
  await watched.check("activities");
  await page.getByRole("link", { name: "by-command" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/activities$/);
  await page.getByRole("link", { name: hostile }).waitFor();
  await page.getByRole("link", { name: "by-command" }).waitFor({ state: "detached" });
  await watched.close();
});

test("a standalone activity is canceled, and another one terminated", options, async () => {
  const watched = await openPage(stage, "dark");
  const { page } = watched;
  const { workflowService } = stage.connection;
  const start = (activityId: string, name: string) =>
    workflowService.startActivityExecution({
      ...{ namespace: "default", activityId, activityType: { name }, taskQueue: { name: taskQueue } },
      startToCloseTimeout: { seconds: 600 },
    });
  await start("stops", "copyFiles");
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/activities/stops");
    await page.getByText("3 of 12").waitFor();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByLabel("Reason").fill(hostile);
    await page.getByRole("button", { name: "Ask it to cancel" }).click();
    await page.getByText(hostile).waitFor();
    await watched.check("activity-canceling-dark");
    // Its worker would hear of it with its next heartbeat. Here somebody else says that it has stopped.
    await page.getByRole("button", { name: "Canceled copyFiles" }).click();
    await runShown(stage, page);
    await closeDialog(page);
    await page.getByText("Canceled", { exact: true }).waitFor();
  });
  await start("ends", "nobody-has-it");
  await page.goto("/namespaces/default/activities/ends");
  await page.getByRole("button", { name: "Terminate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Terminate" }).click();
  await page.getByText("Terminated", { exact: true }).waitFor();
  await watched.close();
});

test("what waits for a person is in the inbox, and goes on with what the person says", options, async () => {
  const { client, connection } = stage;
  const first = await client.workflow.start(review, { workflowId: "waits-1", taskQueue });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/inbox");
  await page.getByText("Nothing waits for you").waitFor();
  await watched.check("inbox-empty");
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.getByRole("link", { name: "waits-1" }).waitFor();
    const second = await client.workflow.start(review, { workflowId: hostile, taskQueue });
    await page.getByRole("link", { name: hostile }).waitFor();
    await watched.check("inbox");
    const card = (name: string) => page.getByRole("listitem").filter({ has: page.getByRole("link", { name }) });
    await card("waits-1").getByRole("button", { name: "Complete askPerson" }).click();
    await page.getByLabel("Result, as JSON").fill('{"approved": true}');
    await runShown(stage, page);
    assert.deepEqual(await first.result(), { approved: true });
    await closeDialog(page);
    await page.getByRole("link", { name: "waits-1" }).waitFor({ state: "detached" });
    await card(hostile).getByRole("button", { name: "Fail askPerson" }).click();
    await page.getByLabel("Why").fill(hostile);
    await watched.check("inbox-fail");
    await page.getByRole("button", { name: "Fail it" }).click();
    await assert.rejects(second.result());
    await page.getByText("Nothing waits for you").waitFor();
    await connection.workflowService.startActivityExecution({
      ...{ namespace: "default", activityId: "alone", activityType: { name: "askPerson" } },
      ...{ taskQueue: { name: taskQueue }, startToCloseTimeout: { seconds: 600 } },
    });
    await page.getByLabel("Of what").selectOption("no workflow");
    await card("alone").getByRole("button", { name: "Complete askPerson" }).click();
    await page.getByLabel("Result, as JSON").fill("42");
    await page.getByRole("button", { name: "Complete it" }).click();
    await page.getByText("Nothing waits for you").waitFor();
  });
  await page.goto("/namespaces/default/activities/alone");
  await page.getByText("Completed", { exact: true }).waitFor();
  await page.getByText("42", { exact: true }).waitFor();
  await watched.close();
});

test("pending activities of all workflows are found by state and type", options, async () => {
  const { client } = stage;
  const watched = await openPage(stage);
  const { page } = watched;
  const trying = await client.workflow.start(insistent, { workflowId: "trying", taskQueue, args: [hostile] });
  const asking = await client.workflow.start(review, { workflowId: "asking", taskQueue });
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/pending-activities");
    await page.getByRole("link", { name: "trying" }).waitFor();
    await page.getByRole("link", { name: "asking" }).waitFor();
    await page.getByText("<img src=x").first().waitFor();
    await watched.check("pending-activities");
    await page.getByLabel("State").selectOption("retrying");
    await page.getByRole("link", { name: "asking" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "trying" }).waitFor();
    await page.getByLabel("State").selectOption("any");
    await page.getByLabel("Type of activity").fill("askPerson");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("link", { name: "trying" }).waitFor({ state: "detached" });
    await page.waitForURL((url) => url.searchParams.get("type") === "askPerson");
    await page.reload();
    await page.getByRole("link", { name: "asking" }).waitFor();
    await trying.terminate();
    await asking.terminate();
    await page.getByText("No activity is pending").waitFor();
  });
  await watched.close();
});
