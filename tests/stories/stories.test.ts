/**
 * Every story is played on Pawl and compared with what the reference server answered to the same requests. The reference's answers are kept in
 * `recorded/`; where the reference server is installed it is asked again, so that a recording cannot grow old.
 *
 * `PAWL_STORIES=record npm test -- tests/stories` writes the recordings anew; `PAWL_STORIES=part-of-a-name` plays some of the stories.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { preparePython } from "../rig/python.ts";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { activityAnswerStories } from "./activity-answer-stories.ts";
import { activityFailureStories } from "./activity-failure-stories.ts";
import { activityStories } from "./activity-stories.ts";
import { badInputStories } from "./bad-input-stories.ts";
import { badMessageStories } from "./bad-message-stories.ts";
import { computeConfigStories } from "./compute-config-stories.ts";
import { type Calls, Connection } from "./connection.ts";
import { controlStories } from "./control-stories.ts";
import { deploymentStories } from "./deployment-stories.ts";
import { differences } from "./difference.ts";
import { familyStories } from "./family-stories.ts";
import { FreshServer } from "./fresh-server.ts";
import { InMemory } from "./in-memory.ts";
import { knownAs, knownDifferences } from "./known-differences.ts";
import { limitStories } from "./limit-stories.ts";
import { nexusEndpointStories } from "./nexus-endpoint-stories.ts";
import { nexusStories } from "./nexus-stories.ts";
import { operatorStories } from "./operator-stories.ts";
import { Pace } from "./pace.ts";
import { workflowPauseStories } from "./pause-stories.ts";
import { queryStories } from "./query-stories.ts";
import { queueStories } from "./queue-stories.ts";
import { readRecording, writeRecording } from "./recording.ts";
import { resetNexusStories } from "./reset-nexus-stories.ts";
import { resetStories } from "./reset-stories.ts";
import { scheduleRuleStories } from "./schedule-rule-stories.ts";
import { scheduleStories } from "./schedule-stories.ts";
import { sizeStories } from "./size-stories.ts";
import { standaloneActivityOperatorStories } from "./standalone-activity-operator-stories.ts";
import { standaloneActivityRuleStories } from "./standalone-activity-rule-stories.ts";
import { standaloneActivityStories } from "./standalone-activity-stories.ts";
import { play, type Story } from "./story.ts";
import { timerStories } from "./timer-stories.ts";
import { updateStories } from "./update-stories.ts";
import { workflowStories } from "./workflow-stories.ts";

const [mode = "", wanted = mode === "record" ? "" : mode] = (process.env["PAWL_STORIES"] ?? "").split(":");
const recording = mode === "record";
const stories = [
  ...workflowStories,
  ...activityStories,
  ...activityAnswerStories,
  ...activityFailureStories,
  ...operatorStories,
  ...standaloneActivityStories,
  ...standaloneActivityOperatorStories(),
  ...standaloneActivityRuleStories(),
  ...timerStories,
  ...familyStories,
  ...queryStories,
  ...queueStories,
  ...updateStories,
  ...nexusStories,
  ...nexusEndpointStories,
  ...scheduleStories,
  ...scheduleRuleStories,
  ...deploymentStories,
  ...computeConfigStories,
  ...badInputStories,
  ...badMessageStories,
  ...controlStories,
  ...resetStories,
  ...resetNexusStories,
  ...workflowPauseStories,
  ...limitStories,
  ...sizeStories,
].filter(({ name }) => name.includes(wanted));
const sideBySide = 24;

const python = await preparePython();
const pace = new Pace();
after(() => pace.stop());

/** Stories of which the reference server does not tell what is recorded, as long as it has company. */
const unsettled: Story[] = [];

describe("the reference server", {
  concurrency: sideBySide,
  // Where Pawl keeps its state is nothing to the reference server.
  skip: "skipped" in python ? python.skipped : process.env["PAWL_TEST_DB_URL"] !== undefined,
}, () => {
  const server = running(startReference);
  // What the reference server answers depends on the pace of the machine, and on the order of Go's maps. A story whose answers are not those
  // recorded is told again, on a fresh server with less company.
  const fresh = new FreshServer(4);
  after(() => fresh.close());
  for (const each of stories) {
    test(each.sentence, async () => {
      const played = await play(each, server.connection());
      if (recording) {
        assert.deepEqual(played.at(-1)?.["threw"], undefined);
        return writeRecording(each.name, played);
      }
      const recorded = await readRecording(each.name);
      if (!isEqual(recorded, played) && !isEqual(recorded, await fresh.play(each))) unsettled.push(each);
    });
  }
});

