import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { enums, type history, update } from "@pawl/protocol";
import fc from "fast-check";
import type { Activation, Job, WorkflowCommand } from "../value/activation.ts";
import { HistoryModel } from "./history-model.ts";
import { HistoryGap, Nondeterminism } from "./nondeterminism.ts";
import { Replay } from "./replay.ts";

const identity = { namespace: "default", workflowId: "w", runId: "run", taskQueue: "q" };

type Code = (activation: Activation) => readonly WorkflowCommand[];

const timer = (seq: number): WorkflowCommand => ({ type: "startTimer", seq, durationMs: 1_000, summary: undefined });
const activity = (seq: number, activityType = "work"): WorkflowCommand => ({
  ...{
    type: "scheduleActivity",
    seq,
    activityId: String(seq),
    activityType,
    taskQueue: undefined,
    input: [],
    headers: {},
  },
  ...{ scheduleToCloseTimeoutMs: undefined, scheduleToStartTimeoutMs: undefined, startToCloseTimeoutMs: 1_000 },
  ...{
    heartbeatTimeoutMs: undefined,
    retryPolicy: undefined,
    allowEagerDispatch: true,
    summary: undefined,
    priority: undefined,
  },
});
const local = (seq: number): WorkflowCommand => ({
  ...{
    type: "scheduleLocalActivity",
    seq,
    activityId: String(seq),
    activityType: "local",
    input: [],
    headers: {},
    attempt: 1,
  },
  ...{ originalScheduleMs: undefined, scheduleToCloseTimeoutMs: undefined, scheduleToStartTimeoutMs: undefined },
  ...{
    startToCloseTimeoutMs: 1_000,
    localRetryThresholdMs: 60_000,
    summary: undefined,
    retryPolicy: undefined,
    cancellationType: "TRY_CANCEL",
  },
});
const child = (seq: number): WorkflowCommand => ({
  ...{
    type: "startChild",
    seq,
    namespace: undefined,
    workflowId: `child-${seq}`,
    workflowType: "child",
    taskQueue: undefined,
  },
  ...{ input: [], headers: {}, memo: undefined, searchAttributes: undefined, executionTimeoutMs: undefined },
  ...{ runTimeoutMs: undefined, taskTimeoutMs: undefined, retryPolicy: undefined, cronSchedule: undefined },
  ...{ reusePolicy: 0, parentClosePolicy: 1, summary: undefined, details: undefined, priority: undefined },
});
const nexus = (seq: number): WorkflowCommand => ({
  ...{ type: "scheduleNexusOperation", seq, endpoint: "there", service: "shop", operation: "price", headers: {} },
  ...{ input: { metadata: {}, data: new Uint8Array(0) }, summary: undefined, scheduleToCloseTimeoutMs: undefined },
  ...{ scheduleToStartTimeoutMs: undefined, startToCloseTimeoutMs: undefined },
});
const patch = (patchId: string, deprecated = false): WorkflowCommand => ({ type: "patch", patchId, deprecated });
const complete: WorkflowCommand = { type: "completeWorkflow", result: undefined };

/** Feeds a task and lets the code answer; returns the jobs of each activation. */
function drive(replay: Replay, code: Code, events: readonly history.HistoryEvent[], startedEventId: number): Job[][] {
  replay.feed({ events, startedEventId });
  const heard: Job[][] = [];
  for (let activation = replay.next(); activation; activation = replay.next()) {
    heard.push([...activation.jobs]);
    replay.accept(code(activation));
  }
  return heard;
}

const typesOf = (heard: Job[][]) => heard.map((jobs) => jobs.map(({ type }) => type));
const answering = (...answers: readonly WorkflowCommand[][]): Code => {
  const left = [...answers];
  return () => left.shift() ?? [];
};

