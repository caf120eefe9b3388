import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CallFailed } from "../../transport/transport.ts";
import { DefaultLogger } from "../../value/logger.ts";
import { FixedSlots } from "../slot/slots.ts";
import { type PollerCount, Pollers } from "./poller.ts";

type Poll = PromiseWithResolvers<{ suggestion: number } | undefined>;

/** Pollers whose polls are answered by hand. */
function rig(count: PollerCount) {
  const polls: Poll[] = [];
  const stop = new AbortController();
  const slots = new FixedSlots(100);
  const handled: unknown[] = [];
  const pollers = new Pollers<{ suggestion: number }>({
    ...{ name: "test task", count, slots, signal: stop.signal, logger: new DefaultLogger("ERROR", () => undefined) },
    poll: () => {
      const poll: Poll = Promise.withResolvers();
      polls.push(poll);
      return poll.promise;
    },
    infoOf: () => ({ type: "activity", activityType: "a" }),
    suggestionOf: ({ suggestion }) => suggestion,
    handle: async (task) => {
      handled.push(task);
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const end = async () => {
    stop.abort();
    for (const poll of polls) poll.resolve(undefined);
    await running;
  };
  const running = pollers.run();
  return { polls, pollers, slots, handled, settle, end, running, stop };
}

describe("pollers", () => {
  test("of a fixed number stay as many, whatever comes", async () => {
    const { polls, pollers, handled, settle, end, slots } = rig({ minimum: 2, initial: 2, maximum: 2 });
    await settle();
    assert.equal(pollers.polling, 2);
    polls[0]!.resolve({ suggestion: 5 });
    polls[1]!.resolve(undefined);
    await settle();
    assert.deepEqual([pollers.polling, handled.length], [2, 1]);
    await end();
    assert.equal(slots.taken, 0);
  });

  test("that scale follow the server's suggestions, and go when there is nothing to do", async () => {
    const { polls, pollers, settle, end } = rig({ minimum: 1, initial: 2, maximum: 5 });
    await settle();
    polls[0]!.resolve({ suggestion: 2 });
    await settle();
    assert.equal(pollers.polling, 4);
    polls[1]!.resolve({ suggestion: 9 });
    await settle();
    assert.equal(pollers.polling, 5, "no more than the maximum");
    for (const poll of polls.slice(2, 6)) poll.resolve(undefined);
    await settle();
    assert.equal(pollers.polling, 1);
    polls.at(-1)!.resolve(undefined);
    await settle();
    assert.equal(pollers.polling, 1, "no fewer than the minimum");
    await end();
  });

  test("end with what no waiting mends, after the tasks that were taken", async () => {
    const { polls, settle, running, handled } = rig({ minimum: 2, initial: 2, maximum: 2 });
    await settle();
    polls[0]!.reject(new CallFailed(5, "no such namespace"));
    await settle();
    polls[1]!.resolve({ suggestion: 0 });
    await assert.rejects(running, /no such namespace/);
    assert.equal(handled.length, 1);
  });
});
