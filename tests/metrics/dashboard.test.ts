/** Every metric that the dashboard of docs/ queries is one that a server exports, with the labels that it is asked for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { answerTask, complete, namespace } from "../cli/worker.ts";
import { call } from "../rig/call.ts";
import { freePort, startPawl } from "../rig/server.ts";

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly targets: readonly { readonly expr: string }[];
}

const read = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), "utf8");
const { panels } = JSON.parse(read("grafana-dashboard.json")) as { readonly panels: readonly Panel[] };
/** Functions and words of the query language. */
const words = new Set(["sum", "by", "rate", "histogram_quantile", "le", "job"]);

/** Names in a query: those of metrics and those of labels. */
function namesIn(expr: string): { readonly metrics: readonly string[]; readonly labels: readonly string[] } {
  const labels = [...expr.matchAll(/by \(([^)]*)\)/g), ...expr.matchAll(/(\w+)(?:=~|!~|=|!=)"/g)].flatMap(
    ([, names = ""]) => names.split(",").map((name) => name.trim()),
  );
  const plain = expr.replaceAll(/\{[^}]*\}|by \([^)]*\)|\[[^\]]*\]/g, " ");
  const metrics = [...plain.matchAll(/[a-z_]{3,}/g)].map(([name]) => name).filter((name) => !words.has(name));
  return { metrics, labels: labels.filter((name) => !words.has(name)) };
}

test("each query of the dashboard finds its metric in what a server exports", async () => {
  const metricsPort = await freePort();
  const server = await startPawl({ args: ["--metrics-port", String(metricsPort)] });
  try {
    const workflowId = "measured";
    const named = { workflowType: { name: "T" }, taskQueue: { name: workflowId } };
    await call(server.address, "StartWorkflowExecution", { namespace, workflowId, requestId: "r", ...named });
    await answerTask(server.address, workflowId, [complete("ok")]);
    await assert.rejects(call(server.address, "DescribeNamespace", { namespace: "none" }));
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    for (const { title, description, targets } of panels) {
      assert.ok(description !== "", title);
      for (const { expr } of targets) {
        const { metrics, labels } = namesIn(expr);
        assert.ok(metrics.length > 0, expr);
        for (const metric of metrics) {
          const lines = text
            .split("\n")
            .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
          assert.ok(lines.length > 0, `${title}: ${metric} is not exported`);
          for (const label of labels)
            assert.ok(
              lines.some((line) => line.includes(`${label}="`)),
              `${title}: ${metric} has no label ${label}`,
            );
        }
      }
    }
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
    assert.equal(value("workflow_success"), 1);
    assert.equal(value("workflow_failed"), 0);
    assert.equal(value("workflow_schedule_to_close_latency_count"), 1);
    assert.equal(value("history_count_count"), 1);
    assert.ok(value("state_transition_count") >= 3);
    assert.ok(value("persistence_latency_sum") > 0);
    // The page about metrics names all of them.
    const page = read("operations.md");
    const exported = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = ""]) => name);
    assert.deepEqual(
      exported.filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  } finally {
    await server.stop();
  }
});