// Once more, when everything else has ended: what still differs has grown old.
test("the reference server tells alone what it told otherwise in company", async (t) => {
  const alone = new FreshServer(1);
  t.after(() => alone.close());
  for (const each of unsettled)
    await t.test(each.sentence, async () => assertEqual(await readRecording(each.name), await alone.play(each)));
});

if (!recording) {
  const shown = new Set<unknown>();
  describe("Pawl answers as the reference server does", { concurrency: sideBySide }, () => {
    const server = running(startPawl);
    const fresh = new FreshServer(1, startPawl);
    after(() => fresh.close());
    for (const each of stories)
      test(each.sentence, () => asRecorded(each, server.connection(), shown, () => fresh.play(each)));
  });

  describe("so does the engine in memory, without a network", { concurrency: sideBySide }, () => {
    let server: InMemory | undefined;
    before(async () => {
      server = await InMemory.open();
    });
    after(() => server?.close());
    for (const each of stories) test(each.sentence, () => asRecorded(each, server!, new Set(), () => playAlone(each)));
  });

  test("every known difference is still there", {
    skip: wanted === "" ? false : "only some stories were played",
  }, () => {
    const gone = knownDifferences.filter((known) => !shown.has(known));
    assert.deepEqual(gone, []);
  });
}

test("every story has a name of its own", () => {
  assert.equal(new Set(stories.map(({ name }) => name)).size, stories.length);
});

/** A database has a pace of its own, which nothing here can tell. */
const isElsewhere = process.env["PAWL_TEST_DB_URL"] !== undefined;

/**
 * `shown` takes the known differences that the story shows. A story that differs while the machine stood still is told `again`, on a server of its
 * own: what it tells must not depend on the machine's pace.
 */
async function asRecorded(
  story: Story,
  calls: Calls,
  shown: Set<unknown>,
  again: () => Promise<Recording>,
): Promise<void> {
  const expected = await readRecording(story.name);
  const counts = (line: string) => {
    const known = knownAs(story.name, line);
    if (known) shown.add(known);
    return known === undefined;
  };
  const startedAtMs = performance.now();
  const actual = await play(story, calls);
  const differs = expected === undefined || found(expected, actual).some(counts);
  const isPaced = isElsewhere || pace.stalledSince(startedAtMs);
  assertEqual(expected, differs && isPaced ? await again() : actual, counts);
}

let alone: Promise<unknown> = Promise.resolve();

/** In memory, on a server of its own, one story after the other. */
function playAlone(story: Story): Promise<Recording> {
  const playing = alone.then(async () => {
    const server = await InMemory.open();
    return play(story, server).finally(() => server.close());
  });
  alone = playing.catch(() => undefined);
  return playing;
}

function running(startServer: () => Promise<RunningServer>) {
  let server: RunningServer | undefined;
  let connection: Connection | undefined;
  before(async () => {
    server = await startServer();
    connection = await Connection.open(server.address);
  });
  after(async () => {
    connection?.close();
    await server?.kill9();
  });
  return { connection: () => connection! };
}

type Recording = Awaited<ReturnType<typeof play>>;

function isEqual(recorded: Recording | undefined, played: Recording): boolean {
  return recorded !== undefined && differences(recorded, played).length === 0;
}

function assertEqual(
  expected: Recording | undefined,
  actual: Recording,
  counts: (line: string) => boolean = () => true,
): void {
  assert.ok(expected, "the story has no recording");
  const left = found(expected, actual).filter(counts);
  if (left.length > 0) assert.fail(`\n${left.slice(0, shownMax).join("\n")}`);
}

/** Each difference with the call it is in. */
function found(expected: Recording, actual: Recording): string[] {
  return differences(expected, actual).map((line) => {
    const [, index = ""] = /^\.(\d+)/.exec(line) ?? [];
    return `${expected[Number(index)]?.["call"] ?? actual[Number(index)]?.["call"] ?? ""}${line}`;
  });
}

const shownMax = 40;
