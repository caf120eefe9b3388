/** The command line that a form shows, run by a shell as if it had been copied. */
import assert from "node:assert/strict";
import { parseCommand } from "pawl/parsed-command";
import type { Page } from "playwright-core";
import { main, runCommand } from "../cli/command-line.ts";
import type { Stage } from "./stage.ts";

/** Each command line on the page is one that `pawl` takes; while the form lacks something, so may the line. */
export async function assertCommandsExist(page: Page): Promise<void> {
  for (const line of await page.locator(".command code").allInnerTexts()) {
    const { stdout } = await runCommand("sh", ["-c", `pawl() { printf '%s\\0' "$@"; }; ${line}`]);
    const words = stdout.split("\0").slice(0, -1);
    const isUnfinished = (await page.locator("form :is(input, select, textarea):invalid").count()) > 0;
    await parseCommand(words).catch(({ message }: Error) => {
      if (!isUnfinished || !/^pawl .* needs -/.test(message)) assert.fail(`${line}\n${message}`);
    });
  }
}

/** What it printed. Fails with what it said if it did not succeed. */
export async function runShown({ server }: Stage, page: Page): Promise<string> {
  const line = await page.locator(".command code").innerText();
  assert.match(line, /^pawl /);
  const script = `pawl() { "${process.execPath}" "${main}" "$@"; }; ${line}`;
  const { code, stdout, stderr } = await runCommand("sh", ["-c", script], { PAWL_ADDRESS: server.address });
  assert.equal(code, 0, `${line}\n${stderr}`);
  return stdout;
}

/** Whether it is still there or has gone with what it was about, which the command line has ended. */
export async function closeDialog(page: Page): Promise<void> {
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
}
