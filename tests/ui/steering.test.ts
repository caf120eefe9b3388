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
    await page.locator(".stack").getByText("waits until () => approver").waitFor();
    await page.getByLabel("Query", { exact: true }).fill("state");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByText('"order": "Ada"').waitFor();
    await page.getByLabel("Query", { exact: true }).fill("nothing");
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

const longEvents = 50_000;

/** A stream as the server writes it, of a history that would take long to make. */
function longHistory(runId: string): string {
  const events = [];
  for (let id = 1; id <= longEvents; id++) {
    const eventTime = new Date(Date.parse("2026-01-01T00:00:00Z") + id * 1_000).toISOString();
    const started = { eventType: "EVENT_TYPE_TIMER_STARTED", timerStartedEventAttributes: { timerId: `timer-${id}` } };
    const fired = {
      eventType: "EVENT_TYPE_TIMER_FIRED",
      timerFiredEventAttributes: { startedEventId: String(id - 1) },
    };
    const event = { eventId: String(id), eventTime, ...(id % 2 === 1 ? started : fired) };
    events.push(`id: ${runId}:${id}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  return `${events.join("")}event: end\ndata: {}\n\n`;
}

/** Keeps the duration of the longest task of the page, which is for how long it did not answer. */
const watchTasks = `
  globalThis.longestMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration);
  }).observe({ type: "longtask", buffered: true });
`;

test("a history of 50,000 events is read, scrolled and searched without a freeze", options, async (t) => {
  const handle = await stage.client.workflow.start(approval, { workflowId: "long", taskQueue, args: ["x"] });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.route("**/workflows/long/history**", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: longHistory(handle.firstExecutionRunId) }),
  );
  await page.addInitScript(watchTasks);
  await page.goto("/namespaces/default/workflows/long");
  await page.getByText("50,000 events").waitFor();
  const rows = page.getByRole("region", { name: "Timeline" });
  for (let i = 1; i <= 20; i++) {
    await rows.evaluate((element, share) => element.scrollTo(0, element.scrollHeight * share), i / 20);
    await page.evaluate("new Promise(requestAnimationFrame)");
  }
  await page.getByText("timer-49999").waitFor();
  assert.ok((await page.locator(".rows-item").count()) < 100);
  const longestMs = Number(await page.evaluate("longestMs"));
  t.diagnostic(`longest task while reading and scrolling: ${Math.round(longestMs)} ms`);
  assert.ok(longestMs < 2_000, `${longestMs} ms`);
  await page.getByLabel("Search the history").fill("timer-31415");
  await page.locator(".group").getByText("timer-31415").waitFor();
  await watched.check("long");
  await stage.client.workflow.getHandle("long").terminate();
  await watched.close();
});
