/** What operators look after in the browser: queues, batches, deployments, endpoints, namespaces, search attributes, the server itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostile } from "./hostile.ts";
import { openPage, options, useStage } from "./stage.ts";

const stage = useStage();

async function api<Answer>(path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${stage.origin}/api/v1/${path}`, {
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return (await response.json()) as Answer;
}

const start = (workflowId: string, taskQueue: string) =>
  api(`namespaces/default/workflows/${encodeURIComponent(workflowId)}`, {
    ...{ workflowType: { name: "T" }, taskQueue: { name: taskQueue } },
  });

test("a queue appears in the list when it is used, and its limit is set and shown", options, async () => {
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/task-queues");
  await page.getByText("No task queue was used lately").waitFor();
  await watched.check("task-queues-empty");
  await start("waits", hostile);
  await page.getByRole("link", { name: hostile }).waitFor();
  await watched.check("task-queues");
  await page.getByRole("link", { name: hostile }).click();
  const activities = page.getByRole("region", { name: "Activities" });
  await activities.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Tasks per second, at most").fill("7.5");
  await page.getByLabel("Of one fairness key, at most").fill("2");
  await page.getByLabel("Reason").fill("their API is slow");
  await page.getByLabel("Weights of fairness keys, as JSON").fill('{"gold": 3, "tin": 0.5}');
  await page.getByText("--queue-rps-limit 7.5").waitFor();
  await page.getByText("--fairness-key-weight gold=3").waitFor();
  await watched.check("queue-limits");
  await page.getByRole("button", { name: "Set" }).click();
  await activities.getByText(/7\.5\/s; 2\/s for one fairness key; weights gold 3, tin 0\.5/).waitFor();
  await activities.getByText("their API is slow").waitFor();
  const workflowTasks = page.getByRole("region", { name: "Workflow tasks" });
  await workflowTasks.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Weights of fairness keys, as JSON").fill('{"gold": 2}');
  await page.getByRole("button", { name: "Set" }).click();
  await workflowTasks.getByText(/none; weights gold 2/).waitFor();
  await activities.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Weights of fairness keys, as JSON").fill("");
  await page.getByLabel("Tasks per second, at most").fill("");
  await page.getByRole("button", { name: "Set" }).click();
  await activities.getByText(/^none; 2\/s for one fairness key/).waitFor();
  await watched.close();
});

test("a batch is followed to its end, and another is stopped", options, async () => {
  for (let i = 0; i < 12; i++) await start(`batched-${i}`, "batches");
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/batch-operations");
  await page.getByText("No batch operations").waitFor();
  await watched.check("batches-empty");
  const begin = (jobId: string, visibilityQuery: string, maxOperationsPerSecond: number) =>
    api(`namespaces/default/batch-operations/${jobId}`, {
      ...{ visibilityQuery, reason: hostile, maxOperationsPerSecond },
      signalOperation: { signal: "go", identity: "test" },
    });
  await begin("slow", "WorkflowId STARTS_WITH 'batched-'", 0.05);
  await page.getByRole("link", { name: "slow" }).click();
  await page.getByText(/of 12$/).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByLabel("Reason").fill("enough of it");
  await watched.check("batch-stop");
  await page.getByRole("button", { name: "Stop it" }).click();
  await page.getByText("Failed", { exact: true }).waitFor();
  assert.match((await api<{ state: string }>("namespaces/default/batch-operations/slow")).state, /FAILED/);
  await begin("quick", "WorkflowId = 'batched-1'", 100);
  await page.goto("/namespaces/default/batch-operations");
  await page.getByRole("link", { name: "quick" }).click();
  await page.getByText("Completed", { exact: true }).waitFor();
  await page.getByText("1 of 1").waitFor();
  await watched.check("batch");
  await watched.close();
});

test("a namespace is made, changed, and gone to", options, async () => {
  const watched = await openPage(stage, "dark");
  const { page } = watched;
  await page.goto("/namespaces");
  await page.getByRole("button", { name: "Create a namespace" }).click();
  await page.getByLabel("Name", { exact: true }).fill("orders");
  await page.getByLabel("Description").fill(hostile);
  await page.getByLabel("Days that closed workflows are kept").fill("7");
  await page.getByText("--retention 7d").waitFor();
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("row").filter({ hasText: "orders" }).getByText("7d").waitFor();
  await page.getByRole("button", { name: "Edit orders" }).click();
  await page.getByLabel("Days that closed workflows are kept").fill("2");
  await watched.check("namespace-edit-dark");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row").filter({ hasText: "orders" }).getByText("2d").waitFor();
  const { config } = await api<{ config: { workflowExecutionRetentionTtl: string } }>("namespaces/orders");
  assert.equal(config.workflowExecutionRetentionTtl, "172800s");
  await watched.check("namespaces-dark");
  await page.getByRole("row").getByRole("link", { name: "orders" }).click();
  await page.getByText("No workflows yet").waitFor();
  // The way on keeps the namespace, also over pages of the whole server.
  await page.getByRole("link", { name: "Cluster" }).click();
  await page.getByRole("link", { name: "Task queues" }).click();
  await page.waitForURL(/namespaces\/orders\/task-queues$/);
  await watched.close();
});

test("a search attribute is added, found in the list, and removed", options, async () => {
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/search-attributes");
  await page.getByRole("button", { name: "Add a search attribute" }).click();
  await page.getByLabel("Name", { exact: true }).fill("WorkflowId");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/WorkflowId/)
    .waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Customer");
  await page.getByLabel("Type").selectOption("KeywordList");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("row").filter({ hasText: "Customer" }).getByText("KeywordList").waitFor();
  await watched.check("search-attributes");
  const names = () => page.locator("tbody td:first-child").allInnerTexts();
  const byName = page.getByRole("columnheader", { name: "Name" }).getByRole("link");
  await byName.click();
  await page.locator("th[aria-sort=ascending]").waitFor();
  const inOrder = (await names()).toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  assert.deepEqual(await names(), inOrder);
  await byName.click();
  await page.waitForURL(/\?sort=-Name$/);
  await page.reload();
  await page.locator("th[aria-sort=descending]").waitFor();
  assert.deepEqual(await names(), inOrder.toReversed());
  await page.getByRole("button", { name: "Remove Customer" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("row").filter({ hasText: "Customer" }).waitFor({ state: "detached" });
  await watched.close();
});

test("a Nexus endpoint is made, led elsewhere, and deleted", options, async () => {
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/nexus");
  await page.getByText("No Nexus endpoints").waitFor();
  await watched.check("nexus-empty");
  await page.getByRole("button", { name: "Create an endpoint" }).click();
  await page.getByLabel("Name", { exact: true }).fill("billing");
  await page.getByLabel("Task queue of its workers").fill("bills");
  await page.getByLabel("Description").fill(hostile);
  await page.getByText("--target-task-queue bills").waitFor();
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("link", { name: "bills" }).waitFor();
  await page.getByText("<img src=x").waitFor();
  await page.getByRole("button", { name: "Edit billing" }).click();
  await page.getByLabel("It leads to an address elsewhere").check();
  await page.getByLabel("URL").fill("https://billing.example.org/nexus");
  await watched.check("nexus-edit");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("https://billing.example.org/nexus").waitFor();
  await watched.check("nexus");
  await page.getByRole("button", { name: "Delete billing" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No Nexus endpoints").waitFor();
  await watched.close();
});

test("versions of a worker deployment are made current, ramped, and deleted", options, async () => {
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/deployments");
  await page.getByText("No worker deployments").waitFor();
  await watched.check("deployments-empty");
  await api("namespaces/default/worker-deployments/orders", { identity: "test", requestId: "1" });
  for (const buildId of ["1.0", "2.0", "3.0"])
    await api("namespaces/default/worker-deployment-versions/orders", {
      ...{ deploymentVersion: { deploymentName: "orders", buildId }, identity: "test", requestId: buildId },
    });
  await page.getByRole("link", { name: "orders" }).click();
  await page.getByRole("button", { name: "Make current 1.0" }).click();
  await page.getByLabel(/Even if it lacks/).check();
  await page.getByText("--allow-no-pollers").waitFor();
  await page.getByRole("button", { name: "Make it current" }).click();
  await page.getByRole("row").filter({ hasText: "1.0" }).getByText("Current", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Ramp 2.0" }).click();
  await page.getByLabel("Share, in percent").fill("25");
  await page.getByLabel(/Even if it lacks/).check();
  await watched.check("deployment-ramp");
  await page.getByRole("dialog").getByRole("button", { name: "Ramp", exact: true }).click();
  await page.getByText("2.0, 25 %").waitFor();
  await page.getByRole("button", { name: "Make current 2.0" }).click();
  await page.getByLabel(/Even if it lacks/).check();
  await page.getByRole("button", { name: "Make it current" }).click();
  await page.getByRole("row").filter({ hasText: "1.0" }).getByText("Draining").waitFor();
  await page.getByRole("button", { name: "Delete 3.0" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "3.0", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "2.0", exact: true }).click();
  await page.getByText("Its task queues").waitFor();
  await watched.check("deployment");
  await watched.close();
});

test("the cluster shows what it is and what it does, as it does it", options, async () => {
  for (const theme of ["light", "dark"] as const) {
    const watched = await openPage(stage, theme);
    const { page } = watched;
    await page.goto("/cluster");
    await page.getByText("Serving").waitFor();
    const transitions = page.getByRole("region", { name: "Transitions" });
    await transitions.getByText(/\d\/s/).first().waitFor();
    // The server has kept what was before the page was opened; with a second rate there is a line to see.
    await transitions.locator(".plot:not([data-points='0']):not([data-points='1']) canvas").waitFor();
    const waiting = page.getByRole("region", { name: "Tasks that wait for a worker" });
    await waiting.locator("b").filter({ hasText: /\d/ }).waitFor();
    await page.getByLabel("Show the last").selectOption({ label: "5 minutes" });
    await watched.check(`cluster-${theme}`);
    await transitions.locator(".u-over").hover();
    await transitions.getByText(/\d:\d\d:\d\d/).waitFor();
    await watched.close();
  }
});

test("pages whose server does not answer say so beside what they have, and go on by themselves", options, async () => {
  const context = await stage.browser.newContext({ baseURL: stage.origin });
  // Nine pages at once take their time on a busy machine.
  context.setDefaultTimeout(120_000);
  const pages = [
    ["/namespaces/default/task-queues", "Task queues"],
    ["/namespaces/default/batch-operations", "Batch operations"],
    ["/namespaces/default/deployments", "Worker deployments"],
    ["/namespaces/default/search-attributes", "Search attributes"],
    ["/namespaces/default/schedules", "Schedules"],
    ["/namespaces/default/task-queues/any", "any"],
    ["/namespaces", "Namespaces"],
    ["/nexus", "Nexus endpoints"],
    ["/cluster", "Cluster"],
  ] as const;
  const opened = await Promise.all(
    pages.map(async ([path, title]) => {
      const page = await context.newPage();
      await page.goto(path);
      await page.getByRole("heading", { name: title, level: 1 }).waitFor();
      await page
        .getByText(/^Loading/)
        .first()
        .waitFor({ state: "detached" });
      return page;
    }),
  );
  const alerts = opened.map((page) => page.getByRole("alert").getByText("this is how it was last seen").first());
  await context.setOffline(true);
  await Promise.all(alerts.map((alert) => alert.waitFor()));
  await context.setOffline(false);
  await Promise.all(alerts.map((alert) => alert.waitFor({ state: "detached" })));
  await context.close();
});
