/** For tests: a ring without the network, and queues that a test sees into. */
import assert from "node:assert/strict";
import { type Command, type Poller, Rejection, type Task, workflowKey } from "@pawl/engine";
import { enums, type Init, workflowservice } from "@pawl/protocol";
import { MemoryStore } from "@pawl/store";
import { ManualClock } from "../clock.ts";
import { seededRandom } from "../random.ts";
import type { Started } from "./dispatcher.ts";
import { Ring } from "./ring.ts";
import type { LargeRun } from "./writes.ts";

export const namespaceId = "11111111-1111-4111-8111-111111111111";
export const poller: Poller = { identity: "worker", requestId: "poll" };

/** A store whose commits, from `shut` on, are answered when their gates are opened. */
export function gatedStore() {
  const gates: (() => void)[] = [];
  let isShut = false;
  const latency = (phase: "apply" | "answer") =>
    isShut && phase === "answer" ? new Promise<void>((resolve) => gates.push(resolve)) : Promise.resolve();
  const shut = () => {
    isShut = true;
  };
  return { store: new MemoryStore({ latency }), gates, shut };
}

/** A ring on a memory store whose queues are lists: `waiting` pollers are reserved, other tasks pile up in `offered`. */
export class Rig {
  readonly clock = new ManualClock();
  readonly offered: Task[] = [];
  readonly delivered: Started[] = [];
  readonly faults: string[] = [];
  readonly large: Omit<LargeRun, "runId" | "key">[] = [];
  waiting = 0;
  retentionMs = 24 * 3_600_000;
  released = 0;
  /** Whether pollers take tasks before the commit; what they do with them. */
  takesEarly = false;
  onEarly: (started: Started) => void = () => {};
  store: MemoryStore;
  ring!: Ring;
  #requests = 0;

  constructor(store = new MemoryStore()) {
    this.store = store;
  }

  async open(shardCount = 1): Promise<this> {
    this.ring = await Ring.open({
      store: this.store,
      clock: this.clock,
      random: seededRandom(this.faults.length + 7),
      shardCount,
      owner: "test",
      cacheBytesMax: 1_000_000,
      retentionMs: () => this.retentionMs,
      onFault: (what) => this.faults.push(what),
      onLarge: ({ runId: _, key: __, ...figures }) => this.large.push(figures),
      call: () => {},
      dispatcher: {
        reserve: () => {
          if (this.waiting === 0) return null;
          this.waiting -= 1;
          return {
            poller: { ...poller, requestId: `poll-${++this.#requests}` },
            sticky: false,
            deliver: (started) => this.delivered.push(started),
            deliverEarly: (started) => {
              if (this.takesEarly) this.onEarly(started);
              return this.takesEarly;
            },
            release: () => void this.released++,
          };
        },
        offer: (task) => this.offered.push(task),
      },
    });
    return this;
  }

  submit<C extends Command>(command: C, workflowId = "wf") {
    return this.ring.submit(workflowKey(namespaceId, workflowId), command);
  }

  start(workflowId = "wf", requestId = `r${++this.#requests}`) {
    const codec = workflowservice.StartWorkflowExecutionRequest;
    const request = codec.decode(
      codec.encode({
        namespace: "default",
        workflowId,
        workflowType: { name: "T" },
        taskQueue: { name: "q" },
        requestId,
      }),
    );
    return this.submit({ type: "startWorkflow", request }, workflowId);
  }

  signal(signalName: string, workflowId = "wf") {
    return this.submit(
      { type: "signal", request: workflowservice.SignalWorkflowExecutionRequest.create({ signalName }) },
      workflowId,
    );
  }

  complete(started: Started, commands: Init<workflowservice.RespondWorkflowTaskCompletedRequest>["commands"] = []) {
    assert(started.kind === "workflow");
    const codec = workflowservice.RespondWorkflowTaskCompletedRequest;
    return this.submit(
      {
        type: "completeWorkflowTask",
        task: started.task.task,
        request: codec.decode(codec.encode({ commands, identity: "w" })),
      },
      started.task.workflowId,
    );
  }

  async events(workflowId = "wf"): Promise<number> {
    const located = await this.submit({ type: "locate", runId: "" }, workflowId);
    return located instanceof Rejection ? 0 : located.lastEventId;
  }

  /** Lets everything that is not waiting for the clock come to rest. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

export const timer = (seconds: number) => ({
  commandType: enums.CommandType.START_TIMER,
  startTimerCommandAttributes: { timerId: "t", startToFireTimeout: { seconds, nanos: 0 } },
});