describe("activations", () => {
  test("a run begins with its start, and its commands are those of the code", () => {
    const model = new HistoryModel(["hello"]);
    const started = model.startTask();
    const replay = new Replay(identity);
    const heard = drive(replay, answering([activity(1), timer(1)]), model.events, started);
    assert.deepEqual(typesOf(heard), [["start"]]);
    const { commands, sdkMetadata } = replay.takeCompletion();
    assert.deepEqual(
      commands.map(({ commandType }) => commandType),
      [1, 3],
    );
    assert.equal(sdkMetadata?.sdkName, "pawl-typescript");
    assert.deepEqual(replay.takeCompletion().commands, [], "what was taken is not given again");
  });

  test("signals come before what ended, in whatever order history has them", () => {
    const model = new HistoryModel();
    model.startTask();
    model.completeTask([]);
    const replay = new Replay(identity);
    const first = new Replay(identity);
    drive(first, answering([activity(1), activity(2)]), model.events.slice(0, 3), 3);
    const again = new HistoryModel();
    again.startTask();
    again.completeTask(first.takeCompletion().commands);
    again.end(1);
    again.signal("s");
    again.end(0);
    const started = again.startTask();
    const heard = drive(replay, answering([activity(1), activity(2)]), again.events, started);
    assert.deepEqual(typesOf(heard), [["start"], ["signal", "activity", "activity"]]);
    assert.deepEqual(
      heard[1]?.map((job) => "seq" in job && job.seq),
      [false, 2, 1],
    );
  });

  test("what a failed task was told is told again to the next", () => {
    const model = new HistoryModel();
    model.startTask();
    model.signal("during");
    model.failTask();
    model.startTask();
    model.failTask();
    const started = model.startTask();
    assert.deepEqual(typesOf(drive(new Replay(identity), answering(), model.events, started)), [["start", "signal"]]);
  });

  test("an activation knows its time, whether it is replayed, and how long history is", () => {
    const model = new HistoryModel();
    model.startTask();
    model.completeTask([]);
    model.signal("s");
    const started = model.startTask();
    const clocks: Activation[] = [];
    const code: Code = (activation) => {
      clocks.push(activation);
      return [];
    };
    drive(new Replay(identity), code, model.events, started);
    assert.deepEqual(
      clocks.map(({ timestampMs, isReplaying, historyLength }) => [timestampMs, isReplaying, historyLength]),
      [
        [1_700_000_003_000, true, 3],
        [1_700_000_000_000 + started * 1_000, false, started],
      ],
    );
  });

  test("a sticky task goes on where the last one ended, and events fed before are skipped", () => {
    const model = new HistoryModel();
    const replay = new Replay(identity);
    const code = answering([timer(1)], [complete]);
    const first = model.startTask();
    drive(replay, code, model.events, first);
    model.completeTask(replay.takeCompletion().commands);
    model.end(0);
    const second = model.startTask();
    // From the first event, as after the loss of the sticky queue: the same.
    assert.deepEqual(typesOf(drive(replay, code, model.events, second)), [["timer"]]);
    assert.equal(replay.isClosed, true);
    const gap = model.events.slice(-1).map((event) => ({ ...event, eventId: 99 }));
    assert.throws(() => replay.feed({ events: gap, startedEventId: 99 }), HistoryGap);
  });

  test("after a reset the seed is another", () => {
    const model = new HistoryModel();
    model.startTask();
    model.failTask();
    const failed = model.events.at(-1)!;
    failed.workflowTaskFailedEventAttributes!.cause = enums.WorkflowTaskFailedCause.RESET_WORKFLOW;
    failed.workflowTaskFailedEventAttributes!.newRunId = "reset-run";
    const started = model.startTask();
    const [jobs] = drive(new Replay(identity), answering(), model.events, started);
    assert.deepEqual(
      jobs?.map((job) => (job.type === "randomSeed" ? job.seed : job.type)),
      ["start", "reset-run"],
    );
  });

  test("what ended before the task cannot be cancelled in it, though the code hears of the end later", () => {
    const begun = [timer(1), activity(1), nexus(1)];
    const tooLate: WorkflowCommand[] = [
      { type: "cancelTimer", seq: 1 },
      { type: "cancelActivity", seq: 1 },
      { type: "cancelNexusOperation", seq: 1 },
    ];
    const model = new HistoryModel();
    const live = new Replay(identity);
    const code = () => answering(begun, [...tooLate, timer(2)]);
    const liveCode = code();
    drive(live, liveCode, model.events, model.startTask());
    model.completeTask(live.takeCompletion().commands);
    model.cancel();
    while (model.openCount > 0) model.end(0);
    const started = model.startTask();
    const heard = drive(live, liveCode, model.events, started);
    assert.deepEqual(typesOf(heard), [["cancel", "timer", "activity", "nexusStart", "nexus"]]);
    const { commands } = live.takeCompletion();
    assert.deepEqual(
      commands.map(({ commandType }) => commandType),
      [enums.CommandType.START_TIMER],
    );
    model.completeTask(commands);
    drive(new Replay(identity), code(), model.events, 0);
  });

  test("what code does after it has ended counts for nothing", () => {
    const model = new HistoryModel();
    const started = model.startTask();
    const replay = new Replay(identity);
    drive(replay, answering([complete, timer(1)]), model.events, started);
    assert.deepEqual(
      replay.takeCompletion().commands.map(({ commandType }) => commandType),
      [4],
    );
  });
});

