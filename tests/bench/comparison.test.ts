import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { figures, goalsOf, type Measurements, median, type Section, sectionsOf, timerSections } from "./comparison.ts";
import type { IdleResult } from "./idle.ts";
import { type PeerSample, peerGoals, peerSection } from "./peers.ts";
import type { Sample } from "./scenario.ts";
import { goalOf, sdkScenarios, sectionOf } from "./sdk-comparison.ts";

const spread = { count: 1, p50: 8, p90: 9, p99: 10, max: 11 };

function sample(workflowsPerSecond: number, options: Partial<Sample> = {}): Sample {
  return {
    report: {
      workflowsPerSecond,
      latencyMs: spread,
      startMs: spread,
      totalWorkflows: 100,
      perWorkflow: { historyLength: 11, stateTransitions: 0 },
      clientCpuSeconds: 0.1,
    },
    serverCpuSeconds: 0.2,
    serverThreads: {},
    rssBytes: 1e8,
    otherCpuSeconds: 0,
    seconds: 10,
    probe: undefined,
    ...options,
  };
}

const probe = {
  commits: 450,
  commitMs: 45,
  loopDelayMs: { p50: 0, p99: 1, max: 2 },
  loopUtilization: 0.5,
  heapUsedBytes: 1,
  externalBytes: 1,
};

function row(section: Section | undefined, metric: string) {
  const found = section?.rows.find((each) => each.metric === metric);
  assert.ok(found, `no row ${metric}`);
  return found;
}

describe("medians", () => {
  test("of an odd count is the middle value, whatever the order", () => assert.equal(median([30, 10, 20]), 20));
  test("of an even count lies between the two in the middle", () => assert.equal(median([40, 10, 20, 30]), 25));
  test("of nothing is null, not 0", () => assert.equal(median([]), null));
});

describe("sections", () => {
  const samples = new Map([
    [
      "throughput",
      { pawl: [sample(500, { probe }), sample(300, { probe }), sample(400, { probe })], reference: [sample(40)] },
    ],
  ]);
  const [section] = sectionsOf({ samples, idle: new Map(), failures: new Map(), timers: {} }, 2);

  test("more per second is better, less milliseconds are better", () => {
    assert.equal(row(section, "workflows").timesBetter, 10);
    assert.equal(row(section, "server CPU per workflow").timesBetter, 1);
  });
  test("a number that only one server has is compared with nothing", () => {
    assert.deepEqual(row(section, "commits per workflow"), {
      metric: "commits per workflow",
      unit: "",
      pawl: 4.5,
      reference: null,
      timesBetter: null,
    });
  });
  test("a server that does not count its transitions has no cost per transition", () => {
    assert.equal(row(section, "server CPU per transition").pawl, null);
  });
  test("the disturbance is the worst sample's share of all cores", () => {
    const disturbed = new Map([
      ["throughput", { pawl: [sample(1), sample(1, { otherCpuSeconds: 5 })], reference: [] }],
    ]);
    assert.equal(
      sectionsOf({ samples: disturbed, idle: new Map(), failures: new Map(), timers: {} }, 2)[0]?.disturbance,
      0.25,
    );
  });
});

describe("goals", () => {
  const idle: IdleResult = {
    workflows: 100_000,
    coldStartMs: 400,
    startsPerSecond: 500,
    startP99Ms: 100,
    emptyRssBytes: 1e8,
    rssBytes: 599e6,
    restedRssBytes: 400e6,
    firstOkMs: 900,
    firstWriteMs: 5_100,
    rssAfterRestartBytes: 1e8,
  };
  const met = (
    workflowsPerSecond: number,
    idleResult: IdleResult | undefined,
    { pending = idleResult, timers = {} }: { pending?: IdleResult | undefined; timers?: Measurements["timers"] } = {},
  ) => {
    const results = new Map<string, { pawl?: IdleResult }>();
    if (idleResult) results.set("open-idle", { pawl: idleResult });
    if (pending) results.set("open-pending", { pawl: pending });
    const samples = new Map([["throughput", { pawl: [sample(workflowsPerSecond)], reference: [sample(40)] }]]);
    const sections = sectionsOf({ samples, idle: new Map(), failures: new Map(), timers: {} }, 2);
    return goalsOf(sections, { idle: results, timers }).map((goal) => goal.met);
  };
  test("are met, missed, or not measured", () => {
    assert.deepEqual(met(400, idle), [true, null, null, true, false, null, null, null, null, null, false]);
    assert.deepEqual(met(399, undefined), [false, null, null, null, null, null, null, null, null, null, null]);
  });
  test("for 100,000 open workflows are not judged by fewer", () => {
    const few = { ...idle, workflows: 10_000 };
    assert.deepEqual(met(400, few).slice(3), [null, null, null, null, null, null, null, null]);
    assert.deepEqual(met(400, idle, { pending: { ...idle, rssBytes: 400e6 } }).slice(3, 5), [true, true]);
  });
});

