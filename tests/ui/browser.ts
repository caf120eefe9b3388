/** A real Chromium, which comes in a package, and what every page that it opens is watched for. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import chromium from "@sparticuz/chromium";
import { type Browser, type Page, chromium as playwright } from "playwright-core";
import { repository } from "../rig/toolchain.ts";
import { assertCommandsExist } from "./shown-command.ts";

/** Why there is no browser here, if there is none: the package holds one for Linux on x64. On CI there has to be one. */
export const noBrowser =
  process.env["CI"] === "true" || (process.platform === "linux" && process.arch === "x64")
    ? false
    : `no browser for ${process.platform} on ${process.arch}`;

const pictures = join(repository, ".cache/ui-pictures");
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export async function openBrowser(): Promise<Browser> {
  mkdirSync(pictures, { recursive: true });
  // One process for all would not survive a page that is closed early; and pages are as shut off from others as everywhere.
  const unwanted = /^--(single-process|no-zygote|disable-web-security|allow-running-insecure-content)/;
  const args = chromium.args.filter((arg) => !unwanted.test(arg));
  // With the locale of a bare machine, pages would be told a language that is none.
  const env = { ...process.env, LANG: "en_US.UTF-8", LC_ALL: "en_US.UTF-8" } as Record<string, string>;
  return playwright.launch({ executablePath: await chromium.executablePath(), args, headless: true, env });
}

/** A page, and all that must never happen on it. */
export class WatchedPage {
  readonly page: Page;
  readonly #troubles: string[] = [];

  private constructor(page: Page, origins: readonly string[]) {
    this.page = page;
    page.on("pageerror", ({ message }) => this.#troubles.push(`error: ${message}`));
    page.on("dialog", (dialog) => {
      this.#troubles.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) this.#troubles.push(message.text());
    });
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (!origins.includes(origin) && protocol !== "blob:") this.#troubles.push(`asked ${request.url()}`);
    });
  }

  /** `alsoAsks`: the one other origin that it may speak to. */
  static async open(
    browser: Browser,
    origin: string,
    colorScheme: "light" | "dark" = "light",
    alsoAsks: string = origin,
  ): Promise<WatchedPage> {
    const context = await browser.newContext({ baseURL: origin, colorScheme, viewport: { width: 1280, height: 900 } });
    // What takes a moment takes its time on a busy machine.
    context.setDefaultTimeout(90_000);
    return new WatchedPage(await context.newPage(), [origin, alsoAsks]);
  }

  /**
   * Nothing that was shown has run, nothing broke, nothing was asked of anybody else, every command line that is shown is one of `pawl`, and axe
   * finds no serious barrier. Leaves a picture.
   */
  async check(name: string): Promise<void> {
    await this.page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    assert.deepEqual(this.#troubles, []);
    await assertCommandsExist(this.page);
    assert.equal(await this.page.evaluate(() => (globalThis as { hacked?: unknown }).hacked), undefined);
    // The page's own policy lets nothing be added to it; the debugger's protocol may.
    const session = await this.page.context().newCDPSession(this.page);
    const source = await import("node:fs/promises").then(({ readFile }) => readFile(axe, "utf8"));
    await session.send("Runtime.evaluate", { expression: source });
    const found = await this.page.evaluate(async () => {
      const { violations } = await (
        globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
      ).axe.run();
      return violations.map(({ id, impact, nodes }) => ({
        id,
        impact,
        html: nodes.slice(0, 3).map(({ html }) => html),
      }));
    });
    assert.deepEqual(
      found.filter(({ impact }) => impact === "serious" || impact === "critical"),
      [],
    );
    await session.detach();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly args?: { readonly name?: string };
  /** Processor time, µs. */
  readonly tdur?: number;
}

/**
 * The tasks of the page's main thread while something is done, by their processor time, as the browser's own trace tells it: the time of day would say
 * how busy this machine is.
 */
export async function taskTimesMs(page: Page, what: () => Promise<void>): Promise<number[]> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel"] });
  await what();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const isMainName = ({ name, args }: TraceEvent) => name === "thread_name" && args?.name === "CrRendererMain";
  const mains = new Set(traceEvents.filter(isMainName).map(threadOf));
  const tasks = traceEvents.filter((event) => /RunTask$/.test(event.name) && mains.has(threadOf(event)));
  const timesMs = tasks.map(({ tdur = 0 }) => tdur / 1_000);
  assert.ok(
    timesMs.some((ms) => ms > 0),
    "the trace tells no processor time",
  );
  return timesMs;
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}