describe("patches", () => {
  const recorded = (commands: WorkflowCommand[]) => {
    const model = new HistoryModel();
    const replay = new Replay(identity);
    drive(replay, answering(commands), model.events, model.startTask());
    model.completeTask(replay.takeCompletion().commands);
    model.signal("s");
    return { model, started: model.startTask() };
  };

  test("a patch is known before the code that asks for it runs", () => {
    const { model, started } = recorded([patch("p"), timer(1)]);
    const heard = drive(new Replay(identity), answering([patch("p"), timer(1)]), model.events, started);
    assert.deepEqual(typesOf(heard), [["start", "patch"], ["signal"]]);
  });

  for (const [what, before, after, isFine] of [
    ["a deprecated patch that is gone from the code", [patch("p", true), timer(1)], [timer(1)], true],
    ["a deprecation that history does not know", [timer(1)], [patch("p", true), timer(1)], true],
    ["one deprecation in place of another", [patch("p", true), timer(1)], [patch("q", true), timer(1)], true],
    ["a patch that is gone from the code", [patch("p"), timer(1)], [timer(1)], false],
    ["a patch that history does not know", [timer(1)], [patch("p"), timer(1)], false],
  ] as const) {
    test(`${what} ${isFine ? "replays" : "is nondeterminism"}`, () => {
      const { model, started } = recorded([...before]);
      const replayed = () => drive(new Replay(identity), answering([...after]), model.events, started);
      if (isFine) assert.equal(replayed().length, 2);
      else assert.throws(replayed, Nondeterminism);
    });
  }
});

describe("local activities", () => {
  test("a marker brings its outcome at the place where it stands, with its time", () => {
    const model = new HistoryModel();
    const live = new Replay(identity);
    const code = () => answering([timer(1), local(1), local(2)], [timer(2)], [timer(3)]);
    const liveCode = code();
    drive(live, liveCode, model.events, model.startTask());
    const [one, two] = live.takeLocalActivities();
    assert.deepEqual(live.takeLocalActivities(), [], "they are handed out once");
    const clocks: number[] = [];
    for (const command of [two!, one!]) {
      const outcome = { status: "completed", result: undefined } as const;
      live.endLocalActivity({ ...command, attempt: 1, completedAtMs: 1_700_000_100_000 + command.seq, outcome });
      for (let activation = live.next(); activation; activation = live.next()) {
        clocks.push(activation.timestampMs);
        live.accept(liveCode(activation));
      }
    }
    assert.equal(live.hasLocalActivities, false);
    const { commands } = live.takeCompletion();
    assert.deepEqual(
      commands.map(({ commandType }) => commandType),
      [3, 9, 3, 9, 3],
    );
    model.completeTask(commands);
    model.signal("s");
    const heard = drive(new Replay(identity), code(), model.events, model.startTask());
    assert.deepEqual(typesOf(heard), [["start"], ["localActivity"], ["localActivity"], ["signal"]]);
    assert.deepEqual(
      heard.slice(1, 3).map(([job]) => job && "seq" in job && job.seq),
      [2, 1],
    );
    assert.deepEqual(clocks, [1_700_000_100_002, 1_700_000_100_002], "the clock does not go back");
  });

  test("one that no marker ended is run again", () => {
    const model = new HistoryModel();
    model.startTask();
    model.completeTask([]);
    const replay = new Replay(identity);
    drive(replay, answering([local(1)]), model.events, model.startTask());
    assert.deepEqual(
      replay.takeLocalActivities().map(({ seq }) => seq),
      [1],
    );
  });
});