describe("timers", () => {
  const timers = { timers: 100_000, firedMs: 19_000, lateP99Ms: 18_000, early: 0, serverCpuSeconds: 9, rssBytes: 1e8 };
  const nothing = { samples: new Map(), idle: new Map(), failures: new Map() };
  const metBy = (pawl: typeof timers) =>
    goalsOf([], { idle: new Map(), timers: { pawl } }).find(({ goal }) => goal.includes("timers"))?.met;

  test("must all fire in time and none early, and a few prove nothing", () => {
    assert.equal(metBy(timers), true);
    assert.equal(metBy({ ...timers, firedMs: 20_001 }), false);
    assert.equal(metBy({ ...timers, early: 1 }), false);
    assert.equal(metBy({ ...timers, timers: 5_000 }), null);
  });
  test("of one server are compared with nothing", () => {
    const [section] = timerSections({ ...nothing, timers: { pawl: timers } });
    assert.equal(row(section, "timers fired").pawl?.toFixed(0), "5263");
    assert.equal(row(section, "timers fired").timesBetter, null);
    assert.deepEqual(timerSections({ ...nothing, timers: {} }), []);
  });
});

describe("the SDK beside the official one", () => {
  const [one, , create] = sdkScenarios;
  const numbers = (perCpuSecond: number) => ({ perCpuSecond, perSecond: 1 });

  test("is judged by the medians and by how many times better they are", () => {
    const section = sectionOf(one!, { pawl: [numbers(900), numbers(800), numbers(100)], official: [numbers(200)] });
    assert.deepEqual([section.rows[0]?.pawl, section.rows[0]?.timesBetter], [800, 4]);
    assert.deepEqual(goalOf(one!, section).met, true);
    assert.equal(goalOf(one!, sectionOf(one!, { pawl: [numbers(799)], official: [numbers(200)] })).met, false);
    assert.equal(goalOf(one!, sectionOf(one!, { pawl: [numbers(799)], official: [] })).met, null);
    assert.equal(goalOf(create!, sectionOf(create!, { pawl: [{ ms: 400 }], official: [{ ms: 10 }] })).met, true);
  });
});

describe("peers", () => {
  const workload = { name: "peers-one-50", about: "", steps: 1, concurrency: 50 };
  const systems = ["pawl", "reference", "restate", "dbos"].map((name) => ({ name, about: "" }));
  const of = (workflowsPerSecond: number, p50Ms = 1): PeerSample => ({
    ...{ workflowsPerSecond, p50Ms, p99Ms: 2, cpuMsPerWorkflow: 3, serverMemoryMb: 4 },
  });
  const section = peerSection(
    workload,
    systems,
    new Map([
      ["pawl", [of(500, 7), of(400, 9), of(300, 8)]],
      ["reference", [of(16), null]],
      ["restate", [of(201)]],
      ["dbos", [null]],
    ]),
  );

  test("are compared by medians, each number for itself, and failures are counted", () => {
    const [pawl, reference, , dbos] = section.rows;
    assert.deepEqual(pawl?.median, { ...of(400, 8) });
    assert.deepEqual([reference?.pawlTimesFaster, reference?.failed, reference?.samples.length], [25, 1, 1]);
    assert.deepEqual([dbos?.median, dbos?.pawlTimesFaster, dbos?.failed], [null, null, 1]);
  });
  test("have goals that are met, missed, or not measured", () => {
    assert.deepEqual(
      peerGoals([section]).map(({ met }) => met),
      [true, false, null],
    );
    assert.deepEqual(
      peerGoals([]).map(({ met }) => met),
      [null, null, null],
    );
  });
});

test("figures are short where the number is long", () => {
  assert.deepEqual([0.126, 12.34, 123.4, 12_345.6].map(figures), ["0.13", "12.3", "123", "12,346"]);
});
