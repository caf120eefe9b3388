/** The list of workflows in the browser: its filter, views, columns and order, and what is done to many at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums } from "@pawl/protocol";
import type { Page } from "playwright-core";
import { taskTimesMs } from "./browser.ts";
import { hostile } from "./hostile.ts";
import { newWorker, openPage, options, taskQueue, useStage } from "./stage.ts";
import { approval, insistent, review } from "./workflows.ts";

const stage = useStage();
const viewName = hostile.slice(0, 60);

/** As much of a page's document as is asked here. */
interface Shown {
  querySelectorAll(selector: string): Iterable<{ readonly textContent: string }>;
}

/** Until exactly these rows are shown, in this order. */
async function rowsBecome(page: Page, ids: readonly string[]): Promise<void> {
  await page.waitForFunction((wanted) => {
    const { document } = globalThis as unknown as { document: Shown };
    const links = [...document.querySelectorAll("tbody a[data-shortcut=row]")];
    return JSON.stringify(links.map((link) => link.textContent)) === wanted;
  }, JSON.stringify(ids));
}

/** Another may begin once this one is over. */
async function batchEnds(page: Page, count: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByText(count, { exact: true }).waitFor();
  await dialog.getByText("Completed", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
}

async function end(...workflowIds: readonly string[]): Promise<void> {
  for (const workflowId of workflowIds) await stage.client.workflow.getHandle(workflowId).terminate();
}

let listed: Promise<void> | undefined;

/** Three workflows with attributes and memos; whichever test needs them first starts them. */
function listedWorkflows(): Promise<void> {
  listed ??= startListed();
  return listed;
}

async function startListed(): Promise<void> {
  const { client, connection } = stage;
  const { KEYWORD, INT } = enums.IndexedValueType;
  const searchAttributes = { Customer: KEYWORD, Total: INT };
  await connection.workflowService.addSearchAttributes({ namespace: "default", searchAttributes });
  for (const [workflowId, Customer, Total] of [
    ["list-a", "Ada", 5],
    ["list-b", hostile, 50],
    ["list-c", "Ada", 500],
  ] as const)
    await client.workflow.start(approval, {
      ...{ workflowId, taskQueue, args: ["x"], memo: { note: `memo of ${workflowId}`, [hostile]: hostile } },
      searchAttributes: { Customer: [Customer], Total: [Total] },
    });
}

test("conditions and the query's text are two views of one address", options, async () => {
  await listedWorkflows();
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/workflows");
  await rowsBecome(page, ["list-c", "list-b", "list-a"]);
  await page.getByRole("button", { name: "Conditions" }).click();
  await page.getByRole("button", { name: "+ Add a condition" }).click();
  await page.getByLabel("Field of condition 1").selectOption("Customer");
  await page.getByLabel("Value of condition 1").fill("Ada");
  await page.getByLabel("Value of condition 1").press("Enter");
  await rowsBecome(page, ["list-c", "list-a"]);
  await page.getByRole("button", { name: "+ Add a condition" }).click();
  await page.getByLabel("Field of condition 2").selectOption("Total");
  await page.getByLabel("Operator of condition 2").selectOption({ label: "is more than" });
  await page.getByLabel("Value of condition 2").fill("100");
  await page.getByLabel("Value of condition 2").blur();
  await rowsBecome(page, ["list-c"]);
  const box = page.getByRole("textbox", { name: "Filter workflows" });
  assert.equal(await box.inputValue(), 'Customer = "Ada" AND Total > 100');
  await watched.check("list-conditions");
  await page.reload();
  await rowsBecome(page, ["list-c"]);
  assert.equal(await page.getByLabel("Value of condition 2").inputValue(), "100");
  await page.getByRole("button", { name: "Remove condition 1" }).click();
  await page.waitForURL((url) => url.searchParams.get("query") === "Total > 100");
  await box.fill("Total = 5 OR Total = 50");
  await box.press("Enter");
  await rowsBecome(page, ["list-b", "list-a"]);
  await page.getByText("This query says more than rows of conditions can").waitFor();
  await watched.close();
});

test("columns, order and a saved view, in the address and in this browser", options, async () => {
  await listedWorkflows();
  const watched = await openPage(stage, "dark");
  const { page } = watched;
  await page.goto("/namespaces/default/workflows");
  await page.getByRole("button", { name: "Columns" }).click();
  for (const name of ["Customer", "Total", "Memo: note", `Memo: ${hostile}`])
    await page.getByRole("button", { name: `+ ${name}`, exact: true }).click();
  await page.getByRole("button", { name: "Hide Took" }).click();
  await watched.check("list-columns-dark");
  await page.keyboard.press("Escape");
  await page.getByText("memo of list-a").waitFor();
  await page.getByRole("columnheader", { name: "Total" }).getByRole("link").click();
  await rowsBecome(page, ["list-a", "list-b", "list-c"]);
  await page.getByRole("columnheader", { name: "Total" }).getByRole("link").click();
  await rowsBecome(page, ["list-c", "list-b", "list-a"]);
  await page.getByRole("columnheader", { name: "Workflow", exact: true }).getByRole("link").click();
  await rowsBecome(page, ["list-a", "list-b", "list-c"]);
  // What no query knows has no order.
  assert.equal(await page.getByRole("columnheader", { name: "Memo: note" }).getByRole("link").count(), 0);
  await page.getByRole("link", { name: "Running", exact: true }).click();
  await page.getByRole("button", { name: "Save this view" }).click();
  await page.getByLabel("Name", { exact: true }).fill(viewName);
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "All", exact: true }).click();
  await page.reload();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: viewName }).click();
  await page.waitForURL((url) => url.searchParams.get("status") === "Running");
  assert.equal(await page.getByRole("columnheader", { name: "Took" }).count(), 0, "this browser's columns are kept");
  await watched.check("list-saved-view");
  await page.getByRole("button", { name: /^Delete “/ }).click();
  await page
    .getByRole("navigation", { name: "Views" })
    .getByRole("link", { name: viewName })
    .waitFor({ state: "detached" });
  await watched.close();
});

