import assert from "node:assert/strict";
import { test } from "node:test";
import { resetPoints } from "./reset-points.ts";

const event = (id: number, type: string) => ({ eventId: String(id), eventTime: "", eventType: `EVENT_TYPE_${type}` });

test("a run can be reset to each end of a workflow task, the latest first", () => {
  const points = resetPoints([
    event(1, "WORKFLOW_EXECUTION_STARTED"),
    event(2, "WORKFLOW_TASK_SCHEDULED"),
    event(3, "WORKFLOW_TASK_STARTED"),
    event(4, "WORKFLOW_TASK_COMPLETED"),
    event(5, "TIMER_STARTED"),
    event(6, "TIMER_FIRED"),
    event(7, "WORKFLOW_TASK_SCHEDULED"),
    event(8, "WORKFLOW_TASK_TIMED_OUT"),
  ]);
  assert.deepEqual(points, [
    { eventId: "8", label: "event 8, after timer fired" },
    { eventId: "4", label: "event 4, after workflow execution started" },
  ]);
});

test("of very many, the first and the latest are offered", () => {
  const points = resetPoints(Array.from({ length: 1_000 }, (_, i) => event(i + 1, "WORKFLOW_TASK_COMPLETED")));
  assert.deepEqual([points.length, points[0]?.eventId, points.at(-1)?.eventId], [200, "1000", "1"]);
});
