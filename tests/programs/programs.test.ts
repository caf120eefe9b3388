/**
 * Made-up programs are played on Pawl and on the reference server, which must answer all their requests alike and write the same histories.
 *
 * `PAWL_PROGRAMS=500` plays more of them, `PAWL_PROGRAMS_SEED=7` others; `PAWL_PROGRAMS=7:12` plays the twelfth of seed 7 alone.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { preparePython } from "../rig/python.ts";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { Connection } from "../stories/connection.ts";
import { differences } from "../stories/difference.ts";
import { knownAs } from "../stories/known-differences.ts";
import { play, type Recorded, type Story } from "../stories/story.ts";
import { playProgram } from "./player.ts";
import { type Program, program } from "./program.ts";

const [first = "200", only] = (process.env["PAWL_PROGRAMS"] ?? "").split(":").filter((part) => part !== "");
const seed = Number(only === undefined ? (process.env["PAWL_PROGRAMS_SEED"] ?? 1) : first);
const count = only === undefined ? Number(first) : Number(only) + 1;
const sideBySide = 16;
const shownMax = 12;

const python = await preparePython();

describe(`${only ?? count} programs of seed ${seed} are answered alike by Pawl and the reference server`, {
  concurrency: sideBySide,
  skip: "skipped" in python ? python.skipped : false,
}, () => {
  const servers: RunningServer[] = [];
  const connections: Connection[] = [];
  before(async () => {
    // One after the other: when the second does not start, the first is there to be ended.
    for (const start of [startReference, startPawl]) servers.push(await start());
    for (const { address } of servers) connections.push(await Connection.open(address));
  });
  after(async () => {
    for (const connection of connections) connection.close();
    await Promise.all(servers.map((server) => server.kill9()));
  });

  const programs = fc.sample(program, { seed, numRuns: count });
  for (const [number, each] of programs.entries()) {
    if (only !== undefined && number !== Number(only)) continue;
    test(`program ${seed}:${number}`, async () => {
      const playOnce = async (again: string) => {
        const story = storyOf(`${seed}-${number}${again}`, each);
        const [expected, actual] = await Promise.all(connections.map((connection) => play(story, connection)));
        return differing(story, expected!, actual!);
      };
      let found = await playOnce("");
      // What the reference server answers depends on the pace of the machine: a difference must show when the program is played alone, too.
      for (const again of ["-again", "-once-more"]) if (found.length > 0) found = await alone(() => playOnce(again));
      if (found.length > 0) assert.fail(`\n${found.slice(0, shownMax).join("\n")}`);
    });
  }
});

/** What programs may show that no story does. */
const alsoKnown: readonly RegExp[] = [
  // A run that continues as new within a second of its start makes the next one wait: how long depends on the pace of the program.
  /\.firstWorkflowTaskBackoff: /,
];

let last: Promise<unknown> = Promise.resolve();

/** One after the other. */
function alone<T>(act: () => Promise<T>): Promise<T> {
  const acted = last.then(act, act);
  last = acted.catch(() => undefined);
  return acted;
}

function storyOf(number: string, each: Program): Story {
  const name = `program-${number}`;
  return { name, sentence: name, script: (s) => playProgram(s, each) };
}

function differing({ name }: Story, expected: readonly Recorded[], actual: readonly Recorded[]): string[] {
  if (expected.at(-1)?.["threw"] !== undefined) return ["the reference server was not asked to the end"];
  return differences(expected, actual)
    .map((line) => {
      const index = Number(/^\.(\d+)/.exec(line)?.[1]);
      return `${expected[index]?.["call"] ?? actual[index]?.["call"] ?? ""}${line}`;
    })
    .filter((line) => knownAs(name, line) === undefined && !alsoKnown.some((known) => known.test(line)));
}
