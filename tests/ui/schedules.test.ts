/** Schedules made and changed in the browser: by the form, and as JSON. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Locator } from "playwright-core";
import { hostile } from "./hostile.ts";
import { runShown } from "./shown-command.ts";
import { openPage, options, useStage } from "./stage.ts";

const stage = useStage();

interface Described {
  readonly schedule: {
    readonly spec: { readonly interval?: unknown; readonly structuredCalendar?: readonly { comment?: string }[] };
    readonly action: { readonly startWorkflow: { readonly workflowId: string; readonly input?: unknown } };
    readonly policies: { readonly overlapPolicy: string };
    readonly state: { readonly notes?: string };
  };
  readonly info: { readonly actionCount?: string };
}

async function described(scheduleId: string): Promise<Described> {
  const response = await fetch(`${stage.origin}/api/v1/namespaces/default/schedules/${scheduleId}`);
  return (await response.json()) as Described;
}

/** What the editor holds: it draws what is in sight first, and the rest a moment later. */
async function wholeJson(editor: Locator): Promise<string> {
  for (;;) {
    const text = await editor.innerText();
    if (isJson(text)) return text;
    await editor.page().waitForTimeout(20);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test(
  "a schedule is made with the form, seen on its days, changed as calendar and as JSON, and made up for",
  options,
  async () => {
    const watched = await openPage(stage);
    const { page } = watched;
    await page.goto("/namespaces/default/schedules");
    await page.getByRole("link", { name: "Create a schedule" }).click();
    await page.getByLabel("Schedule id").fill("reports");
    await page.getByLabel("Workflow type").fill("Report");
    await page.getByLabel("Task queue").fill("reports");
    await page.getByLabel("Input, as JSON").fill(`{"note": ${JSON.stringify(hostile)}}`);
    await page.getByLabel("Every, line 1").fill("often");
    await page.getByRole("button", { name: "+ By a cron string" }).click();
    await page.getByLabel("Cron string, line 2").fill("0 5 * * *");
    await page.getByLabel("When the workflow before still runs").selectOption("BUFFER_ONE");
    await page.getByLabel("Notes").fill(hostile);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("alert").getByText("“often” is no span of time").waitFor();
    await watched.check("schedule-create");
    await page.getByLabel("Every, line 1").fill("6h");
    await runShown(stage, page);
    const byCommand = (await described("reports")).schedule;
    await stage.client.schedule.getHandle("reports").delete();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: "reports" }).waitFor();
    const made = await described("reports");
    assert.deepEqual(byCommand, made.schedule, "the command line that is shown makes the same");
    assert.deepEqual(made.schedule.spec.interval, [{ interval: "21600s" }]);
    assert.deepEqual(made.schedule.action.startWorkflow.input, [{ note: hostile }]);
    assert.equal(made.schedule.policies.overlapPolicy, "SCHEDULE_OVERLAP_POLICY_BUFFER_ONE");
    const strip = page.getByRole("region", { name: "Next two weeks" });
    // Four of the interval and one of the cron string on a whole day.
    await strip.getByText("and 1 more").first().waitFor();
    await watched.check("schedule-strip");

    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Remove line 2" }).click();
    await page.getByRole("button", { name: "Remove line 1" }).click();
    await page.getByText("It acts only when somebody triggers it.").waitFor();
    await page.getByRole("button", { name: "+ At times of a calendar" }).click();
    await page.getByLabel("Hour, line 1").fill("7");
    await page.getByRole("button", { name: "Edit as JSON" }).click();
    const json = page.getByLabel("The schedule, as JSON");
    const text = await wholeJson(json);
    assert.match(text, /"hour": "7"/);
    await json.fill(text.replace(/"notes": ".*"/, '"notes": "changed by hand"'));
    await watched.check("schedule-json");
    await page.getByRole("button", { name: "Back to the form" }).click();
    assert.equal(await page.getByLabel("Notes").inputValue(), "changed by hand");
    assert.equal(await page.getByLabel("Day of the week, line 1").inputValue(), "1-5");
    await page.getByLabel("Hour, line 1").fill("99");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText(/hour/i).waitFor();
    await page.getByLabel("Hour, line 1").fill("8");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("changed by hand", { exact: true }).waitFor();
    const changed = await described("reports");
    assert.equal(changed.schedule.spec.interval, undefined);
    assert.equal(changed.schedule.spec.structuredCalendar?.length, 1);
    assert.deepEqual(changed.schedule.action.startWorkflow.input, [{ note: hostile }]);

    await page.getByRole("button", { name: "Backfill" }).click();
    await page.getByLabel("From, in your time").fill("2026-01-05T00:00");
    await page.getByLabel("To", { exact: true }).fill("2026-01-06T23:00");
    await page.getByText("pawl schedule backfill").waitFor();
    await watched.check("schedule-backfill");
    await page.getByRole("dialog").getByRole("button", { name: "Backfill" }).click();
    await page
      .getByRole("link", { name: /^reports-workflow-/ })
      .first()
      .waitFor();
    await watched.close();
  },
);

test(
  "a change of what somebody else has changed meanwhile is refused, and nothing is lost of what was typed",
  options,
  async () => {
    await stage.client.schedule.create({
      scheduleId: "shared",
      spec: { intervals: [{ every: "24 hours" }] },
      action: { type: "startWorkflow", workflowType: "T", workflowId: "w", taskQueue: "q", args: [] },
    });
    const watched = await openPage(stage, "dark");
    const { page } = watched;
    await page.goto("/namespaces/default/schedules/shared/edit");
    await page.getByLabel("Notes").fill("mine");
    await stage.client.schedule.getHandle("shared").pause("theirs");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("Somebody else has changed it").waitFor();
    assert.equal(await page.getByLabel("Notes").inputValue(), "mine");
    assert.equal((await described("shared")).schedule.state.notes, "theirs");
    await watched.check("schedule-edit-dark");
    await watched.close();
  },
);
