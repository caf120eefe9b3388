/** The web UI in a real browser, before a real server with a real worker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WatchedPage } from "./browser.ts";
import { hostile } from "./hostile.ts";
import { newWorker, openPage, options, startWithUi, taskQueue, useStage } from "./stage.ts";
import { approval, troubled } from "./workflows.ts";

const stage = useStage();

test(
  "an empty list says what to do; a workflow appears in it, and in the counts, without a reload",
  options,
  async () => {
    const watched = await openPage(stage);
    const { page } = watched;
    await page.goto("/");
    await page.getByText("No workflows yet").waitFor();
    await watched.check("empty");
    await stage.client.workflow.start(approval, { workflowId: "seen-live", taskQueue, args: ["x"] });
    await page.getByRole("link", { name: "seen-live" }).waitFor();
    await page.getByRole("link", { name: "Running 1" }).waitFor();
    await stage.client.workflow.getHandle("seen-live").terminate("enough");
    await page.getByRole("link", { name: "Terminated 1" }).waitFor();
    await watched.check("list");
    await watched.close();
  },
);

test(
  "a filter is in the address, and finds the same again; a query that makes no sense is refused in words",
  options,
  async () => {
    for (const workflowId of ["find-1", "find-2", "other-1"])
      await stage.client.workflow.start(approval, { workflowId, taskQueue, args: ["x"] });
    const watched = await openPage(stage);
    const { page } = watched;
    await page.goto("/namespaces/default/workflows");
    await page.getByRole("textbox", { name: "Filter workflows" }).fill("find-");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("link", { name: "other-1" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Running 2" }).click();
    await page.waitForURL(/query=find-&status=Running/);
    await page.reload();
    await page.getByRole("link", { name: "find-1" }).waitFor();
    assert.equal(await page.locator("tbody tr").count(), 2);
    await page.getByRole("textbox", { name: "Filter workflows" }).fill("Nonsense = 1");
    await page.getByRole("button", { name: "Filter" }).click();
    await page
      .getByRole("alert")
      .getByText(/Nonsense/)
      .waitFor();
    await watched.check("refused");
    for (const workflowId of ["find-1", "find-2", "other-1"])
      await stage.client.workflow.getHandle(workflowId).terminate();
    await watched.close();
  },
);

test(
  "a run is followed to its end: why it waits, a signal from the page, and its result, without a reload",
  options,
  async () => {
    await stage.client.workflow.start(approval, { workflowId: "to-approve", taskQueue, args: ["Ada"] });
    const watched = await openPage(stage);
    const { page } = watched;
    await page.goto("/namespaces/default/workflows/to-approve");
    await page.getByText("No worker asks the task queue “ui” for work.").waitFor();
    const worker = await newWorker(stage);
    await worker.runUntil(async () => {
      await page.getByText("It waits for a signal").waitFor();
      await page.getByRole("button", { name: "Signal" }).click();
      await page.getByRole("combobox", { name: "Name", exact: true }).fill("approve");
      await page.getByLabel("Input, as JSON").fill("Grace");
      await page.getByRole("button", { name: "Send" }).click();
      await page
        .getByRole("alert")
        .getByText(/not valid JSON/)
        .waitFor();
      await page.getByLabel("Input, as JSON").fill('"Grace"');
      await page.getByText(`--name approve --input '"Grace"'`).waitFor();
      await watched.check("signal");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByText("Completed", { exact: true }).waitFor();
      await page.getByText('"approver": "Grace"').waitFor();
      assert.deepEqual(await stage.client.workflow.getHandle("to-approve").result(), {
        greeting: "Hello, Ada!",
        approver: "Grace",
      });
    });
    for (const kind of ["Activity", "Timer", "Signal"])
      await page.locator(".group").getByText(kind, { exact: true }).waitFor();
    await page.getByRole("button", { name: /^Activity ?greet 1\b/ }).waitFor();
    await watched.check("completed");
    await page.getByRole("tab", { name: "Events", exact: true }).click();
    await page.getByRole("button", { name: /Workflow signaled/ }).click();
    await page.getByText('"signalName": "approve"').waitFor();
    await watched.check("events");
    await watched.close();
  },
);

test(
  "pending activities show attempt, failure, next try and progress; hostile texts stay texts; terminate asks first",
  options,
  async () => {
    await stage.client.workflow.start(troubled, {
      workflowId: hostile,
      taskQueue,
      args: [hostile],
      memo: { [hostile]: hostile },
    });
    const worker = await newWorker(stage);
    await worker.runUntil(async () => {
      for (const theme of ["light", "dark"] as const) {
        const watched = await openPage(stage, theme);
        const { page } = watched;
        await page.goto("/namespaces/default/workflows?status=Running");
        await page.getByRole("link", { name: hostile }).click();
        await page.getByText(/next try in \d+s/).waitFor();
        await page.getByText("3 of 12").waitFor();
        await page.locator(".card").getByText("Attempt 2").waitFor();
        await page.getByText("<img src=x").first().waitFor();
        await page.getByText(/is tried again in/).waitFor();
        await page.reload();
        await page.getByText("3 of 12").waitFor();
        await watched.check(`pending-${theme}`);
        if (theme === "dark") {
          await page.getByRole("button", { name: "Terminate" }).click();
          await page.getByText("Its code is not told").waitFor();
          assert.equal((await stage.client.workflow.getHandle(hostile).describe()).status.name, "RUNNING");
          await page.getByLabel("Reason").fill(hostile);
          await page.getByRole("dialog").getByRole("button", { name: "Terminate" }).click();
          await page.getByText("Terminated", { exact: true }).waitFor();
          await page.getByText(`Workflow terminated: ${hostile}`).waitFor();
          await watched.check("terminated");
        }
        await watched.close();
      }
    });
  },
);

test("a page whose server has gone says so, and shows what it has; a new one has nothing", options, async () => {
  const other = await startWithUi();
  const watched = await WatchedPage.open(stage.browser, other.origin);
  const { page } = watched;
  await page.goto("/");
  await page.getByText("No workflows yet").waitFor();
  await other.server.stop();
  await page.getByText("The server does not answer; this is how it was last seen.").waitFor();
  await page.getByRole("link", { name: "Running", exact: true }).click();
  await page.getByText("Disconnected").waitFor();
  await watched.check("disconnected");
  await watched.close();
});

test(
  "pages are served with a policy that lets nothing from elsewhere in, and unknown files are not pages",
  options,
  async () => {
    const document = await fetch(`${stage.origin}/namespaces/default/workflows/any`);
    assert.equal(document.status, 200);
    assert.match(document.headers.get("content-security-policy") ?? "", /^default-src 'self';/);
    const html = await document.text();
    assert.doesNotMatch(html, /<style|<script(?![^>]* src=)|https?:\/\//);
    const [, script] = /src="(\/assets\/[^"]+)"/.exec(html)!;
    assert.match((await fetch(`${stage.origin}${script}`)).headers.get("cache-control") ?? "", /immutable/);
    for (const path of ["/assets/none.js", "/api/v1/none"])
      assert.equal((await fetch(`${stage.origin}${path}`)).status, 404);
    const foreign = await fetch(`${stage.origin}/api/v1/namespaces`, {
      headers: { origin: "https://elsewhere.example" },
    });
    assert.equal(foreign.status, 403);
  },
);
