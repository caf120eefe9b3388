/** The command line that a form shows, run by a shell as if it had been copied. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { main, runCommand } from "../cli/command-line.ts";
import type { Stage } from "./stage.ts";

/** What it printed. Fails with what it said if it did not succeed. */
export async function runShown({ server }: Stage, page: Page): Promise<string> {
  const line = await page.locator(".command code").innerText();
  assert.match(line, /^pawl /);
  const script = `pawl() { "${process.execPath}" "${main}" "$@"; }; ${line}`;
  const { code, stdout, stderr } = await runCommand("sh", ["-c", script], { PAWL_ADDRESS: server.address });
  assert.equal(code, 0, `${line}\n${stderr}`);
  return stdout;
}
