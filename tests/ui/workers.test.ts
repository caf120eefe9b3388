/** Workers and task queues in the browser. */
import { test } from "node:test";
import { newWorker, openPage, options, taskQueue, useStage } from "./stage.ts";
import { approval } from "./workflows.ts";

const stage = useStage();

test("a queue without a worker shows what waits; its worker then appears, there and in the list", options, async () => {
  await stage.client.workflow.start(approval, { workflowId: "waits", taskQueue, args: ["x"] });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/workers");
  await page.getByText("No worker has said how it is").waitFor();
  await page.goto("/namespaces/default/workflows/waits");
  await page.getByRole("link", { name: "ui", exact: true }).click();
  await page.getByText("Tasks wait, and no worker asks for them.").waitFor();
  await watched.check("queue-without-worker");
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.getByRole("region", { name: "Workflow tasks" }).getByRole("table").waitFor();
    await page.getByRole("region", { name: "Activities" }).getByRole("table").waitFor();
    await watched.check("queue");
    await page.getByRole("link", { name: "Its workflows" }).click();
    await page.getByRole("link", { name: "waits" }).waitFor();
    await page.getByRole("link", { name: "Workers" }).click();
    await page.getByRole("row").getByText("Running").waitFor();
    await watched.check("workers");
    await page.locator("tbody").getByRole("link").first().click();
    await page
      .getByRole("region", { name: "Slots" })
      .getByRole("row")
      .filter({ hasText: "Local activities" })
      .waitFor();
    await watched.check("worker");
    await page.getByRole("link", { name: "Workers" }).first().click();
  });
  await page.getByRole("row").getByText("Stopping").waitFor();
  await watched.close();
});
