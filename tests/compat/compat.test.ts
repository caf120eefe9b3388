/**
 * Unmodified official SDKs against a server: Pawl's by default, the reference server with `PAWL_COMPAT_TARGET=reference`. `PAWL_COMPAT_LANGUAGES=go,java`
 * runs some languages only.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { prepareGo } from "../rig/go.ts";
import { prepareJava } from "../rig/java.ts";
import { prepareNode } from "../rig/node.ts";
import { preparePython } from "../rig/python.ts";
import { ScenarioRun, scenarioNames } from "../rig/scenarios.ts";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import type { Prepared, Program } from "../rig/toolchain.ts";
import { everyLanguage, onlyPython } from "./sentences.ts";

const target = process.env["PAWL_COMPAT_TARGET"] === "reference" ? "reference" : "pawl";
const chosen = process.env["PAWL_COMPAT_LANGUAGES"]?.split(",");
const startServer = target === "reference" ? startReference : startPawl;

interface Tool {
  readonly scenarios: Program;
  /** Checks what running the program does not: its types. */
  check?(): Promise<void>;
}

interface Language {
  readonly name: string;
  readonly sentences: Readonly<Record<string, string>>;
  prepare(): Promise<Prepared<Tool>>;
}

const languages: readonly Language[] = [
  { name: "Python", sentences: { ...everyLanguage, ...onlyPython }, prepare: preparePython },
  { name: "TypeScript", sentences: everyLanguage, prepare: prepareNode },
  { name: "Go", sentences: everyLanguage, prepare: prepareGo },
  { name: "Java", sentences: everyLanguage, prepare: prepareJava },
];

const preparedWithinMs = 900_000;
const scenariosWithinMs = 300_000;

describe(`official SDKs against ${target}`, () => {
  let folder: string;
  let server: RunningServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "compat-"));
    server = await startServer({ dbFilename: join(folder, "state.db") });
  });

  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  for (const { name, sentences, prepare } of languages) {
    const excluded = chosen && !chosen.includes(name.toLowerCase()) ? "not among PAWL_COMPAT_LANGUAGES" : false;

    describe(name, { skip: excluded }, () => {
      let skipped: string | undefined;
      let tool: Tool;
      let running: ScenarioRun | undefined;

      before(
        async () => {
          const prepared = await prepare();
          if ("skipped" in prepared) {
            skipped = prepared.skipped;
            return;
          }
          tool = prepared.tool;
          running = new ScenarioRun(tool.scenarios, Object.keys(sentences), server.address);
        },
        { timeout: preparedWithinMs },
      );

      after(() => running?.kill());

      for (const [scenario, sentence] of Object.entries(sentences)) {
        test(`${name}: ${sentence}`, { timeout: scenariosWithinMs }, async (t) => {
          if (!running) return t.skip(skipped);
          const { ok, error } = await running.outcome(scenario);
          assert.ok(ok, error);
        });
      }

      test(`${name}: its program has these scenarios and no others, and ends well`, async (t) => {
        if (!running) return t.skip(skipped);
        assert.deepEqual((await scenarioNames(tool.scenarios)).sort(), Object.keys(sentences).sort());
        assert.equal(await running.ended(), 0, running.output());
        await tool.check?.();
      });
    });
  }
});
