/** What a person does to workflows and schedules in the browser, and its effect. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newWorker, openPage, options, taskQueue, useStage } from "./stage.ts";
import { approval, review } from "./workflows.ts";

const stage = useStage();

test("a query, the call stack, and a reset that leads to the new run", options, async () => {
  const { client } = stage;
  await client.workflow.start(approval, { workflowId: "asked", taskQueue, args: ["Ada"] });
  const watched = await openPage(stage);
  const { page } = watched;
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/workflows/asked");
    await page.getByText("It waits for a signal").waitFor();
    await page.getByText("Queries and call stack").click();
    // Where the code waits, in its own file.
    await page
      .locator(".stack")
      .getByText(/at approval \(.*workflows\.ts:\d+:\d+\)/)
      .waitFor();
    await page.getByRole("combobox", { name: "Query" }).fill("state");
    // The suggestions stand before the rest of the page until the field is left.
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByText('"order": "Ada"').waitFor();
    await page.getByRole("combobox", { name: "Query" }).fill("nothing");
    await page.keyboard.press("Tab");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page
      .getByRole("alert")
      .getByText(/nothing/)
      .waitFor();
    await watched.check("queries");
    const before = (await client.workflow.getHandle("asked").describe()).runId;
    await page.getByRole("button", { name: "Reset" }).click();
    await page.getByLabel("Back to").selectOption({ label: "event 4, after workflow execution started" });
    await page.getByLabel("Reason").fill("once more");
    await watched.check("reset");
    await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
    await page.waitForURL((url) => /asked\/[0-9a-f-]{36}$/.test(url.pathname) && !url.pathname.includes(before));
    await page.getByText("It waits for a signal").waitFor();
    assert.notEqual((await client.workflow.getHandle("asked").describe()).runId, before);
  });
  await client.workflow.getHandle("asked").terminate();
  await watched.close();
});

test("an activity that waits for a person is completed with what the person says", options, async () => {
  const { client } = stage;
  const handle = await client.workflow.start(review, { workflowId: "to-review", taskQueue });
  const watched = await openPage(stage);
  const { page } = watched;
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/workflows/to-review");
    await page.getByRole("button", { name: "Complete askPerson" }).click();
    await page.getByLabel("Result, as JSON").fill('{"approved": true}');
    await watched.check("complete-activity");
    await page.getByRole("button", { name: "Complete it" }).click();
    await page.getByText("Completed", { exact: true }).waitFor();
    assert.deepEqual(await handle.result(), { approved: true });
  });
  await watched.close();
});

test("a schedule is triggered, paused, and deleted", options, async () => {
  const { client } = stage;
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/schedules");
  await page.getByText("No schedules").waitFor();
  await watched.check("schedules-empty");
  const handle = await client.schedule.create({
    scheduleId: "nightly",
    spec: { intervals: [{ every: "24 hours" }] },
    action: { type: "startWorkflow", workflowType: "approval", workflowId: "night", taskQueue, args: ["x"] },
  });
  await page.getByRole("link", { name: "nightly" }).click();
  await page.getByRole("button", { name: "Trigger" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Trigger" }).click();
  await page.getByRole("link", { name: /^night-/ }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByLabel("Reason").fill("holidays");
  await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
  await page.getByText("holidays", { exact: true }).waitFor();
  assert.equal((await handle.describe()).state.paused, true);
  await watched.check("schedule");
  await page.goto("/namespaces/default/schedules");
  await page.getByRole("row").getByText("Paused").waitFor();
  await watched.check("schedules");
  await page.getByRole("link", { name: "nightly" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No schedules").waitFor();
  await watched.close();
});
