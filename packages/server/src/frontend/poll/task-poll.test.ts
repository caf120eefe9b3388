import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { Rejection, type StartedActivityTask } from "@pawl/engine";
import { ManualClock } from "../../clock.ts";
import { shardLimits } from "../../limits.ts";
import type { Match, QueryTask, Task } from "../../matching/match.ts";
import type { Started } from "../../shard/dispatcher.ts";
import { Unavailable } from "../../shard/unavailable.ts";
import { quietTelemetry } from "../../telemetry/telemetry.ts";
import { TestCall } from "../in-process.ts";
import { PollWatch } from "./poll-watch.ts";
import { type PollParts, pollForTask } from "./task-poll.ts";

const runId = "r";
const task: Task = {
  kind: "activity",
  namespaceId: "n",
  workflowId: "w",
  runId,
  taskQueue: "q",
  scheduledEventId: 5,
  stamp: 2,
  scheduledAtMs: 0,
};
const waiting: Match<Started> = { type: "task", task, sticky: false, backlogCount: 3 };
const started: Started = { kind: "activity", task: { activityId: "a" } as StartedActivityTask };
const query: QueryTask = { kind: "query", namespaceId: "n", workflowId: "w", runId, taskQueue: "q", id: "1" };
const stale = new Rejection("NOT_FOUND", "activity task not found");
const unavailable = new Unavailable("unknown", "try again");

/** What the queue gives out, and what the shard answers, one after the other; then the queue is empty. */
class Script {
  readonly clock = new ManualClock();
  readonly call = new TestCall(this.clock.nowMs() + 10_000);
  matches: Match<Started>[] = [];
  replies: unknown[] = [];
  readonly givenBack: string[] = [];
  readonly requestIds: string[] = [];
  polls = 0;

  run(answer: (match: { readonly type: string }) => Promise<string | undefined> = async ({ type }) => type) {
    return pollForTask(this.#parts, this.call, this.#poll, answer);
  }

  get #poll() {
    return { namespaceId: "n", kind: "activity", taskQueue: "q", poller: { identity: "i", requestId: "p" } } as const;
  }

  get #parts(): PollParts {
    const ring = {
      submit: async (_key: unknown, command: { readonly poller: { readonly requestId: string } }) => {
        this.requestIds.push(command.poller.requestId);
        const reply = this.replies.shift();
        if (reply instanceof Error) throw reply;
        return reply;
      },
    };
    const matching = {
      poll: async () => {
        this.polls++;
        return this.matches.shift() ?? null;
      },
      giveBack: ({ type }: Match<Started>) => this.givenBack.push(type),
    };
    const watch = new PollWatch(quietTelemetry(), "activity");
    return { ring, matching, clock: this.clock, watch } as unknown as PollParts;
  }
}

let script: Script;
beforeEach(() => {
  script = new Script();
});

describe("a poll", () => {
  test("answers with the task that it has started", async () => {
    script.matches = [waiting];
    script.replies = [started.task];
    assert.equal(await script.run(), "started");
    assert.deepEqual(script.givenBack, []);
  });

  test("answers with a task that was started for it, and with a query, without asking the shard", async () => {
    for (const match of [
      { ...waiting, type: "started", started, version: null } as const,
      { type: "query", query, sticky: true, backlogCount: 0 } as const,
    ]) {
      script.matches = [match];
      assert.equal(await script.run(), match.type);
    }
    assert.deepEqual(script.requestIds, []);
  });

  test("has no answer when its time is up", async () => {
    assert.equal(await script.run(), undefined);
  });

  test("passes over a stale task and what nobody wants any more", async () => {
    script.matches = [waiting, { type: "query", query, sticky: false, backlogCount: 0 }, waiting];
    script.replies = [stale, started.task];
    assert.equal(await script.run(async ({ type }) => (type === "query" ? undefined : type)), "started");
    assert.equal(script.polls, 3);
    assert.deepEqual(script.givenBack, []);
  });

  test("asks again under the same request id while it is unknown whether the task was started (P3)", async () => {
    script.matches = [waiting];
    script.replies = [unavailable, unavailable, started.task];
    const polled = script.run();
    for (let retry = 0; retry < 2; retry++) {
      await new Promise(setImmediate);
      script.clock.advance(shardLimits.retryMs);
    }
    assert.equal(await polled, "started");
    assert.deepEqual(script.requestIds, ["p", "p", "p"]);
  });
});

describe("no task is swallowed (P1): it goes back", () => {
  test("when the caller has gone before it was started", async () => {
    script.matches = [waiting];
    script.call.end("cancelled");
    assert.equal(await script.run(), undefined);
    assert.deepEqual(script.givenBack, ["task"]);
    assert.deepEqual(script.requestIds, []);
  });

  test("when the caller has gone while it was started, as a started one", async () => {
    script.matches = [waiting];
    script.replies = [started.task];
    const polled = script.run(async ({ type }) => {
      script.call.end("cancelled");
      return type;
    });
    assert.equal(await polled, undefined);
    assert.deepEqual(script.givenBack, ["started"]);
  });

  test("when its answer cannot be made", async () => {
    script.matches = [waiting];
    script.replies = [started.task];
    const fault = new Error("the disk is gone");
    await assert.rejects(
      script.run(() => Promise.reject(fault)),
      fault,
    );
    assert.deepEqual(script.givenBack, ["started"]);
  });

  test("when the shard stays unavailable until the time is up", async () => {
    script.matches = [waiting];
    script.replies = Array(20).fill(unavailable);
    const polled = script.run();
    for (let second = 0; second < 10; second++) {
      await new Promise(setImmediate);
      script.clock.advance(shardLimits.retryMs);
    }
    assert.equal(await polled, undefined);
    assert.deepEqual(script.givenBack, ["task"]);
  });

  test("when starting it is a bug", async () => {
    script.matches = [waiting];
    script.replies = [new TypeError("bug")];
    await assert.rejects(script.run(), TypeError);
    assert.deepEqual(script.givenBack, ["task"]);
  });
});

test("a server that stops still hands over what it has taken out", async () => {
  script.matches = [waiting];
  script.replies = [started.task];
  script.call.end("stopping");
  assert.equal(await script.run(), "started");
  assert.deepEqual(script.givenBack, []);
});

test("a poll without a deadline takes nothing", async () => {
  const polled = await pollForTask(
    { clock: script.clock, matching: undefined, ring: undefined } as unknown as PollParts,
    new TestCall(undefined),
    { namespaceId: "n", kind: "activity", taskQueue: "q", poller: { identity: "i", requestId: "p" } },
    async () => "never",
  );
  assert.ok(polled instanceof Rejection);
  assert.equal(polled.code, "INVALID_ARGUMENT");
});
