import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { common, enums, failure, type Init, schedule, toTimestamp, workflowservice } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { Rejection } from "../rejection.ts";
import type { Message } from "../state/message.ts";
import { Step } from "../step.ts";
import { applicationFailure, payloads } from "../workflow/scripted-workflow.ts";
import { type ScheduleCommand, type ScheduleReplies, scheduleMachine } from "./schedule.ts";

const { ScheduleOverlapPolicy: Overlap, WorkflowExecutionStatus: Status } = enums;
const startMs = Date.parse("2026-01-01T00:00:00Z");
const minuteMs = 60_000;

type StartMessage = Extract<Message, { type: "startWorkflow" }>;
type EndMessage = Extract<Message, { type: "endWorkflow" }>;

/** A schedule that acts each minute unless told otherwise. What it sends is held until the test answers; after each command it is read back from its bytes. */
class ScriptedSchedule {
  nowMs = startMs;
  readonly sent: { readonly id: number; readonly message: Message }[] = [];
  #execution = scheduleMachine.empty({ namespaceId: "ns", businessId: "s" }, null);
  #ids = 0;
  #parts = new Map<string, Uint8Array>();

  constructor(given: Init<schedule.Schedule> = {}, more: Init<workflowservice.CreateScheduleRequest> = {}) {
    this.do({ type: "createSchedule", request: createRequest(given, more) });
  }

