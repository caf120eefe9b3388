/** What every page shows while it waits for the server, when there is nothing, when the server refuses, when it has gone, and when it is back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { openPage, useStage, options as usual } from "./stage.ts";
import { approval } from "./workflows.ts";

const stage = useStage();
const root = "/namespaces/default";
/** Twenty pages at once are slow where a machine has other things to do. */
const options = { ...usual, timeout: 300_000 };
const waitMs = 120_000;

/** Each with what its heading says. The things that they show are made below. */
const pages: readonly (readonly [path: string, heading: string])[] = [
  [`${root}/workflows`, "Workflows"],
  [`${root}/workflows/shown`, "shown"],
  [`${root}/activities`, "Activities"],
  [`${root}/activities/shown`, "shown"],
  [`${root}/pending-activities`, "Pending activities"],
  [`${root}/inbox`, "Inbox"],
  [`${root}/schedules`, "Schedules"],
  [`${root}/schedules/shown`, "shown"],
  [`${root}/batch-operations`, "Batch operations"],
  [`${root}/batch-operations/shown`, "shown"],
  [`${root}/workers`, "Workers"],
  [`${root}/workers/shown`, "shown"],
  [`${root}/deployments`, "Worker deployments"],
  [`${root}/deployments/shown`, "shown"],
  [`${root}/task-queues`, "Task queues"],
  [`${root}/task-queues/shown`, "shown"],
  [`${root}/search-attributes`, "Search attributes"],
  ["/namespaces", "Namespaces"],
  ["/nexus", "Nexus endpoints"],
  ["/cluster", "Cluster"],
];

/** Read once, for a form, and asked for again by a button. */
const forms: readonly (readonly [path: string, heading: string])[] = [
  [`${root}/start-workflow?like=shown`, "Start one like shown"],
  [`${root}/schedules/shown/edit`, "Edit shown"],
];

let made: Promise<void> | undefined;

/** Whichever test comes first makes them. */
function things(): Promise<void> {
  made ??= makeThings();
  return made;
}

async function makeThings(): Promise<void> {
  const { client, connection } = stage;
  const { workflowService } = connection;
  await client.workflow.start(approval, { workflowId: "shown", taskQueue: "shown", args: ["x"] });
  await workflowService.startActivityExecution({
    ...{ namespace: "default", activityId: "shown", activityType: { name: "A" }, taskQueue: { name: "shown" } },
    startToCloseTimeout: { seconds: 600 },
  });
  await client.schedule.create({
    scheduleId: "shown",
    spec: { intervals: [{ every: "24 hours" }] },
    action: { type: "startWorkflow", workflowType: "T", workflowId: "w", taskQueue: "q", args: [] },
  });
  await workflowService.startBatchOperation({
    ...{ namespace: "default", jobId: "shown", reason: "test", visibilityQuery: "WorkflowId = 'nobody'" },
    cancellationOperation: { identity: "test" },
  });
  await workflowService.createWorkerDeployment({ namespace: "default", deploymentName: "shown" });
  await workflowService.recordWorkerHeartbeat({
    namespace: "default",
    workerHeartbeat: [{ workerInstanceKey: "shown", workerIdentity: "shown", taskQueue: "shown" }],
  });
}

/** All in one context, which can be cut off. */
async function opened(context: BrowserContext, some: typeof pages): Promise<Page[]> {
  context.setDefaultTimeout(waitMs);
  return Promise.all(
    some.map(async ([path]) => {
      const page = await context.newPage();
      await page.goto(path);
      return page;
    }),
  );
}

/** Of all pages at once; names those for which it does not come true. */
async function everywhere(
  some: typeof pages,
  all: readonly Page[],
  check: (page: Page, at: number) => Promise<unknown>,
) {
  const outcomes = await Promise.allSettled(all.map(check));
  const failed = some.filter((_, at) => outcomes[at]?.status === "rejected").map(([path]) => path);
  assert.deepEqual(failed, [], String(outcomes.find((outcome) => outcome.status === "rejected")?.reason));
}