test("an order is one of the whole list, not of its page, and goes on in the next one", options, async () => {
  const { client } = stage;
  const ids = Array.from({ length: 55 }, (_, at) => `sorted-${String(at).padStart(2, "0")}`);
  for (const workflowId of ids) await client.workflow.start(approval, { workflowId, taskQueue: "sorted", args: ["x"] });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/workflows?query=sorted-&sort=WorkflowId");
  await rowsBecome(page, ids.slice(0, 50));
  await page.getByRole("link", { name: "Next page →" }).click();
  await rowsBecome(page, ids.slice(50));
  await page.reload();
  await rowsBecome(page, ids.slice(50));
  await page.getByRole("columnheader", { name: "Workflow", exact: true }).getByRole("link").click();
  await rowsBecome(page, ids.toReversed().slice(0, 50));
  await end(...ids);
  await watched.close();
});

test(
  "chosen workflows are signalled, and all that match are terminated, after a look at which they are",
  options,
  async () => {
    const { client } = stage;
    await listedWorkflows();
    const watched = await openPage(stage);
    const { page } = watched;
    const worker = await newWorker(stage);
    await worker.runUntil(async () => {
      await page.goto('/namespaces/default/workflows?query=WorkflowId STARTS_WITH "list-"');
      await page.getByLabel("Choose list-a").check();
      await page.getByLabel("Choose list-c").check();
      await page.getByText("2 chosen").waitFor();
      await page.getByRole("region", { name: "Chosen workflows" }).getByRole("button", { name: "Signal" }).click();
      await page.getByText("2 workflows").waitFor();
      await page.getByLabel("Name of the signal").fill("approve");
      await page.getByLabel("Input, as JSON").fill('"Grace"');
      await page.getByLabel("Reason").fill("all is well");
      await page.getByText(/^pawl workflow signal --namespace default --query 'RunId IN/).waitFor();
      await watched.check("batch-dry-run");
      await page.getByRole("button", { name: "Signal them" }).click();
      await page.getByText("2 of 2", { exact: true }).waitFor();
      await watched.check("batch-progress");
      await batchEnds(page, "2 of 2");
      for (const workflowId of ["list-a", "list-c"])
        assert.deepEqual(await client.workflow.getHandle(workflowId).result(), {
          ...{ greeting: "Hello, x!", approver: "Grace" },
        });
      await page.getByRole("link", { name: "Completed 2" }).waitFor();
    });
    await page.getByLabel("Choose list-b").check();
    await page.getByRole("button", { name: "All that match instead" }).click();
    await page.getByRole("region", { name: "Chosen workflows" }).getByRole("button", { name: "Terminate" }).click();
    await page.getByText("1 workflow", { exact: true }).waitFor();
    await page.getByLabel("Reason").fill(hostile);
    await page.getByRole("button", { name: "Terminate them" }).click();
    await batchEnds(page, "1 of 1");
    assert.equal((await client.workflow.getHandle("list-b").describe()).status.name, "TERMINATED");
    await watched.close();
  },
);

test("a batch resets, cancels and deletes; what it cannot do is said", options, async () => {
  const { client } = stage;
  const watched = await openPage(stage);
  const { page } = watched;
  const worker = await newWorker(stage);
  const act = async (verb: string, workflowId: string) => {
    await page.getByLabel(`Choose ${workflowId}`, { exact: true }).first().check();
    await page.getByRole("region", { name: "Chosen workflows" }).getByRole("button", { name: verb }).click();
    await page.getByLabel("Reason").fill("test");
    await page.getByRole("button", { name: `${verb} them` }).click();
    await batchEnds(page, "1 of 1");
  };
  await worker.runUntil(async () => {
    await client.workflow.start(review, { workflowId: "many-1", taskQueue });
    const before = (await client.workflow.getHandle("many-1").describe()).runId;
    await page.goto('/namespaces/default/workflows?query=WorkflowId STARTS_WITH "many-"&status=Running');
    await page.locator("tbody").getByText("review").waitFor();
    // A reset goes back to a workflow task that has been completed.
    const history = () => client.workflow.getHandle("many-1").fetchHistory();
    while ((await history()).events.length < 5) await page.evaluate("new Promise(requestAnimationFrame)");
    await act("Reset", "many-1");
    const handle = client.workflow.getHandle("many-1");
    const { runId } = await handle.describe();
    assert.notEqual(runId, before);
    await page.locator(`tbody a[href$="${runId}"]`).waitFor();
    await page.locator(`tbody a[href$="${before}"]`).waitFor({ state: "detached" });
    await act("Cancel", "many-1");
    await assert.rejects(handle.result(), /cancel/i);
    await page.getByText("No workflow matches").waitFor();
    await page.goto('/namespaces/default/workflows?query=WorkflowId STARTS_WITH "many-"');
    await rowsBecome(page, ["many-1", "many-1"]);
    await page.getByLabel("Choose all of this page").check();
    await page.getByRole("region", { name: "Chosen workflows" }).getByRole("button", { name: "Delete" }).click();
    await page.getByText("2 workflows").waitFor();
    await page.getByLabel("Reason").fill("test");
    await page.getByRole("button", { name: "Delete them" }).click();
    await batchEnds(page, "2 of 2");
    await page.getByText("No workflow matches").waitFor();
  });
  await watched.close();
});

test("workflows whose activities are tried again, and those that are stuck, are views", options, async () => {
  const { client } = stage;
  await client.workflow.start(insistent, { workflowId: "insists", taskQueue, args: [hostile] });
  await client.workflow.start(approval, { workflowId: "is-fine", taskQueue, args: ["x"] });
  const watched = await openPage(stage);
  const { page } = watched;
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/");
    await page.getByRole("link", { name: "Retrying activities" }).click();
    await rowsBecome(page, ["insists"]);
    await page.getByRole("link", { name: "Stuck", exact: true }).click();
    await rowsBecome(page, ["insists"]);
    await client.workflow.start(approval, { workflowId: "unserved", taskQueue: "nobody-serves", args: ["x"] });
    await rowsBecome(page, ["unserved", "insists"]);
    await watched.check("list-stuck");
    await end("insists", "is-fine", "unserved");
    await page.getByText("No workflow matches").waitFor();
  });
  await watched.close();
});