describe("updates", () => {
  const message = (id: string) => ({
    ...{ id: `${id}/request`, protocolInstanceId: id, eventId: 2 },
    body: {
      type_url: "type.googleapis.com/temporal.api.update.v1.Request",
      value: update.Request.encode({ meta: { updateId: id, identity: "me" }, input: { name: "up" } }),
    },
  });

  test("a live one is validated and answered by messages, a replayed one is known from what was accepted", () => {
    const model = new HistoryModel();
    const started = model.startTask();
    const replay = new Replay(identity);
    replay.feed({ events: model.events, startedEventId: started, messages: [message("u1"), message("u2")] });
    const activation = replay.next();
    const jobs = activation?.jobs.map((job) => (job.type === "update" ? [job.id, job.name, job.validate] : job.type));
    assert.deepEqual(jobs, ["start", ["u1", "up", true], ["u2", "up", true]]);
    const failure = { message: "no", source: "", stackTrace: "" };
    replay.accept([
      { type: "acceptUpdate", id: "u1" },
      { type: "rejectUpdate", id: "u2", failure },
      { type: "completeUpdate", id: "u1", outcome: { status: "completed", result: undefined } },
    ]);
    assert.equal(replay.next(), undefined);
    const { commands, messages } = replay.takeCompletion();
    assert.deepEqual(
      messages.map(({ id }) => id),
      ["u1/accept", "u2/reject", "u1/complete"],
    );
    assert.equal(commands.length, 2, "a refusal leaves no trace");
    const response = update.Acceptance.decode(messages[0]?.body?.value ?? new Uint8Array(0));
    assert.deepEqual([response.acceptedRequestMessageId, response.acceptedRequestSequencingEventId], ["u1/request", 2]);
  });

  test("one that a reset has carried over comes as an event: it is told once, and known when it was accepted", () => {
    const model = new HistoryModel();
    model.failTask();
    model.admitUpdate({ meta: { updateId: "u", identity: "me" }, input: { name: "up" } });
    const replay = new Replay(identity);
    replay.feed({ events: model.events, startedEventId: model.startTask() });
    const told = (activation = replay.next()) =>
      activation?.jobs.map((job) => (job.type === "update" ? [job.id, job.name, job.validate] : job.type));
    assert.deepEqual(told(), ["start", ["u", "up", true]]);
    replay.accept([{ type: "acceptUpdate", id: "u" }]);
    assert.equal(replay.next(), undefined);
    const [message] = replay.takeCompletion().messages;
    const { acceptedRequestMessageId, acceptedRequestSequencingEventId } = update.Acceptance.decode(
      message!.body!.value!,
    );
    assert.deepEqual([acceptedRequestMessageId, acceptedRequestSequencingEventId], ["u/request", 4]);
    model.completeTask([]);
    model.acceptUpdate("u");
    model.signal("s");
    const startedEventId = model.startTask();
    replay.feed({ events: model.events, startedEventId });
    assert.deepEqual(told(), ["signal"]);

    const again = new Replay(identity);
    again.feed({ events: model.events, startedEventId });
    assert.deepEqual(told(again.next()), ["start", ["u", "up", false]]);
    again.accept([{ type: "acceptUpdate", id: "u" }]);
    assert.deepEqual(told(again.next()), ["signal"]);
  });

  test("a task that the server dropped did not happen", () => {
    const model = new HistoryModel();
    const replay = new Replay(identity);
    drive(replay, answering([timer(1)]), model.events, model.startTask());
    model.completeTask(replay.takeCompletion().commands);
    const speculative = [...model.events];
    const dropped = new HistoryModel();
    dropped.events.splice(0, 2, ...speculative);
    const started = dropped.startTask();
    replay.feed({ events: dropped.events, startedEventId: started, messages: [message("u")] });
    const activation = replay.next();
    assert.equal(activation?.jobs[0]?.type, "update");
    replay.accept([{ type: "rejectUpdate", id: "u", failure: { message: "no", source: "", stackTrace: "" } }]);
    replay.takeCompletion();
    replay.forgetTask(3);
    // The real history goes on with other events under the same ids.
    model.end(0);
    const next = model.startTask();
    assert.deepEqual(typesOf(drive(replay, answering(), model.events.slice(3), next)), [["timer"]]);
  });
});

