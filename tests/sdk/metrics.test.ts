/** A worker's metrics, as an operator's dashboards read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Runtime } from "@pawl/sdk/worker";
import { newId, newWorker, useTarget } from "./target.ts";
import * as workflows from "./workflows.ts";

const runtime = Runtime.install({
  telemetryOptions: { metrics: { prometheus: { bindAddress: "127.0.0.1:0" }, attachServiceName: false } },
});
const target = useTarget();

test("every part of a worker is counted and timed", async () => {
  const worker = await newWorker(target, { maxConcurrentActivityTaskExecutions: 7 });
  const { taskQueue } = worker.options;
  const text = await worker.runUntil(async () => {
    const { workflow } = target.client;
    await workflow.execute(workflows.greeting, { workflowId: newId(), taskQueue, args: ["x"] });
    await assert.rejects(workflow.execute(workflows.failure, { workflowId: newId(), taskQueue }));
    const response = await fetch(`http://${await runtime.metricsAddress()}/metrics`);
    return await response.text();
  });
  const value = (name: string, ...tags: string[]) => {
    const lines = text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) && tags.every((tag) => line.includes(tag)));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
  const queue = `task_queue="${taskQueue}"`;
  assert.equal(value("temporal_worker_start", queue), 1);
  assert.equal(value("temporal_workflow_completed", queue, 'workflow_type="greeting"'), 1);
  assert.equal(value("temporal_workflow_failed", queue, 'workflow_type="failure"'), 1);
  assert.equal(value("temporal_workflow_endtoend_latency_count", queue), 2);
  assert.ok(value("temporal_workflow_task_execution_latency_count", queue) >= 2);
  assert.ok(value("temporal_workflow_task_schedule_to_start_latency_count", queue) >= 2);
  assert.ok(value("temporal_workflow_task_queue_poll_succeed", queue) >= 2);
  assert.ok(value("temporal_activity_execution_latency_count", queue) >= 2);
  assert.ok(value("temporal_activity_execution_failed", queue) >= 1);
  assert.equal(value("temporal_worker_task_slots_available", queue, 'worker_type="ActivityWorker"'), 7);
  assert.equal(value("temporal_num_pollers", queue, 'poller_type="activity_task"'), 5);
  assert.ok(value("temporal_request", 'operation="StartWorkflowExecution"', 'namespace="default"') >= 2);
  assert.ok(value("temporal_request_latency_count", 'operation="RespondWorkflowTaskCompleted"') >= 2);
  assert.ok(value("temporal_long_request", 'operation="PollActivityTaskQueue"') >= 1);
});
