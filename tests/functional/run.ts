/**
 * `npm run functional [-- TestXSuite TestYSuite/TestPart]`: the functional tests of the reference server against Pawl, all of them or those of these names.
 * Ends with 1 when one fails that `known.ts` does not name. `--reference`: against the reference's development server, to see what can pass at all with
 * its settings. `--list` prints the names, `--once` tries nothing again that failed. Each suite's output stays in a folder of its own.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort, type ServerOptions, startPawl, startReference } from "../rig/server.ts";
import { type FunctionalTests, prepareFunctionalTests } from "./build.ts";
import { whyKnown } from "./known.ts";
import { runSuite, type Server, suiteNames } from "./suite.ts";

/** Their callbacks and Nexus endpoints are on this machine. */
const callsHere = ["--call-outside", "http://localhost:*", "--call-outside", "http://127.0.0.1:*"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reference: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    once: { type: "boolean", default: false },
    limit: { type: "string", default: "600" },
  },
});
const limitSeconds = Number(values.limit);
if (!(limitSeconds > 0)) throw new Error("--limit wants the seconds that a suite may take");

const prepared = await prepareFunctionalTests();
if ("skipped" in prepared) throw new Error(`the functional tests are written in Go: ${prepared.skipped}`);
const tests = prepared.tool;
const names = positionals.length > 0 ? positionals : await suiteNames(tests);
if (values.list) console.log(names.join("\n"));
else await main(tests);

async function main(functional: FunctionalTests): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "pawl-functional-"));
  console.log(`output of each suite: ${folder}`);
  console.log(`${"".padEnd(60)} passed skipped  known failed`);
  const failures: string[] = [];
  const sum = { passed: 0, skipped: 0, known: 0, failed: 0 };
  for (const name of names) {
    const counts = await suite(functional, name, folder, failures);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
    console.log(row(name, counts));
  }
  console.log(row("all", sum));
  for (const failure of failures) console.log(`✖ ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

type Counts = Readonly<Record<"passed" | "skipped" | "known" | "failed", number>>;

function row(name: string, { passed, skipped, known, failed }: Counts): string {
  return `${name.padEnd(60)} ${[passed, skipped, known, failed].map((count) => String(count).padStart(6)).join(" ")}`;
}

/** A fresh server for each suite: some count what is there. */
async function suite(functional: FunctionalTests, name: string, folder: string, failures: string[]): Promise<Counts> {
  const httpPort = await freePort();
  const options: ServerOptions = { args: ["--http-port", String(httpPort), ...(values.reference ? [] : callsHere)] };
  const running = await (values.reference ? startReference(options) : startPawl(options));
  const server: Server = { grpc: running.address, http: `127.0.0.1:${httpPort}` };
  const counts = { passed: 0, skipped: 0, known: 0, failed: 0 };
  try {
    const { outcomes, output } = await runSuite(functional, server, { name, limitSeconds });
    await writeFile(join(folder, `${name.replaceAll("/", "-")}.log`), output);
    for (const [test, outcome] of outcomes) {
      if (outcome !== "failed") counts[outcome]++;
      else if (!values.reference && whyKnown(test) !== undefined) counts.known++;
      else if (!values.once && (await passesAlone(functional, server, test))) counts.passed++;
      else {
        counts.failed++;
        failures.push(test);
      }
    }
  } finally {
    await running.kill9();
  }
  return counts;
}

/** Many of them count on times that a busy machine does not keep. */
async function passesAlone(functional: FunctionalTests, server: Server, name: string): Promise<boolean> {
  const { outcomes } = await runSuite(functional, server, { name, limitSeconds });
  return outcomes.get(name) === "passed";
}
