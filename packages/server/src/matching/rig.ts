/** What the tests of matching stand on: a clock set by hand, polls whose answer can be looked at, tasks in one line. */
import { ManualClock } from "../clock.ts";
import type { Match, PollRequest, QueryTask, Routing, Task } from "./match.ts";
import { Matching } from "./matching.ts";

export const namespaceId = "0b8e4d2a-3c3f-4f6e-9a57-5d2f6c1e8a01";

/** A poll under way: `answer` is undefined until there is one. */
export interface Asked {
  answer: Match<string> | null | undefined;
  /** The caller goes away. */
  cancel(): void;
}

export class Rig {
  readonly clock = new ManualClock();
  readonly matching: Matching<string>;
  #polls = 0;

  constructor(routing?: Routing) {
    this.matching = new Matching<string>(this.clock, routing);
  }

  /** Polls the workflow queue "orders" for a minute as worker "w", unless told otherwise. */
  poll(changes: Partial<Omit<PollRequest, "signal">> & { identity?: string } = {}): Asked {
    const controller = new AbortController();
    const asked: Asked = { answer: undefined, cancel: () => controller.abort() };
    const { identity = "w", ...rest } = changes;
    const request: PollRequest = {
      namespaceId,
      kind: "workflow",
      taskQueue: "orders",
      poller: { identity, requestId: `poll-${this.#polls++}` },
      untilMs: this.clock.nowMs() + 60_000,
      ...rest,
      signal: controller.signal,
    };
    this.matching.poll(request).then(
      (match) => {
        asked.answer = match;
      },
      (error) => {
        throw error;
      },
    );
    return asked;
  }

  pollSticky(changes: Parameters<Rig["poll"]>[0] = {}): Asked {
    return this.poll({ taskQueue: "sticky-w", stickyOf: "orders", ...changes });
  }

  /** A workflow task of run `runId` on queue "orders", scheduled now. */
  task(runId: string, changes: Partial<Task> = {}): Task {
    return {
      kind: "workflow",
      namespaceId,
      workflowId: `order-${runId}`,
      runId,
      taskQueue: "orders",
      scheduledEventId: 2,
      stamp: 1,
      scheduledAtMs: this.clock.nowMs(),
      ...changes,
    };
  }

  query(id: string, changes: Partial<QueryTask> = {}): QueryTask {
    return { kind: "query", namespaceId, workflowId: "order-1", runId: "1", taskQueue: "orders", id, ...changes };
  }

  /** A poll whose time is up at once when nothing waits: what a queue hands out next, or null. */
  async next(changes: Parameters<Rig["poll"]>[0] = {}): Promise<string | null> {
    const asked = this.poll({ untilMs: this.clock.nowMs() + 1, ...changes });
    await settle();
    // Its caller does not go away: that says something of a sticky queue.
    if (asked.answer === undefined) {
      this.clock.advance(1);
      this.clock.step(-1);
    }
    await settle();
    return told(asked.answer ?? null);
  }
}

export function priority(priorityKey: number): Pick<Task, "priority"> {
  return { priority: { priorityKey, fairnessKey: "", fairnessWeight: 0 } };
}

/** The answer in short: "task 1", "started 1", "query q", with " sticky" behind it; null; undefined = none yet. */
export function told(answer: Match<string> | null): string | null;
export function told(answer: Match<string> | null | undefined): string | null | undefined;
export function told(answer: Match<string> | null | undefined): string | null | undefined {
  if (answer === null || answer === undefined) return answer;
  const subject = answer.type === "query" ? answer.query.id : answer.task.runId;
  return `${answer.type} ${subject}${answer.sticky ? " sticky" : ""}`;
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
