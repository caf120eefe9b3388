/** A server that asks who calls, in the browser: signing in, doing something, signing out. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client, Connection } from "@pawl/sdk/client";
import { authFileText, makeApiKey } from "@pawl/server";
import type { Browser } from "playwright-core";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { openBrowser, WatchedPage } from "./browser.ts";
import { options } from "./stage.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-sign-in-"));
const file = join(folder, "auth.json");
const { text: key, id, hash } = makeApiKey();
let server: RunningServer;
let browser: Browser;
let origin: string;

before(async () => {
  if (options.skip) return;
  const apiKeys = [{ id, name: "ada", hash, permissions: ["default:writer"] }];
  writeFileSync(file, authFileText({ apiKeys, certificates: [] }));
  server = await startPawl({ args: ["--ui-port", "0", "--auth-file", file] });
  origin = /web UI on (http:\/\/[\d.:]+)/.exec(server.logs())![1]!;
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true });
});

test("nothing is shown before a key is, and what its owner may do can be done then", options, async () => {
  const connection = await Connection.connect({ address: server.address, tls: false, apiKey: key });
  const client = new Client({ connection });
  await client.workflow.start("Waits", { workflowId: "mine", taskQueue: "nobody" });
  await connection.close();

  const watched = await WatchedPage.open(browser, origin);
  const { page } = watched;
  await page.goto("/namespaces/default/workflows");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByText("mine").count(), 0);
  await page.getByLabel("API key or token").fill(makeApiKey().text);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("the API key is not known").waitFor();
  await watched.check("sign-in");
  await page.getByLabel("API key or token").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "mine", exact: true }).first().click();
  const stored = (await page.evaluate(
    "JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])",
  )) as string;
  assert.ok(!stored.includes(key) && !stored.includes("pawl-session"), "no script can read it");

  // Something that changes the workflow needs the session's proof, which nobody notices.
  await page.getByRole("button", { name: "Terminate" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Terminate" }).click();
  await page.getByText("Terminated").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await watched.close();
});
