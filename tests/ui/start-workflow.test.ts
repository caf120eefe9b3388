/** Workflows that are started in the browser, and the command lines that forms show, run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { enums } from "@pawl/protocol";
import { hostile } from "./hostile.ts";
import { closeDialog, runShown } from "./shown-command.ts";
import { newWorker, openPage, options, taskQueue, useStage } from "./stage.ts";
import { approval } from "./workflows.ts";

const stage = useStage();

test("a workflow is started from a form, and another one like it", options, async () => {
  const { client, connection } = stage;
  const searchAttributes = { Customer: enums.IndexedValueType.KEYWORD };
  await connection.workflowService.addSearchAttributes({ namespace: "default", searchAttributes });
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/");
  await page.getByRole("link", { name: "Start a workflow" }).click();
  await page.getByLabel("Workflow type").fill("approval");
  await page.getByLabel("Workflow id").fill("from-the-page");
  await page.getByLabel("Task queue").fill(taskQueue);
  await page.getByLabel("Argument 1, as JSON").fill("Ada");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/not valid JSON/)
    .waitFor();
  // What replaces an underlined mistake has nothing of its look, which `check` would see.
  await page.locator(".cm-lintRange-error").waitFor();
  await page.getByLabel("Argument 1, as JSON").fill(JSON.stringify(hostile));
  await page.getByText("Timeouts and times").click();
  await page.getByLabel("Run timeout").fill("24h");
  await page.getByText("Memo, search attributes, summary").click();
  await page.getByLabel("Memo, as a JSON object").fill('{"note": ["a", 1]}');
  await page.getByLabel("Search attributes, as a JSON object").fill('{"Customer": "Ada"}');
  await page.getByLabel("Summary, one line for people").fill("for the test");
  await watched.check("start-workflow");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/workflows\/from-the-page\/[0-9a-f-]{36}$/);
  await page.getByRole("region", { name: "Summary" }).getByText("for the test").waitFor();
  const handle = client.workflow.getHandle("from-the-page");
  const described = await handle.describe();
  assert.deepEqual([described.type, described.memo], ["approval", { note: ["a", 1] }]);
  const { events } = await handle.fetchHistory();
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  assert.equal(Number(started?.workflowRunTimeout?.seconds), 86_400);
  assert.deepEqual(Object.keys(started?.searchAttributes?.indexedFields ?? {}), ["Customer"]);
  await page.getByRole("link", { name: "Start one like it" }).click();
  await page.getByRole("heading", { name: "Start one like from-the-page" }).waitFor();
  assert.equal(await page.getByLabel("Workflow type").inputValue(), "approval");
  assert.equal(await page.getByLabel("Argument 1, as JSON").innerText(), JSON.stringify(hostile));
  assert.notEqual(await page.getByLabel("Workflow id").inputValue(), "from-the-page");
  await page.getByLabel("Workflow id").fill("like-it");
  await watched.check("start-like");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/workflows\/like-it\//);
  assert.deepEqual((await client.workflow.getHandle("like-it").describe()).memo, { note: ["a", 1] });
  for (const id of ["from-the-page", "like-it"]) await client.workflow.getHandle(id).terminate();
  await watched.close();
});

test("an id that is taken is refused in words, unless the form says otherwise", options, async () => {
  const handle = await stage.client.workflow.start(approval, { workflowId: "taken", taskQueue, args: ["x"] });
  const watched = await openPage(stage, "dark");
  const { page } = watched;
  await page.goto(`/namespaces/default/start-workflow?taskQueue=${taskQueue}`);
  assert.equal(await page.getByLabel("Task queue").inputValue(), taskQueue);
  await page.getByLabel("Workflow type").fill("approval");
  await page.getByLabel("Workflow id").fill("taken");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/already/i)
    .waitFor();
  await watched.check("start-refused-dark");
  await page.getByText("If there is one of this id").click();
  await page.getByLabel("When it runs").selectOption("Terminate the one that runs");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/workflows\/taken\/[0-9a-f-]{36}$/);
  const now = await stage.client.workflow.getHandle("taken").describe();
  assert.notEqual(now.runId, handle.firstExecutionRunId);
  await stage.client.workflow.getHandle("taken").terminate();
  await watched.close();
});

test("the command lines that are shown do the same when they are run", options, async () => {
  const { client } = stage;
  const watched = await openPage(stage);
  const { page } = watched;
  await page.goto("/namespaces/default/start-workflow");
  await page.getByLabel("Workflow type").fill("approval");
  await page.getByLabel("Workflow id").fill("by-command");
  await page.getByLabel("Task queue").fill(taskQueue);
  await page.getByLabel("Argument 1, as JSON").fill(`"it's $HOME \`id\`"`);
  await page.getByText("Memo, search attributes, summary").click();
  await page.getByLabel("Memo, as a JSON object").fill('{"note": "two words"}');
  await page.getByText("If there is one of this id").click();
  await page.getByLabel("When it runs").selectOption("Use the one that runs");
  await runShown(stage, page);
  const handle = client.workflow.getHandle("by-command");
  assert.deepEqual((await handle.describe()).memo, { note: "two words" });
  const worker = await newWorker(stage);
  await worker.runUntil(async () => {
    await page.goto("/namespaces/default/workflows/by-command");
    await page.getByText("It waits for a signal").waitFor();
    await page.getByRole("button", { name: "Reset" }).click();
    await page.getByLabel("Reason").fill("once more, with feeling");
    await page.getByText(/--event-id \d+/).waitFor();
    await runShown(stage, page);
    await closeDialog(page);
    await page.goto("/namespaces/default/workflows/by-command");
    await page.getByRole("button", { name: "Signal" }).click();
    await page.getByRole("combobox", { name: "Name", exact: true }).fill("approve");
    await page.getByLabel("Input, as JSON").fill('"Grace"');
    await runShown(stage, page);
    assert.deepEqual(await handle.result(), { greeting: "Hello, it's $HOME `id`!", approver: "Grace" });
  });
  for (const [verb, status] of [
    ["Cancel", "Running"],
    ["Terminate", "Terminated"],
  ] as const) {
    await client.workflow.start(approval, { workflowId: `to-${verb}`, taskQueue, args: ["x"] });
    await page.goto(`/namespaces/default/workflows/to-${verb}`);
    await page.getByRole("button", { name: verb }).click();
    await page.getByLabel("Reason").fill(hostile);
    await runShown(stage, page);
    const { events } = await client.workflow.getHandle(`to-${verb}`).fetchHistory();
    assert.ok(JSON.stringify(events).includes("globalThis.hacked"), "the reason is kept as it was");
    await closeDialog(page);
    await page.getByText(status, { exact: true }).first().waitFor();
  }
  await client.workflow.getHandle("to-Cancel").terminate();
  await page.goto('/namespaces/default/workflows?query=WorkflowId STARTS_WITH "to-"');
  await page.getByLabel("Choose all of this page").check();
  await page.getByRole("region", { name: "Chosen workflows" }).getByRole("button", { name: "Delete" }).click();
  await page.getByLabel("Reason").fill("test");
  await page.getByText("2 workflows").waitFor();
  await runShown(stage, page);
  await page.getByText("0 workflows").waitFor();
  await watched.close();
});

test(
  "JSON is edited by keys alone: brackets, a mark where it goes wrong, undo, and Tab leads on",
  options,
  async () => {
    for (const theme of ["light", "dark"] as const) {
      const watched = await openPage(stage, theme);
      const { page } = watched;
      await page.goto("/namespaces/default/start-workflow");
      const editor = page.getByLabel("Argument 1, as JSON");
      const isInEditor = () => editor.evaluate((element) => element.matches(":focus"));
      await editor.focus();
      await page.keyboard.type('{"amount": [1, true, "a"');
      assert.equal(await editor.innerText(), '{"amount": [1, true, "a"]}');
      await page.keyboard.press("Home");
      await page.locator(".cm-matchingBracket").first().waitFor();
      assert.equal(await page.locator(".cm-matchingBracket").count(), 2);
      await page.keyboard.press("End");
      await page.keyboard.press("Enter");
      // All at once, so that it is undone at once, however long the keys take.
      await page.keyboard.insertText("oh");
      await page.locator(".cm-lintRange-error, .cm-lintPoint-error").first().waitFor();
      assert.match(await page.getByText(/^This is not valid JSON/).innerText(), /Text stands in double quotes/);
      assert.equal(await editor.getAttribute("aria-invalid"), "true");
      // Typed over a mistake: without its look, which `check` would see.
      await page.keyboard.press("Control+a");
      await page.keyboard.insertText("why");
      assert.equal(await editor.innerText(), "why");
      await page.keyboard.press("Control+z");
      await watched.check(`json-editor-${theme}`);
      await page.keyboard.press("Control+z");
      await page.getByText(/^This is not valid JSON/).waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Format Argument 1, as JSON" }).click();
      await editor.locator(".cm-line").nth(5).waitFor();
      assert.match(await editor.innerText(), /^\{\n {2}"amount": \[\n {4}1,/);
      await editor.focus();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Tab");
      assert.equal(await isInEditor(), false);
      await page.keyboard.press("Shift+Tab");
      assert.equal(await isInEditor(), true);
      await watched.close();
    }
  },
);