const headed = (page: Page, name: string) => page.getByRole("heading", { name, level: 1 }).waitFor();

test(
  "each page shows what it has beside what went wrong, and goes on by itself when the server is back",
  options,
  async () => {
    await things();
    const context = await stage.browser.newContext({ baseURL: stage.origin });
    // A batch that has ended is not asked for any more.
    const some = pages.filter(([path]) => !path.endsWith("/batch-operations/shown"));
    const all = await opened(context, some);
    await everywhere(some, all, async (page, at) => {
      await headed(page, some[at]![1]);
      await page.getByText(/^Loading/).waitFor({ state: "detached" });
      assert.equal(await page.getByRole("alert").count(), 0);
    });
    const stale = (page: Page) => page.getByText("this is how it was last seen").first();
    await context.setOffline(true);
    await everywhere(some, all, async (page, at) => {
      await stale(page).waitFor();
      await headed(page, some[at]![1]);
    });
    await context.setOffline(false);
    await everywhere(some, all, (page) => stale(page).waitFor({ state: "detached" }));
    await context.close();
  },
);

test("each page says that it waits, then that the server has gone, and has all when it is back", options, async () => {
  await things();
  const context = await stage.browser.newContext({ baseURL: stage.origin });
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  let isBack = false;
  await context.route("**/api/**", async (route) => {
    await answered;
    await (isBack ? route.continue() : route.abort());
  });
  const some = [...pages, ...forms];
  const all = await opened(context, some);
  await everywhere(some, all, (page) =>
    page
      .getByText(/^Loading/)
      .first()
      .waitFor(),
  );
  answer();
  const gone = (page: Page) => page.getByText(/Disconnected|The server does not answer/).first();
  await everywhere(some, all, (page) => gone(page).waitFor());
  isBack = true;
  await everywhere(some, all, async (page, at) => {
    // A form's page is read once, so that nobody's typing is lost.
    if (at >= pages.length) await page.getByRole("button", { name: "Try again" }).click();
    await headed(page, some[at]![1]);
    await gone(page).waitFor({ state: "detached" });
  });
  await context.close();
});

test("what is not there is said to be so, with why and where to go", options, async () => {
  const watched = await openPage(stage, "dark");
  const { page } = watched;
  for (const [path, what, list] of [
    ["workflows/none-such", "workflow none-such", "Workflows"],
    [`workflows/none-such/${crypto.randomUUID()}`, "run", "Its latest run"],
    ["start-workflow?like=none-such", "workflow none-such", "Workflows"],
    ["activities/none-such", "standalone activity none-such", "Activities"],
    ["schedules/none-such", "schedule none-such", "Schedules"],
    ["schedules/none-such/edit", "schedule none-such", "Schedules"],
    ["batch-operations/none-such", "batch operation none-such", "Batch operations"],
    ["workers/none-such", "worker none-such", "Workers"],
    ["deployments/none-such", "worker deployment none-such", "Worker deployments"],
  ] as const) {
    await page.goto(`${root}/${path}`);
    const notice = page.getByRole("alert");
    await notice.getByRole("heading", { name: `There is no ${what}` }).waitFor();
    await notice.getByRole("link", { name: list, exact: true }).waitFor();
  }
  await page.goto(`${root}/workflows/none-such`);
  await page.getByText("It was never started").waitFor();
  await watched.check("not-found-dark");
  await page.goto("/namespaces/nowhere/workflows");
  const notice = page.getByRole("alert");
  await notice.getByRole("heading", { name: "There is no namespace nowhere" }).waitFor();
  await notice.getByText("pawl operator namespace create --namespace nowhere").waitFor();
  await watched.check("no-such-namespace");
  await notice.getByRole("link", { name: "default" }).click();
  await page.getByRole("heading", { name: "Workflows", level: 1 }).waitFor();
  await notice.waitFor({ state: "detached" });
  await page.goto("/nothing/is/here");
  await page.getByText("There is no such page").waitFor();
  await watched.check("no-such-page");
  await watched.close();
});
