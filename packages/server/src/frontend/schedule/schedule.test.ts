import assert from "node:assert/strict";
import { test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import { InProcess, jsonPayloads, taskQueue } from "../in-process.ts";

const completed = {
  commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: { result: jsonPayloads("done") },
};

function createRequest(scheduleId: string, more: Init<RequestOf<"CreateSchedule">> = {}) {
  const startWorkflow = { workflowId: scheduleId, workflowType: { name: "Report" }, taskQueue };
  return {
    scheduleId,
    schedule: { spec: { interval: [{ interval: { seconds: 60 } }] }, action: { startWorkflow } },
    ...more,
  };
}

test("a schedule starts a workflow when its time comes, and knows when that has ended", async () => {
  const server = await InProcess.open();
  await server.ask("CreateSchedule", createRequest("each minute"));
  await server.clock.advance(60_000);
  const task = await server.pollWorkflowTask();
  assert.match(task.workflowExecution!.workflowId, /^each minute-\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/);
  const running = await server.ask("DescribeSchedule", { scheduleId: "each minute" });
  assert.deepEqual(running.info?.runningWorkflows, [task.workflowExecution]);
  await server.complete(task, { commands: [completed] });
  const { info } = await server.ask("DescribeSchedule", { scheduleId: "each minute" });
  assert.deepEqual([info?.actionCount, info?.runningWorkflows], [1, []]);
  assert.equal(info?.recentActions[0]?.startWorkflowStatus, enums.WorkflowExecutionStatus.COMPLETED);
  const listed = await server.ask("ListWorkflowExecutions", { query: "TemporalScheduledById = 'each minute'" });
  assert.equal(listed.executions.length, 1);
  assert.deepEqual(server.faults, []);
});

test("schedules are listed and counted by filters, apart from workflows of the same ids", async () => {
  const server = await InProcess.open();
  await server.start("one");
  for (const id of ["one", "two", "three"]) await server.ask("CreateSchedule", createRequest(id));
  await server.ask("PatchSchedule", { scheduleId: "two", patch: { pause: "later" } });
  const ids = async (query: string) =>
    (await server.ask("ListSchedules", { query })).schedules.map(({ scheduleId }) => scheduleId).sort();
  assert.deepEqual(await ids(""), ["one", "three", "two"]);
  assert.deepEqual(await ids("TemporalSchedulePaused = true"), ["two"]);
  assert.deepEqual(await ids("ScheduleId STARTS_WITH 't'"), ["three", "two"]);
  assert.equal((await server.ask("CountSchedules", { query: "TemporalSchedulePaused = false" })).count, 2);
  const first = await server.ask("ListSchedules", { maximumPageSize: 2 });
  const { nextPageToken } = first;
  const second = await server.ask("ListSchedules", { maximumPageSize: 2, nextPageToken });
  assert.deepEqual([first.schedules.length, second.schedules.length, second.nextPageToken.length], [2, 1, 0]);
  assert.equal((await server.ask("ListWorkflowExecutions", {})).executions.length, 1);
  await server.ask("DeleteSchedule", { scheduleId: "two" });
  assert.deepEqual(await ids(""), ["one", "three"]);
});

test("schedules are not filtered by what only workflows have", async () => {
  const server = await InProcess.open();
  const verdict = (query: string) => server.verdict("CountSchedules", { query });
  for (const query of ["ExecutionDuration > '1s'", "WorkflowId = 'one'", "GROUP BY ExecutionStatus"])
    assert.match(await verdict(query), /^INVALID_ARGUMENT invalid query: .* cannot filter schedules on/);
  assert.match(await verdict("Nothing = 1"), /invalid search attribute: Nothing/);
  for (const query of ["SchedulePaused = false", "ScheduleId = 'one'"]) assert.equal(await verdict(query), "accepted");
});

test("an attribute of the namespace's own is what ScheduleId means in the filters of a list", async () => {
  const server = await InProcess.open();
  await server.ask("AddSearchAttributes", { searchAttributes: { ScheduleId: enums.IndexedValueType.KEYWORD } });
  const indexedFields = { ScheduleId: jsonPayloads("mine").payloads[0]! };
  await server.ask("CreateSchedule", createRequest("one", { searchAttributes: { indexedFields } }));
  const count = async (query: string) => (await server.ask("CountSchedules", { query })).count;
  assert.deepEqual([await count("ScheduleId = 'mine'"), await count("ScheduleId = 'one'")], [1, 0]);
});

test("a list tells when each schedule acts next, as of now", async () => {
  const server = await InProcess.open();
  const patch = { pause: "nothing changes it meanwhile" };
  await server.ask("CreateSchedule", { ...createRequest("one"), initialPatch: patch });
  const next = async () => {
    const { schedules } = await server.ask("ListSchedules", {});
    return schedules[0]!.info!.futureActionTimes[0]!.seconds;
  };
  const before = await next();
  await server.clock.advance(120_000);
  assert.equal((await next()) - before, 120);
});

test("a zone of its own is shown by its schedule, and lists go by it without showing it", async () => {
  const server = await InProcess.open();
  // A file of the time zone database whose clocks are always two hours ahead of UTC.
  const header = [...Buffer.from("TZif"), ...Array<number>(35).fill(0), 1, 0, 0, 0, 4];
  const timezoneData = Uint8Array.from([...header, 0, 0, 28, 32, 0, 0, ...Buffer.from("OUR\0")]);
  const spec = { cronString: ["0 12 * * *"], timezoneName: "Land/Ours", timezoneData };
  const { schedule } = createRequest("one");
  await server.ask("CreateSchedule", { ...createRequest("one"), schedule: { ...schedule, spec } });
  const described = await server.ask("DescribeSchedule", { scheduleId: "one" });
  assert.deepEqual([...(described.schedule?.spec?.timezoneData ?? [])], [...timezoneData]);
  const [listed] = (await server.ask("ListSchedules", {})).schedules;
  assert.equal(listed?.info?.spec?.timezoneData.length, 0);
  const hours = listed?.info?.futureActionTimes.map(({ seconds }) => (seconds / 3_600) % 24);
  assert.deepEqual(hours, [10, 10, 10, 10, 10]);
});

test("a list has a memo of every schedule, a description only where there is one", async () => {
  const server = await InProcess.open();
  await server.ask("CreateSchedule", createRequest("bare"));
  const [listed] = (await server.ask("ListSchedules", {})).schedules;
  assert.deepEqual(Object.keys(listed?.memo?.fields ?? { none: true }), []);
  assert.equal((await server.ask("DescribeSchedule", { scheduleId: "bare" })).memo, undefined);
});

test("what cannot be is refused with the field and the rule", async () => {
  const server = await InProcess.open();
  const refused = async (given: Init<RequestOf<"CreateSchedule">>) => {
    const verdict = await server.call("CreateSchedule", given);
    return verdict instanceof Rejection ? `${verdict.code} ${verdict.message}` : "accepted";
  };
  const { schedule } = createRequest("s") as { schedule: { action: { startWorkflow: object } } };
  const { startWorkflow } = schedule.action;
  const withAction = (change: object) =>
    createRequest("s", { schedule: { ...schedule, action: { startWorkflow: { ...startWorkflow, ...change } } } });
  for (const [given, words] of [
    [createRequest(""), /^INVALID_ARGUMENT ScheduleId is not set/],
    [createRequest("s".repeat(1_001)), /^INVALID_ARGUMENT ScheduleId exceeds/],
    [{ scheduleId: "s" }, /^INVALID_ARGUMENT Schedule is not set/],
    [withAction({ workflowId: "w".repeat(990) }), /^INVALID_ARGUMENT WorkflowId exceeds/],
    [withAction({ cronSchedule: "* * * * *" }), /CronSchedule/],
    [withAction({ searchAttributes: { indexedFields: { Nobody: { data: new Uint8Array(1) } } } }), /Nobody/],
    [createRequest("s", { initialPatch: { pause: "n".repeat(1_001) } }), /notes exceeds limit/],
  ] as const) {
    assert.match(await refused(given), words);
  }
  assert.equal(await refused(createRequest("s")), "accepted");
});