test("the first list is there soon after its page was asked for", options, async (t) => {
  const { client } = stage;
  const ids = Array.from({ length: 60 }, (_, at) => `soon-${at}`);
  await Promise.all(ids.map((workflowId) => client.workflow.start(approval, { workflowId, taskQueue, args: ["x"] })));
  const watched = await openPage(stage);
  const { page } = watched;
  const query = encodeURIComponent('WorkflowId STARTS_WITH "soon-"');
  await page.goto("/namespaces/default/schedules");
  let tookMs = 0;
  const timesMs = await taskTimesMs(page, async () => {
    const beganAt = performance.now();
    await page.goto(`/namespaces/default/workflows?query=${query}`);
    await page
      .getByRole("link", { name: /^soon-/ })
      .first()
      .waitFor();
    tookMs = performance.now() - beganAt;
  });
  const workedMs = timesMs.reduce((sum, ms) => sum + ms, 0);
  t.diagnostic(
    `the first of 50 rows after ${Math.round(tookMs)} ms, of which the page worked ${Math.round(workedMs)} ms`,
  );
  // A second on a quiet machine: what the page itself works for it, on any.
  assert.ok(workedMs < 1_000, `${workedMs} ms`);
  assert.equal(await page.locator("tbody tr").count(), 50);
  await page.getByRole("link", { name: "Older →" }).click();
  await page.getByRole("link", { name: "← Newest" }).waitFor();
  await page.locator("tbody tr").nth(10).waitFor({ state: "detached" });
  assert.equal(await page.locator("tbody tr").count(), 10);
  await end(...ids);
  await watched.close();
});