  try<C extends ScheduleCommand>(command: C): ScheduleReplies[C["type"]] | Rejection {
    let ids = 0;
    const newId = () => `id-${++this.#ids}-${++ids}`;
    const step = new Step({ nowMs: this.nowMs, newId, newStamp: (after) => after + 1, retentionMs: 0 });
    const reply = scheduleMachine.execute(this.#execution, command, step);
    for (const effect of step.effects) if (effect.type === "send") this.sent.push(effect);
    for (const [runId, run] of this.#execution.runs) {
      const changes = scheduleMachine.takeChanges(run);
      if (!changes) continue;
      if (changes.deleted) {
        this.#execution.runs.delete(runId);
        this.#execution.currentRunId = null;
        continue;
      }
      for (const [part, bytes] of changes.parts) {
        if (bytes) this.#parts.set(part, bytes);
        else this.#parts.delete(part);
      }
      this.#execution.runs.set(runId, scheduleMachine.restore(changes.snapshot!, this.#parts));
    }
    return reply as ScheduleReplies[C["type"]] | Rejection;
  }

  do<C extends ScheduleCommand>(command: C): ScheduleReplies[C["type"]] {
    const reply = this.try(command);
    if (reply instanceof Rejection) throw new Error(`${command.type} was rejected: ${reply.message}`);
    return reply;
  }

  get run() {
    return this.#execution.runs.get(this.#execution.currentRunId ?? "");
  }

  /** Lets the time come, waking the schedule whenever it is due. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let run = this.run; run && run.wakeAtMs <= untilMs; run = this.run) {
      this.nowMs = Math.max(this.nowMs, run.wakeAtMs);
      this.do({ type: "wake", runId: run.runId });
    }
    this.nowMs = untilMs;
  }

  patch(patch: Init<schedule.SchedulePatch>, requestId = ""): void {
    const codec = schedule.SchedulePatch;
    this.do({ type: "patchSchedule", patch: codec.decode(codec.encode(patch)), identity: "me", requestId });
  }

  /** The next start that it has asked for, which is answered: the workflow runs, or cannot be started. */
  started(refusal?: Rejection): StartMessage & { readonly request: Uint8Array; readonly runId: string } {
    const at = this.sent.findIndex(({ message }) => message.type === "startWorkflow");
    assert.ok(at >= 0, "no start was asked for");
    const [{ id, message }] = this.sent.splice(at, 1) as [{ id: number; message: StartMessage }];
    const runId = `run of ${message.workflowId}`;
    this.do({
      type: "delivered",
      runId: this.run!.runId,
      messageId: id,
      delivery: refusal ? { type: "refused", rejection: refusal } : { type: "taken", runId },
    });
    return { ...message, runId };
  }

  ended(
    { follower, workflowId, runId }: StartMessage & { runId: string },
    status: enums.WorkflowExecutionStatus,
    more: object = {},
  ): void {
    const runs = { firstRunId: runId, lastRunId: runId };
    const message = {
      type: "workflowClosed",
      to: follower,
      workflowId,
      ...runs,
      status,
      closedAtMs: this.nowMs,
      ...more,
    } as const;
    this.do({ type: "receive", message });
  }

  /** Ends that it has asked for since the last look. */
  ends(): EndMessage[] {
    const ends = this.sent.filter(({ message }) => message.type === "endWorkflow");
    for (const end of ends) {
      this.sent.splice(this.sent.indexOf(end), 1);
      const delivery = { type: "taken", runId: "r" } as const;
      this.do({ type: "delivered", runId: this.run!.runId, messageId: end.id, delivery });
    }
    return ends.map(({ message }) => message as EndMessage);
  }

  get info() {
    return this.do({ type: "describeSchedule" }).info!;
  }

  get state() {
    return this.do({ type: "describeSchedule" }).schedule!.state!;
  }
}

function createRequest(given: Init<schedule.Schedule>, more: Init<workflowservice.CreateScheduleRequest> = {}) {
  const codec = workflowservice.CreateScheduleRequest;
  const startWorkflow = { workflowId: "w", workflowType: { name: "Report" }, taskQueue: { name: "q" } };
  const spec = { interval: [{ interval: { seconds: 60 } }] };
  return codec.decode(
    codec.encode({
      ...{ namespace: "orders", scheduleId: "s", requestId: "create" },
      schedule: { spec, action: { startWorkflow }, ...given },
      ...more,
    }),
  );
}

function overlapping(overlapPolicy: enums.ScheduleOverlapPolicy): ScriptedSchedule {
  return new ScriptedSchedule({ policies: { overlapPolicy } });
}

function requestOf({ request }: { readonly request: Uint8Array }) {
  return workflowservice.StartWorkflowExecutionRequest.decode(request);
}

describe("acting", () => {
  test("when its time comes, a workflow is started that is named after the time", () => {
    const scripted = new ScriptedSchedule();
    scripted.pass(minuteMs - 1);
    assert.deepEqual(scripted.sent, []);
    scripted.pass(1);
    const start = scripted.started();
    assert.equal(start.workflowId, "w-2026-01-01T00:01:00Z");
    const request = requestOf(start);
    assert.deepEqual(
      [request.namespace, request.identity, request.workflowType?.name, request.taskQueue?.name],
      ["orders", "temporal-scheduler-orders-s", "Report", "q"],
    );
    const attributes = request.searchAttributes!.indexedFields;
    const shown = (name: string) => new TextDecoder().decode(attributes[name]?.data);
    assert.deepEqual(
      [shown("TemporalScheduledStartTime"), shown("TemporalScheduledById")],
      ['"2026-01-01T00:01:00Z"', '"s"'],
    );
    const { actionCount, runningWorkflows, recentActions } = scripted.info;
    assert.deepEqual([actionCount, runningWorkflows], [1, [{ workflowId: start.workflowId, runId: start.runId }]]);
    assert.equal(recentActions?.[0]?.startWorkflowStatus, Status.RUNNING);
  });

  test("the end of a workflow is shown, and what it came to is handed to the next", () => {
    const scripted = new ScriptedSchedule();
    scripted.pass(minuteMs);
    scripted.ended(scripted.started(), Status.COMPLETED, { result: common.Payloads.encode(payloads("one")) });
    assert.equal(scripted.info.recentActions?.[0]?.startWorkflowStatus, Status.COMPLETED);
    scripted.pass(minuteMs);
    const second = scripted.started();
    assert.deepEqual(
      requestOf(second).lastCompletionResult,
      common.Payloads.decode(common.Payloads.encode(payloads("one"))),
    );
    scripted.ended(second, Status.FAILED, { failure: failure.Failure.encode(applicationFailure("two")) });
    scripted.pass(minuteMs);
    const third = requestOf(scripted.started());
    assert.deepEqual([third.lastCompletionResult?.payloads.length, third.continuedFailure?.message], [1, "two"]);
  });

  test("an end that overtakes the answer to its start is no news when that arrives", () => {
    const scripted = new ScriptedSchedule();
    scripted.pass(minuteMs);
    const { message } = scripted.sent[0]! as { message: StartMessage };
    scripted.ended({ ...message, runId: "r" }, Status.COMPLETED);
    scripted.started();
    const { actionCount, recentActions, runningWorkflows } = scripted.info;
    assert.deepEqual([actionCount, recentActions?.length, runningWorkflows], [1, 1, []]);
  });

  test("a schedule whose last workflow's end overtook the answer to its start goes a week after that", () => {
    const scripted = new ScriptedSchedule({ state: { limitedActions: true, remainingActions: 1 } });
    scripted.pass(minuteMs);
    const { message } = scripted.sent[0]! as { message: StartMessage };
    scripted.ended({ ...message, runId: "r" }, Status.COMPLETED);
    scripted.started();
    scripted.pass(7 * 86_400_000);
    assert.equal(scripted.run, undefined);
  });

  test("a workflow that cannot be started stands in nobody's way", () => {
    const scripted = overlapping(Overlap.BUFFER_ALL);
    scripted.pass(2 * minuteMs);
    scripted.started(new Rejection("ALREADY_EXISTS", "in use"));
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:02:00Z");
    assert.equal(scripted.info.actionCount, 1);
  });

  test("a limited schedule acts so often, and goes a week after its last workflow has ended", () => {
    const scripted = new ScriptedSchedule({ state: { limitedActions: true, remainingActions: 2 } });
    assert.equal(scripted.info.futureActionTimes?.length, 2);
    for (let count = 0; count < 2; count++) {
      scripted.pass(minuteMs);
      scripted.ended(scripted.started(), Status.COMPLETED);
    }
    scripted.pass(60 * minuteMs);
    assert.deepEqual([scripted.sent, scripted.state.remainingActions], [[], 0]);
    scripted.patch({ triggerImmediately: {} });
    scripted.ended(scripted.started(), Status.COMPLETED);
    scripted.pass(7 * 86_400_000 - 1);
    assert.ok(scripted.run);
    scripted.pass(1);
    assert.equal(scripted.run, undefined);
  });

  test("an action that may not be taken any more holds up no trigger behind it", () => {
    const scripted = new ScriptedSchedule({
      policies: { overlapPolicy: Overlap.BUFFER_ALL },
      state: { limitedActions: true, remainingActions: 2 },
    });
    scripted.pass(minuteMs);
    const first = scripted.started();
    scripted.pass(2 * minuteMs);
    scripted.patch({ triggerImmediately: {} });
    scripted.ended(first, Status.COMPLETED);
    scripted.ended(scripted.started(), Status.COMPLETED);
    assert.equal(scripted.state.remainingActions, 0);
    scripted.ended(scripted.started(), Status.COMPLETED);
    assert.deepEqual([scripted.sent, scripted.info.bufferSize], [[], 0]);
  });
});

describe("when the workflow before still runs", () => {
  /** Three times have come, and the workflow of the first still runs. */
  const threeTimes = (policy: enums.ScheduleOverlapPolicy) => {
    const scripted = overlapping(policy);
    scripted.pass(minuteMs);
    const first = scripted.started();
    scripted.pass(2 * minuteMs);
    return { scripted, first };
  };

  test("SKIP drops the action", () => {
    const { scripted, first } = threeTimes(Overlap.SKIP);
    assert.deepEqual([scripted.sent, scripted.info.overlapSkipped], [[], 2]);
    scripted.ended(first, Status.COMPLETED);
    assert.deepEqual(scripted.sent, []);
  });

  test("BUFFER_ONE lets the first wait", () => {
    const { scripted, first } = threeTimes(Overlap.BUFFER_ONE);
    assert.deepEqual([scripted.info.bufferSize, scripted.info.overlapSkipped], [1, 1]);
    scripted.ended(first, Status.COMPLETED);
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:02:00Z");
  });

  test("BUFFER_ALL lets all wait, up to a limit", () => {
    const { scripted, first } = threeTimes(Overlap.BUFFER_ALL);
    assert.equal(scripted.info.bufferSize, 2);
    scripted.ended(first, Status.COMPLETED);
    scripted.ended(scripted.started(), Status.COMPLETED);
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:03:00Z");
    scripted.pass(1_005 * minuteMs);
    assert.deepEqual([scripted.info.bufferSize, scripted.info.bufferDropped], [1_000, 5]);
  });

  test("CANCEL_OTHER and TERMINATE_OTHER end it, and start the newest once it has ended", () => {
    for (const [policy, how] of [
      [Overlap.CANCEL_OTHER, "requestCancel"],
      [Overlap.TERMINATE_OTHER, "terminate"],
    ] as const) {
      const { scripted, first } = threeTimes(policy);
      assert.deepEqual(
        scripted.ends().map((end) => [end.how, end.firstRunId]),
        [[how, first.runId]],
      );
      assert.deepEqual([scripted.info.bufferSize, scripted.info.overlapSkipped], [1, 1]);
      scripted.ended(first, Status.CANCELED);
      assert.equal(scripted.started().workflowId, "w-2026-01-01T00:03:00Z");
    }
  });

  test("one that has not been started yet is ended as soon as it has", () => {
    const scripted = overlapping(Overlap.CANCEL_OTHER);
    scripted.pass(2 * minuteMs);
    assert.deepEqual(scripted.ends(), []);
    const first = scripted.started();
    assert.equal(scripted.ends()[0]?.firstRunId, first.runId);
  });

  test("ALLOW_ALL starts all, of which none counts as running", () => {
    const { scripted } = threeTimes(Overlap.ALLOW_ALL);
    scripted.started();
    scripted.started();
    const { actionCount, runningWorkflows, recentActions } = scripted.info;
    assert.deepEqual([actionCount, runningWorkflows, recentActions?.length], [3, [], 3]);
  });
});

describe("pausing", () => {
  test("what comes meanwhile is passed over, and a trigger is not", () => {
    const scripted = new ScriptedSchedule();
    scripted.patch({ pause: "holiday" });
    assert.deepEqual([scripted.state.paused, scripted.state.notes], [true, "holiday"]);
    scripted.pass(10 * minuteMs);
    assert.deepEqual(scripted.sent, []);
    scripted.patch({ triggerImmediately: { overlapPolicy: Overlap.ALLOW_ALL } });
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:10:00Z");
    scripted.patch({ unpause: "back" });
    assert.deepEqual(scripted.sent, []);
    scripted.pass(minuteMs);
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:11:00Z");
  });

  test("a patch that comes again is dropped", () => {
    const scripted = new ScriptedSchedule();
    for (const requestId of ["one", "one", "two"])
      scripted.patch({ triggerImmediately: { overlapPolicy: Overlap.ALLOW_ALL } }, requestId);
    assert.equal(scripted.sent.length, 2);
  });

  test("a failure pauses the schedule that asks for it; a cancellation does not", () => {
    for (const [status, paused] of [
      [Status.FAILED, true],
      [Status.TIMED_OUT, true],
      [Status.CANCELED, false],
      [Status.TERMINATED, false],
    ] as const) {
      const scripted = new ScriptedSchedule({ policies: { pauseOnFailure: true } });
      scripted.pass(minuteMs);
      scripted.ended(scripted.started(), status);
      assert.equal(scripted.state.paused, paused);
    }
  });
});

describe("after a stop of the server", () => {
  test("what is not too old is caught up with, and the rest is counted", () => {
    const policies = { overlapPolicy: Overlap.BUFFER_ALL, catchupWindow: { seconds: 180 } };
    const scripted = new ScriptedSchedule({ policies });
    scripted.nowMs += 10 * minuteMs + 1_000;
    scripted.pass(0);
    const { missedCatchupWindow, bufferSize } = scripted.info;
    assert.deepEqual([missedCatchupWindow, bufferSize, scripted.sent.length], [7, 2, 1]);
  });

  test("messages under way are sent again", () => {
    const scripted = new ScriptedSchedule();
    scripted.pass(minuteMs);
    const again = scheduleMachine.pendingEffects(scripted.run!);
    assert.deepEqual(
      again.map((effect) => effect.type === "send" && [effect.id, effect.message.type]),
      [[1, "startWorkflow"]],
    );
  });
});

describe("changing it", () => {
  const update = (scripted: ScriptedSchedule, given: Init<schedule.Schedule>, conflictToken = new Uint8Array(0)) => {
    const { schedule: next } = createRequest(given);
    const codec = workflowservice.UpdateScheduleRequest;
    return scripted.try({
      type: "updateSchedule",
      request: codec.decode(codec.encode({ schedule: next!, conflictToken })),
    });
  };

  test("the new schedule holds from now on", () => {
    const scripted = new ScriptedSchedule();
    scripted.nowMs += 90_000;
    update(scripted, { spec: { interval: [{ interval: { seconds: 5 } }] } });
    assert.deepEqual(scripted.sent, []);
    scripted.pass(5_000);
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:01:35Z");
  });

  test("a change upon a schedule that has changed since is refused", () => {
    const scripted = new ScriptedSchedule();
    const { conflictToken } = scripted.do({ type: "describeSchedule" });
    scripted.patch({ pause: "other" });
    const refused = update(scripted, {}, conflictToken as Uint8Array<ArrayBuffer>);
    assert.ok(refused instanceof Rejection && refused.code === "FAILED_PRECONDITION");
    assert.ok(!(update(scripted, {}) instanceof Rejection));
  });

  test("a spec that cannot be changes nothing", () => {
    const scripted = new ScriptedSchedule();
    const refused = update(scripted, { spec: { cronString: ["1 2 3"] } });
    assert.ok(refused instanceof Rejection && /^Invalid schedule spec: CronString/.test(refused.message));
    const many = (count: number) => ({ spec: { cronString: Array.from({ length: count }, () => "* * * * *") } });
    const tooMany = update(scripted, many(limits.scheduleRulesMax + 1));
    assert.ok(
      tooMany instanceof Rejection && /501 calendars and intervals, where 500 are the most$/.test(tooMany.message),
    );
    assert.ok(!(update(scripted, many(limits.scheduleRulesMax)) instanceof Rejection));
    const commented = (length: number) =>
      update(scripted, { spec: { cronString: [`* * * * * # ${"c".repeat(length)}`] } });
    const tooLong = commented(limits.calendarCommentBytesMax + 1);
    assert.ok(tooLong instanceof Rejection && /: comment is too long$/.test(tooLong.message));
    assert.ok(!(commented(limits.calendarCommentBytesMax) instanceof Rejection));
    scripted.pass(minuteMs);
    assert.equal(scripted.started().workflowId, "w-2026-01-01T00:01:00Z");
  });

  test("an id is in use until its schedule is deleted; a repeated request finds its schedule", () => {
    const scripted = new ScriptedSchedule();
    const again = scripted.do({ type: "createSchedule", request: createRequest({}) });
    assert.deepEqual([...again.conflictToken], [0, 0, 0, 0, 0, 0, 0, 1]);
    const other = createRequest({}, { requestId: "other" });
    const refused = scripted.try({ type: "createSchedule", request: other });
    assert.ok(refused instanceof Rejection && refused.code === "ALREADY_EXISTS");
    scripted.do({ type: "deleteSchedule" });
    const gone = scripted.try({ type: "describeSchedule" });
    assert.ok(gone instanceof Rejection && gone.code === "NOT_FOUND");
    assert.ok(!(scripted.try({ type: "createSchedule", request: other }) instanceof Rejection));
  });
});

test("a backfill takes each time of its range once, however many there are", () => {
  const scripted = overlapping(Overlap.ALLOW_ALL);
  scripted.patch({ pause: "only backfills" });
  const fromMs = startMs - 250 * minuteMs;
  scripted.patch({
    backfillRequest: [{ startTime: toTimestamp(fromMs), endTime: toTimestamp(startMs), overlapPolicy: 0 }],
  });
  scripted.pass(0);
  const ids = new Set(scripted.sent.map(({ message }) => (message as StartMessage).workflowId));
  assert.deepEqual([scripted.sent.length, ids.size], [251, 251]);
  assert.ok(ids.has("w-2026-01-01T00:00:00Z"));
});

test("the times after one moment and until another are listed", () => {
  const scripted = new ScriptedSchedule();
  const { times } = scripted.do({ type: "listMatchingTimes", fromMs: startMs, untilMs: startMs + 2 * minuteMs });
  assert.deepEqual(times, [startMs + minuteMs, startMs + 2 * minuteMs]);
});

test("ranges to be filled in wait while actions do, up to a limit, above which a patch is refused", () => {
  const scripted = new ScriptedSchedule({ policies: { overlapPolicy: Overlap.BUFFER_ALL } });
  const range = (hours: number) => ({
    startTime: toTimestamp(startMs - hours * 60 * minuteMs),
    endTime: toTimestamp(startMs),
  });
  scripted.patch({ backfillRequest: [range(100)] });
  scripted.patch({ backfillRequest: Array.from({ length: limits.backfillsMax - 1 }, () => range(1)) });
  assert.equal(scripted.run?.backfills.length, limits.backfillsMax);
  const patch = schedule.SchedulePatch.create({ backfillRequest: [schedule.BackfillRequest.create(range(1))] });
  const refused = scripted.try({ type: "patchSchedule", patch, identity: "me", requestId: "again" });
  assert(refused instanceof Rejection && refused.code === "FAILED_PRECONDITION");
  assert.equal(scripted.run?.backfills.length, limits.backfillsMax);
});
