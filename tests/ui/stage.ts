/** What the browser tests of one file share: a server with its UI, a client, a browser. */
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@pawl/sdk/client";
import { Worker } from "@pawl/sdk/worker";
import type { Browser } from "playwright-core";
import { type RunningServer, startPawl } from "../rig/server.ts";
import * as activities from "./activities.ts";
import { noBrowser, openBrowser, WatchedPage } from "./browser.ts";

/** Seconds each on a quiet machine. */
export const options = { skip: noBrowser, timeout: 300_000 };
export const taskQueue = "ui";

/** A server whose UI is at `origin`. */
export async function startWithUi(args: readonly string[] = []): Promise<{ server: RunningServer; origin: string }> {
  const server = await startPawl({ args: ["--ui-port", "0", ...args] });
  return { server, origin: /web UI on (http:\/\/[\d.:]+)/.exec(server.logs())![1]! };
}

export interface Stage {
  server: RunningServer;
  origin: string;
  connection: Connection;
  client: Client;
  browser: Browser;
}

/** Filled before the first test of the file, closed after the last. `argsOf` gives further arguments of the server. */
export function useStage(argsOf: () => Promise<readonly string[]> = async () => []): Stage {
  const stage = {} as Stage;
  before(async () => {
    if (noBrowser) return;
    Object.assign(stage, await startWithUi(await argsOf()));
    stage.connection = await Connection.connect({ address: stage.server.address });
    stage.client = new Client({ connection: stage.connection });
    stage.browser = await openBrowser();
  });
  after(async () => {
    await stage.browser?.close();
    await stage.connection?.close();
    await stage.server?.stop();
  });
  return stage;
}

export function newWorker({ connection }: Stage): Promise<Worker> {
  const workflowsPath = fileURLToPath(new URL("./workflows.ts", import.meta.url));
  return Worker.create({ connection, taskQueue, workflowsPath, activities });
}

export function openPage({ browser, origin }: Stage, colorScheme?: "light" | "dark"): Promise<WatchedPage> {
  return WatchedPage.open(browser, origin, colorScheme);
}
