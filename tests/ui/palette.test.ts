/** The browser without a mouse: the command palette and the keys of every page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostile } from "./hostile.ts";
import { openPage, options, taskQueue, useStage } from "./stage.ts";
import { approval } from "./workflows.ts";

const stage = useStage();

test("the palette leads to pages, to a workflow by its id, and to what can be done on the page", options, async () => {
  const { client } = stage;
  for (const workflowId of ["palette-1", hostile])
    await client.workflow.start(approval, { workflowId, taskQueue, args: ["x"] });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/");
  await page.getByRole("link", { name: "palette-1" }).waitFor();
  const open = async () => {
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").locator("input:focus").waitFor();
  };
  await open();
  await watched.check("palette");
  await page.keyboard.type("sched");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Schedules", exact: true }).waitFor();
  await page.getByRole("button", { name: /^Go to…/ }).click();
  await page.getByRole("dialog").locator("input:focus").waitFor();
  await page.keyboard.type("palette-");
  await page.getByRole("option", { name: "palette-1" }).waitFor();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "palette-1" }).waitFor();
  await open();
  await page.keyboard.type("terminate");
  await page.keyboard.press("Enter");
  await page.getByText("Its code is not told").waitFor();
  await page.getByLabel("Reason").fill("by keys");
  await page.keyboard.press("Enter");
  await page.getByText("Terminated", { exact: true }).waitFor();
  assert.equal((await client.workflow.getHandle("palette-1").describe()).status.name, "TERMINATED");
  const { runId } = await client.workflow.getHandle(hostile).describe();
  await open();
  await page.keyboard.type(runId);
  await page.getByRole("option", { name: hostile }).waitFor();
  await watched.check("palette-hostile");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: hostile }).waitFor();
  await open();
  await page.keyboard.type("theme dark");
  await page.keyboard.press("Enter");
  await page.locator("html[data-theme=dark]").waitFor();
  assert.equal(await page.getByLabel("Theme").inputValue(), "dark");
  await open();
  await page.keyboard.type("times absolute");
  await page.keyboard.press("Enter");
  await page
    .getByRole("region", { name: "Summary" })
    .getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    .first()
    .waitFor();
  await watched.check("palette-dark-absolute");
  await page.reload();
  await page.locator("html[data-theme=dark]").waitFor();
  await client.workflow.getHandle(hostile).terminate();
  await watched.close();
});

test("keys walk through the list, choose, filter and go to other pages; they are shown by ?", options, async () => {
  const { client } = stage;
  for (const workflowId of ["key-1", "key-2"])
    await client.workflow.start(approval, { workflowId, taskQueue, args: ["x"] });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto('/namespaces/default/workflows?query=WorkflowId STARTS_WITH "key-"');
  await page.getByRole("link", { name: "key-1" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByText("1 chosen").waitFor();
  assert.ok(await page.getByLabel("Choose key-2").isChecked());
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByText("2 chosen").waitFor();
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "key-2" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("w");
  await page.getByRole("link", { name: "key-1" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("gw?key-1");
  assert.equal(await page.getByRole("textbox", { name: "Filter workflows" }).inputValue(), "gw?key-1");
  await page.keyboard.press("Tab");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
  await watched.check("shortcuts");
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.getByRole("heading", { name: "Start a workflow" }).waitFor();
  for (const workflowId of ["key-1", "key-2"]) await client.workflow.getHandle(workflowId).terminate();
  await watched.close();
});
