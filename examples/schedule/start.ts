import { setTimeout as delay } from "node:timers/promises";
import { Client, Connection, type ScheduleHandle } from "@pawl/sdk/client";
import { address } from "../address.ts";
import { report } from "./workflows.ts";

const scheduleId = process.argv[2] ?? `reports-${Date.now()}`;

const client = new Client({ connection: await Connection.connect({ address }) });
const schedule = await client.schedule.create({
  scheduleId,
  spec: { intervals: [{ every: "1 second" }] },
  action: { type: "startWorkflow", workflowType: report, taskQueue: "schedule", args: ["sales"] },
  // A report that is not done in time lets the next one wait, and no second one behind it.
  policies: { overlap: "BUFFER_ONE", catchupWindow: "1 hour" },
});
console.log(`${scheduleId}: every second`);
await untilTaken(schedule, 2);

await schedule.pause("that was enough");
// What was missed while there was no schedule: one action for each hour of a morning.
await schedule.update((previous) => ({ ...previous, spec: { intervals: [{ every: "1 hour" }] } }));
const [start, end] = [new Date("2026-01-05T08:30:00Z"), new Date("2026-01-05T11:30:00Z")];
const { numActionsTaken } = (await schedule.describe()).info;
await schedule.backfill({ start, end, overlap: "ALLOW_ALL" });
const { info, state } = await untilTaken(schedule, numActionsTaken + 3);
console.log(`paused: ${state.note}; ${info.numActionsTaken} reports in all, the last three backfilled:`);
for (const { action } of info.recentActions.slice(-3)) {
  const { workflowId, firstExecutionRunId } = action.workflow;
  console.log(await client.workflow.getHandle(workflowId, firstExecutionRunId).result());
}
await schedule.delete();
await client.connection.close();

async function untilTaken(schedule: ScheduleHandle, count: number) {
  for (;;) {
    const description = await schedule.describe();
    if (description.info.numActionsTaken >= count) return description;
    await delay(100);
  }
}
