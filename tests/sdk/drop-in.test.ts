/**
 * One program, both SDKs, both servers: every scenario of the compat program on this SDK against Pawl and against the reference server, and on the
 * official one against the reference server (against Pawl it is a test of `tests/compat`). Then each SDK replays what workers of the other have done.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { all, scenariosWithinMs } from "../compat/languages.ts";
import { afterwards } from "../compat/sentences.ts";
import { prepareNode } from "../rig/node.ts";
import { preparePython } from "../rig/python.ts";
import { ScenarioRun } from "../rig/scenarios.ts";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { type MovedProgram, movedProgram } from "./drop-in.ts";

const { sentences } = all.find(({ name }) => name === "TypeScript")!;
const replay = Object.keys(afterwards);

/** Those end otherwise where nobody gets a turn for a second or two, as on a machine with much else to do; or they take long. */
const onDemand = new Set([
  ...["activity-timeouts", "heartbeat-resume", "auto-heartbeat", "deadline-aware", "cancellation-types", "rate-limit"],
  ...["local-activity-long", "query-while-busy", "big-history", "polling"],
  ...["seed-progress", "seed-cancellation", "seed-batch"],
]);
/** `PAWL_DROP_IN=all`: these, too. */
const isAll = process.env["PAWL_DROP_IN"] === "all";
const names = Object.keys(sentences).filter((name) => !(name in afterwards) && (isAll || !onDemand.has(name)));

const official = await prepareNode();
const reference = await preparePython();
const skippedOfficial = "skipped" in official && official.skipped;
const skippedReference = "skipped" in reference && reference.skipped;

let moved: MovedProgram;
const servers: { pawl?: RunningServer; reference?: RunningServer } = {};

type ServerName = keyof typeof servers;
type SdkName = "this SDK" | "the official SDK";
const serverNames = { pawl: "Pawl", reference: "the reference server" } as const satisfies Record<ServerName, string>;

before(async () => {
  moved = await movedProgram();
  servers.pawl = await startPawl();
  if (!skippedReference) servers.reference = await startReference();
});

after(async () => {
  await Promise.all([servers.pawl?.stop(), servers.reference?.stop()]);
  await moved[Symbol.asyncDispose]();
});

/** The reference server deletes 15 to 30 seconds later: what waits for that is asked last, while the next programs run. */
const isLate = (name: string) => name === "delay-and-delete";

const combinations = [
  { sdk: "the official SDK", server: "reference", skipped: skippedOfficial || skippedReference },
  { sdk: "this SDK", server: "reference", skipped: skippedReference },
  { sdk: "this SDK", server: "pawl", skipped: false },
] as const;

function startRun(sdk: SdkName, server: ServerName, scenarios: readonly string[]): ScenarioRun {
  const program = sdk === "this SDK" ? moved.program : "tool" in official && official.tool.scenarios;
  assert.ok(program);
  return new ScenarioRun(program, scenarios, servers[server]!.address);
}

const runs = combinations.map(({ sdk, server, skipped }) => {
  const of = `${sdk}, ${serverNames[server]}`;
  let run: ScenarioRun;

  const holds = (name: string) =>
    test(`${of}: ${sentences[name]}`, { timeout: scenariosWithinMs }, async () => {
      const { ok, error } = await run.outcome(name);
      assert.ok(ok, error);
    });

  describe(`${sdk} against ${serverNames[server]}`, { skip: skipped }, () => {
    before(() => {
      run = startRun(sdk, server, names);
    });
    for (const name of names) if (!isLate(name)) holds(name);
  });

  const end = () =>
    describe(`${sdk} against ${serverNames[server]}, in the end`, { skip: skipped }, () => {
      after(() => run.kill());
      for (const name of names) if (isLate(name)) holds(name);

      test(`${of}: the program ends well`, { timeout: scenariosWithinMs }, async () => {
        assert.equal(await run.ended(), 0, run.output());
      });
    });
  return { end };
});

for (const { end } of runs) end();

for (const sdk of ["this SDK", "the official SDK"] as const) {
  const options = { skip: skippedOfficial || skippedReference, timeout: scenariosWithinMs };
  test(`${sdk} replays what workers of both have done`, options, async (t) => {
    const run = startRun(sdk, "reference", replay);
    t.after(() => run.kill());
    for (const name of replay) {
      const { ok, error } = await run.outcome(name);
      assert.ok(ok, error);
    }
  });
}

test("the program's types are this SDK's too", async () => {
  await moved.check();
});
