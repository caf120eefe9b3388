import assert from "node:assert/strict";
import { test } from "node:test";
import { barChart } from "./bar-chart.ts";
import { chartsOf } from "./charts.ts";
import { peerSection } from "./peers.ts";

test("bars are as long as their values, and texts do no harm", () => {
  const bars = [
    { name: "a", value: 50, isOurs: true },
    { name: "b", value: 200, isOurs: false },
  ];
  const svg = barChart({ title: '<script>"&', under: ["here"], groups: [{ name: "g", bars }] });
  const lengths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, length]) => Number(length));
  assert.deepEqual(lengths, [130, 520]);
  assert.ok(svg.includes("&lt;script&gt;&quot;&amp;") && !svg.includes("<script>"));
});

test("there is a picture of rates, one of latencies and one of CPU, with every system that was measured", () => {
  const sample = { workflowsPerSecond: 321, p50Ms: 4.5, p99Ms: 9, cpuMsPerWorkflow: 6.7, serverMemoryMb: 8 };
  const systems = ["pawl", "restate", "dbos"].map((name) => ({ name, about: "" }));
  const results = new Map([
    ["pawl", [sample]],
    ["restate", [sample]],
    ["dbos", [null]],
  ]);
  const machine = { cores: 2, cpu: "a processor", memoryGb: 1, platform: "p", node: "n", syncP50Ms: 1, loadAverage: 0 };
  const peers = [peerSection({ name: "peers-one", about: "one step", steps: 1, concurrency: 1 }, systems, results)];
  const charts = chartsOf({
    ...{ machine, at: "2030-01-02T03:04:05Z", quick: false, rounds: 3, sections: [], peers, goals: [] },
  });
  assert.deepEqual(
    charts.map(({ name }) => name),
    ["peers-rate", "peers-latency", "peers-cpu"],
  );
  for (const [at, value] of ["321", "4.5", "6.7"].entries()) {
    const { svg } = charts[at]!;
    assert.ok(
      [`>${value}<`, ">pawl<", ">restate<", "one step", "a processor", "2030-01-02"].every((part) =>
        svg.includes(part),
      ),
      svg,
    );
    assert.ok(!svg.includes(">dbos<"));
  }
});

test("a picture shows how far each scenario is from the reference, when it was measured beside it", () => {
  const machine = { cores: 2, cpu: "a processor", memoryGb: 1, platform: "p", node: "n", syncP50Ms: 1, loadAverage: 0 };
  const row = { metric: "workflows", unit: "/s", pawl: 400, reference: 32, timesBetter: 12.5 };
  const section = {
    ...{ about: "", rows: [row], pawlThreads: {}, disturbance: 0, failed: { pawl: 0, reference: 0 } },
  };
  const sections = [
    { scenario: "throughput", ...section },
    { scenario: "sdk-one", against: "official", ...section },
  ];
  const charts = chartsOf({
    ...{ machine, at: "2030-01-02T03:04:05Z", quick: false, rounds: 3, sections, peers: [], goals: [] },
  });
  assert.deepEqual(
    charts.map(({ name }) => name),
    ["reference"],
  );
  assert.ok(charts[0]!.svg.includes(">throughput<") && charts[0]!.svg.includes(">12.5<"));
  assert.ok(!charts[0]!.svg.includes("sdk-one"));
});
