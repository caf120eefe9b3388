import assert from "node:assert/strict";
import { test } from "node:test";
import { enums } from "@pawl/protocol";
import { durationProblem, executionProblem, isLonger, priorityProblem, taskQueueProblem } from "./field-rules.ts";

test("a text's length is counted in bytes of UTF-8", () => {
  for (const [text, bytesMax, longer] of [
    ["", 0, false],
    ["abc", 3, false],
    ["abcd", 3, true],
    ["€", 3, false],
    ["€", 2, true],
    ["é".repeat(500), 1_000, false],
    ["é".repeat(501), 1_000, true],
    ["😀".repeat(250), 1_000, false],
    ["😀".repeat(251), 1_000, true],
  ] as const)
    assert.equal(isLonger(text, bytesMax), longer, `${text.slice(0, 8)} in ${bytesMax}`);
});

test("an execution names a workflow, and a run by its UUID or not at all", () => {
  for (const [execution, message] of [
    [undefined, "Execution is not set on request."],
    [{ workflowId: "", runId: "" }, "WorkflowId is not set on request."],
    [{ workflowId: "w", runId: "" }, undefined],
    [{ workflowId: "w", runId: "6a8d0e9c-58f2-4a3c-9d3c-0f8c5f5f7a11" }, undefined],
    [{ workflowId: "w", runId: "6A8D0E9C-58F2-4A3C-9D3C-0F8C5F5F7A11" }, undefined],
    [{ workflowId: "w", runId: "6a8d0e9c58f24a3c9d3c0f8c5f5f7a11" }, "Invalid RunId."],
    [{ workflowId: "w", runId: "run" }, "Invalid RunId."],
  ] as const)
    assert.equal(executionProblem(execution)?.message, message);
});

test("a sticky queue's normal queue is held to the same rules", () => {
  const { STICKY, NORMAL } = enums.TaskQueueKind;
  const reserved = "task queue name cannot start with reserved prefix /_sys/";
  assert.equal(taskQueueProblem({ name: "s", kind: STICKY, normalName: "/_sys/q" })?.message, reserved);
  assert.equal(taskQueueProblem({ name: "s", kind: STICKY, normalName: "" }), undefined); // old SDKs do not name it
  assert.equal(taskQueueProblem({ name: "s", kind: NORMAL, normalName: "/_sys/q" }), undefined);
});

test("a duration is negative when either of its parts is", () => {
  const isRefused = (seconds: number, nanos: number) => durationProblem("X", { seconds, nanos }) !== undefined;
  assert.deepEqual(
    [isRefused(0, 0), isRefused(1, 5), isRefused(-1, 0), isRefused(0, -1), isRefused(5, -1), isRefused(-1, 5)],
    [false, false, true, true, true, true],
  );
});

test("a fairness weight that is no number is refused", () => {
  const problem = priorityProblem({ priorityKey: 0, fairnessKey: "", fairnessWeight: Number.NaN });
  assert.equal(problem?.message, "must be greater than zero");
});