describe("nondeterminism", () => {
  const held = [activity(1), timer(1)];
  for (const [what, now, eventId, message] of [
    ["another activity", [activity(1, "other"), timer(1)], 5, /activity work.*scheduled activity other/],
    ["another order", [timer(1), activity(1)], 5, /activity work.*started timer 1/],
    ["a command less", [activity(1)], 6, /TIMER_STARTED.*did nothing/],
    ["a command more", [activity(1), timer(1), timer(2)], 9, /WORKFLOW_TASK_STARTED.*started timer 2/],
    ["nothing at all", [], 5, /activity work.*did nothing/],
    ["an end", [complete], 5, /activity work.*completed the workflow/],
    ["a local activity", [local(1)], 5, /activity work.*did nothing/],
    ["a Nexus operation", [nexus(1)], 5, /activity work.*called Nexus operation shop\.price at there/],
  ] as const) {
    test(`${what}: named with the event, what history holds and what the code did`, () => {
      const model = new HistoryModel();
      const live = new Replay(identity);
      drive(live, answering(held), model.events, model.startTask());
      model.completeTask(live.takeCompletion().commands);
      model.signal("s");
      const started = model.startTask();
      assert.throws(
        () => drive(new Replay(identity), answering([...now]), model.events, started),
        (error: unknown) => {
          assert.ok(error instanceof Nondeterminism);
          assert.equal(error.eventId, eventId);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});

/** Code made of a list of numbers: each thing that it hears makes it do the next one's commands. */
function codeOf(program: readonly number[]): Code {
  const kinds = [activity, timer, child, local, (seq: number) => patch(`p${seq}`), nexus];
  let heard = 0;
  const seqs = kinds.map(() => 0);
  return ({ jobs }) => {
    const commands: WorkflowCommand[] = [];
    for (const job of jobs) {
      if (job.type === "patch") continue;
      // Ends at some time, also when every local activity begins the next.
      const step = heard < 200 ? program[heard % program.length]! : 0;
      heard++;
      for (let i = 0; i < step % 3; i++) {
        const kind = (step + i) % kinds.length;
        seqs[kind] = seqs[kind]! + 1;
        commands.push(kinds[kind]!(seqs[kind]!));
      }
    }
    return commands;
  };
}

test("however a history came to be, replaying any beginning of it gives the commands that it holds", () => {
  let tasks = 0;
  const numbers = fc.array(fc.nat(1_000), { minLength: 3, maxLength: 8 });
  fc.assert(
    fc.property(numbers, fc.array(fc.nat(1_000), { minLength: 5, maxLength: 40 }), (program, chances) => {
      const model = new HistoryModel();
      const live = new Replay(identity);
      const liveCode = codeOf(program);
      const answers: { startedEventId: number; commands: unknown }[] = [];
      for (const chance of chances) {
        const startedEventId = model.startTask();
        if (chance % 5 === 0) {
          // Told nobody: the next task must tell it all.
          if (chance % 2 === 0) model.signal("during");
          model.failTask();
          continue;
        }
        drive(live, liveCode, model.events, startedEventId);
        for (let locals = live.takeLocalActivities(); locals.length > 0; locals = live.takeLocalActivities()) {
          for (const command of chance % 2 === 0 ? locals : locals.reverse()) {
            const outcome = { status: "completed", result: undefined } as const;
            live.endLocalActivity({ ...command, attempt: 1, completedAtMs: Date.UTC(2024, 0, 1), outcome });
            for (let activation = live.next(); activation; activation = live.next()) live.accept(liveCode(activation));
          }
        }
        if (chance % 3 === 0) model.signal("while it works");
        const { commands } = live.takeCompletion();
        answers.push({ startedEventId, commands });
        model.completeTask(commands);
        for (let i = 0; i < chance % 4 && model.openCount > 0; i++) model.end(chance);
        if (chance % 7 === 0) model.signal("between");
      }
      for (const { startedEventId, commands } of answers) {
        tasks++;
        const again = new Replay(identity);
        drive(again, codeOf(program), model.events.slice(0, startedEventId), startedEventId);
        const next = again.takeCompletion().commands;
        // What local activities did later in the task is not told again before they have run again.
        const isPrefix = JSON.stringify((commands as unknown[]).slice(0, next.length)) === JSON.stringify(next);
        assert.ok(isPrefix, `${JSON.stringify(next)} against ${JSON.stringify(commands)}`);
        if (!again.hasLocalActivities) assert.equal(next.length, (commands as unknown[]).length);
      }
      // And the whole of it, in one go.
      drive(new Replay(identity), codeOf(program), model.events, 0);
    }),
    { numRuns: 150, ...(process.env["SEED"] ? { seed: Number(process.env["SEED"]) } : {}) },
  );
  assert.ok(tasks > 500, `${tasks} tasks were replayed`);
});

test("a history changed at random gives jobs or an error, and never hangs", () => {
  const model = new HistoryModel();
  const live = new Replay(identity);
  drive(live, codeOf([4, 5, 7, 8]), model.events, model.startTask());
  model.completeTask(live.takeCompletion().commands);
  while (model.openCount > 0) model.end(0);
  model.startTask();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(60)), { minLength: 1, maxLength: 6 }), (changes) => {
      const events = model.events.map((event) => ({ ...event }));
      for (const [at, eventType] of changes) events[at % events.length]!.eventType = eventType as enums.EventType;
      try {
        drive(new Replay(identity), codeOf([4, 5, 7, 8]), events, events.length);
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }),
    { numRuns: 300 },
  );
});
