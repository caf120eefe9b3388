/** One run in the browser: what can be said and done to it, its relatives, its history in all views, and as a file. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { hostile } from "./hostile.ts";
import { newWorker, openPage, options, taskQueue, useStage } from "./stage.ts";
import { approval, cart, family, troubled } from "./workflows.ts";

const stage = useStage();

test("a run is updated, paused, let go on, and deleted for good", options, async () => {
  const { client } = stage;
  await client.workflow.start(cart, { workflowId: "cart", taskQueue });
  const watched = await openPage(stage);
  const { page } = watched;
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/workflows/cart");
    await page.getByText("It waits for a signal").waitFor();
    // On a telephone, what can be done to it is there as a whole.
    await page.setViewportSize({ width: 400, height: 900 });
    const last = await page.getByRole("button", { name: "Delete" }).boundingBox();
    assert.ok(last && last.x + last.width <= 400, `Delete ends at ${last && last.x + last.width}`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole("button", { name: "Update", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("combobox", { name: "Name", exact: true }).fill("add");
    await dialog.getByLabel("Input, as JSON").fill('""');
    await dialog.getByRole("button", { name: "Send" }).click();
    await dialog.getByRole("alert").getByText("a thing has a name").waitFor();
    await dialog.getByLabel("Input, as JSON").fill('"chair"');
    await dialog.getByText(`--name add --input '"chair"'`).waitFor();
    await dialog.getByRole("button", { name: "Send" }).click();
    await dialog.getByText("Its answer").waitFor();
    await watched.check("update");
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.locator(".group").getByText("Update", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await dialog.getByLabel("Reason").fill("an incident");
    await dialog.getByRole("button", { name: "Pause" }).click();
    await page.getByText("It is paused and goes on when it is unpaused.").waitFor();
    assert.equal((await client.workflow.getHandle("cart").describe()).status.name, "PAUSED");
    await watched.check("paused");
    await page.getByRole("button", { name: "Unpause", exact: true }).click();
    await dialog.getByRole("button", { name: "Unpause" }).click();
    await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
    await client.workflow.getHandle("cart").signal("pay");
    await page.getByText("Completed", { exact: true }).waitFor();
  });
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Its workflow id, to be sure").fill("another");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alert").getByText("This is not its id.").waitFor();
  await watched.check("delete");
  await page.getByLabel("Its workflow id, to be sure").fill("cart");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("link", { name: "cart" }).waitFor({ state: "detached" });
  await page.waitForURL(/\/workflows$/);
  await watched.close();
});

test("an activity in trouble is held back, let go on, and tried again at once", options, async () => {
  await stage.client.workflow.start(troubled, { workflowId: "in-trouble", taskQueue, args: [hostile] });
  const watched = await openPage(stage, "dark");
  const { page } = watched;
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/workflows/in-trouble");
    const charge = page.locator(".card").filter({ hasText: "charge" });
    await charge.getByText(/next try in \d+s/).waitFor();
    await page
      .locator(".group")
      .getByText(/attempt 2/)
      .waitFor();
    await charge.getByRole("button", { name: "Pause" }).click();
    await page.getByLabel("Reason").fill("their API is down");
    await page.getByText("pawl activity pause").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await charge.getByText("paused", { exact: true }).waitFor();
    await watched.check("activity-paused-dark");
    await charge.getByRole("button", { name: "Unpause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Unpause" }).click();
    await charge.getByRole("button", { name: "Pause charge", exact: true }).waitFor();
    await charge.getByRole("button", { name: "Retry now" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Retry now" }).click();
    // Its attempts are counted from the first again, which fails as before.
    await charge.getByText(/next try in \d+s/).waitFor();
    await page.locator(".card").filter({ hasText: "copyFiles" }).getByText("3 of 12").waitFor();
    await stage.client.workflow.getHandle("in-trouble").terminate();
  });
  await watched.close();
});

test(
  "relatives are a tree from the first ancestor to the grandchildren, beside the runs of the id",
  options,
  async () => {
    await stage.client.workflow.start(family, { workflowId: "generation-4", taskQueue, args: [3] });
    const watched = await openPage(stage);
    const { page } = watched;
    const worker = await newWorker(stage);
    await worker.runUntil(async () => {
      await page.goto("/namespaces/default/workflows/generation-3");
      await page.getByText("Relatives", { exact: true }).click();
      const tree = page.getByRole("region", { name: "Parents and children" });
      await tree.getByRole("link", { name: "generation-4" }).waitFor();
      await tree.getByRole("button", { name: "Show its children of generation-2" }).click();
      await tree.getByRole("link", { name: "generation-1" }).waitFor();
      await page.getByRole("region", { name: "Runs of this id" }).getByText("Running").waitFor();
      await watched.check("relatives");
      await tree.getByRole("link", { name: "generation-4" }).click();
      await page.getByRole("heading", { name: "generation-4" }).waitFor();
      await stage.client.workflow.getHandle("generation-4").terminate();
    });
    await watched.close();
  },
);

test(
  "a history is zoomed, filtered, searched by pattern, saved, and looked at again without a server",
  options,
  async () => {
    await stage.client.workflow.start(approval, {
      workflowId: "kept",
      taskQueue,
      args: [{ who: hostile, ids: [1, 2] }],
    });
    const worker = await newWorker(stage);
    await worker.runUntil(async () => {
      await stage.client.workflow.getHandle("kept").signal("approve", "Grace");
      await stage.client.workflow.getHandle("kept").result();
    });
    const watched = await openPage(stage);
    const { page } = watched;
    await page.goto("/namespaces/default/workflows/kept");
    const groups = page.locator(".group");
    await groups.getByText("Timer", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Zoom in" }).click();
    const axis = page.locator(".axis .lane");
    const box = (await axis.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.25, box.y + 5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 5);
    await page.mouse.up();
    const ticks = await axis.innerText();
    await page.mouse.move(box.x + box.width / 2, box.y + 60);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -100);
    await page.keyboard.up("Control");
    await axis.filter({ hasNotText: ticks }).waitFor();
    await page.getByRole("button", { name: "All" }).click();
    await page.getByLabel("Kind of events").selectOption("timer");
    await groups.getByText("Activity", { exact: true }).waitFor({ state: "detached" });
    await page.getByLabel("Kind of events").selectOption("");
    await page.getByLabel("Search the history").fill("/sign.?al(ed|ing)/");
    await groups.getByText("Timer", { exact: true }).waitFor({ state: "detached" });
    await groups.getByText("approve").waitFor();
    await page.getByLabel("Search the history").fill("");
    const input = page.getByRole("region", { name: "Input" }).first();
    await input.getByRole("tab", { name: "Tree" }).click();
    await input.getByText("who: ").waitFor();
    await watched.check("tree");
    await input.getByRole("tab", { name: "Raw" }).click();
    await input.getByText('"encoding": "anNvbi9wbGFpbg=="').waitFor();
    const [payload] = await Promise.all([
      page.waitForEvent("download"),
      input.getByRole("button", { name: /Download input/ }).click(),
    ]);
    assert.deepEqual(JSON.parse(await readFile(await payload.path(), "utf8")), { who: hostile, ids: [1, 2] });
    await page.getByRole("tablist", { name: "View", exact: true }).getByRole("tab", { name: "JSON" }).click();
    await page.getByText('"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"').waitFor();
    await watched.check("json");
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download JSON" }).click(),
    ]);
    const path = await saved.path();
    const { events } = JSON.parse(await readFile(path, "utf8")) as { events: { eventType: string }[] };
    assert.equal(events[0]?.eventType, "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
    await page.getByRole("link", { name: "History file" }).click();
    await watched.check("import-empty");
    await page.context().setOffline(true);
    await page.getByLabel("History file").setInputFiles({ name: "bad.json", mimeType: "", buffer: Buffer.from("{}") });
    await page
      .getByRole("alert")
      .getByText(/holds no history/)
      .waitFor();
    await page.getByLabel("History file").setInputFiles(path);
    await page.locator(".group").getByText("Timer", { exact: true }).waitFor();
    await page.getByText('"approver": "Grace"').waitFor();
    await watched.check("import");
    await watched.close();
  },
);
