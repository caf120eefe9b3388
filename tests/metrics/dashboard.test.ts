/** Every metric that the dashboard of docs/ queries is one that a server exports, with the labels that it is asked for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { answerTask, complete, failTask, namespace } from "../cli/worker.ts";
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

/** What {@link activitiesOfAllSorts} leaves behind. */
const expected = {
  ...{ activity_success: 1, activity_fail: 1, activity_cancel: 0, activity_timeout: 1 },
  ...{ activity_task_fail: 1, activity_heartbeat_count: 1, start_to_close_timeout: 1, heartbeat_timeout: 0 },
  ...{ schedule_to_start_timeout: 0, schedule_to_close_timeout: 0, failed_workflow_tasks: 1, workflow_task_timeout: 0 },
};

/** Activities on their own: one that completes after a heartbeat, one that fails, one whose worker is silent; and a workflow task that fails. */
async function activitiesOfAllSorts(address: string): Promise<void> {
  const taskQueue = { name: "alone" };
  const poll = (timeoutMs = 20_000) =>
    call(address, "PollActivityTaskQueue", { namespace, taskQueue, identity: "w" }, { timeoutMs });
  const start = (activityId: string, seconds: number) =>
    call(address, "StartActivityExecution", {
      ...{ namespace, activityId, requestId: activityId, activityType: { name: "A" }, taskQueue },
      ...{ startToCloseTimeout: { seconds, nanos: 0 }, retryPolicy: { maximumAttempts: 1 } },
    });
  await start("completes", 60);
  const { taskToken } = await poll();
  await call(address, "RecordActivityTaskHeartbeat", { namespace, taskToken });
  await call(address, "RespondActivityTaskCompleted", { namespace, taskToken });
  const failure = { message: "no", applicationFailureInfo: { type: "T" } };
  await start("fails", 60);
  await call(address, "RespondActivityTaskFailed", { namespace, taskToken: (await poll()).taskToken, failure });
  await start("is silent", 1);
  await poll();
  const ended = await call(
    address,
    "PollActivityExecution",
    { namespace, activityId: "is silent" },
    { timeoutMs: 20_000 },
  );
  assert.ok(ended.outcome);
  // Shorter than a server holds a poll, so that it is answered with nothing.
  assert.equal((await poll(2_500)).taskToken.length, 0);
  const named = { workflowType: { name: "T" }, taskQueue: { name: "breaks" } };
  await call(address, "StartWorkflowExecution", { namespace, workflowId: "breaks", requestId: "r", ...named });
  await failTask(address, "breaks", "a bug");
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
    await activitiesOfAllSorts(server.address);
    const later = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const counted = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(later)?.[1]);
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, counted(name)])), expected);
    assert.equal(counted('task_schedule_to_start_latency_count{task_type="activity"}'), 3);
    assert.equal(counted('poll_success{task_type="workflow"}'), 2);
    assert.equal(counted('poll_timeouts{task_type="activity"}'), 1);
    assert.equal(counted("persistence_errors"), 0);
    assert.ok(counted("event_blob_size_count") > 0 && counted("persistence_requests") > 0);
    assert.equal(
      counted("workflow_task_attempt_count"),
      counted('task_schedule_to_start_latency_count{task_type="workflow"}'),
    );
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
