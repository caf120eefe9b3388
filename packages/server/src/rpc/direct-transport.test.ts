import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { type DirectCallOptions, DirectTransport } from "./direct-transport.ts";
import type { Incoming, Status, Unary } from "./transport.ts";

const path = "/temporal.api.Some/Method";
const request = Buffer.from("question");

/** The method answers when `answer` is called, and shows the call that it got. */
function setUp() {
  const clock = new ManualClock();
  const calls: { incoming: Incoming; answer: (bytes: Uint8Array | Status) => void; fail: (error: unknown) => void }[] =
    [];
  const method: Unary = (_bytes, incoming) => {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | Status>();
    calls.push({ incoming, answer: resolve, fail: reject });
    return promise;
  };
  const transport = new DirectTransport({
    ...{ routes: { unary: new Map([[path, method]]), streaming: new Map() }, clock },
    onFault: (_path, error) => ({ code: "INTERNAL", message: String(error) }),
  });
  const ask = (options?: DirectCallOptions) => transport.call(path, request, options);
  return { clock, calls, transport, ask };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a call from within the process", () => {
  test("brings its headers and its deadline on the server's clock, and is answered with the same bytes", async () => {
    const { clock, calls, ask } = setUp();
    const asked = ask({ headers: { "client-name": "pawl" }, timeoutMs: 1_000 });
    const { incoming, answer } = calls[0]!;
    assert.deepEqual(
      [incoming.path, incoming.deadlineMs, incoming.header("client-name"), incoming.header("other"), incoming.ended()],
      [path, clock.nowMs() + 1_000, "pawl", "", "no"],
    );
    const bytes = Buffer.from("answer");
    answer(bytes);
    assert.equal(await asked, bytes);
    assert.equal(clock.sleeperCount, 0);
  });

  test("has no deadline unless one is asked for, and ends after the longest call all the same", async () => {
    const { clock, calls, ask } = setUp();
    const asked = ask();
    assert.equal(calls[0]!.incoming.deadlineMs, undefined);
    clock.advance(limits.callMsMax - 1);
    assert.equal(calls[0]!.incoming.ended(), "no");
    clock.advance(1);
    assert.equal(((await asked) as Status).code, "DEADLINE_EXCEEDED");
  });

  test("ends with DEADLINE_EXCEEDED once, whatever the handler says later", async () => {
    const { clock, calls, ask } = setUp();
    const asked = ask({ timeoutMs: 10 });
    const { incoming, answer } = calls[0]!;
    const { signal } = incoming;
    clock.advance(10);
    assert.deepEqual([signal.aborted, incoming.ended()], [true, "deadline"]);
    answer(Buffer.from("late"));
    assert.equal(((await asked) as Status).code, "DEADLINE_EXCEEDED");
  });

  test("that its caller aborts ends with CANCELLED, and its handler hears of it", async () => {
    const { calls, ask } = setUp();
    const caller = new AbortController();
    const asked = ask({ signal: caller.signal });
    const { signal } = calls[0]!.incoming;
    caller.abort();
    assert.equal(signal.aborted, false); // T2: not in the turn of the caller
    await turn();
    assert.deepEqual([signal.aborted, calls[0]!.incoming.ended()], [true, "cancelled"]);
    assert.equal(((await asked) as Status).code, "CANCELLED");
  });

  test("whose answer is given in the turn of the abort is answered, so that a task given out is not lost", async () => {
    const { calls, ask } = setUp();
    const caller = new AbortController();
    const asked = ask({ signal: caller.signal });
    caller.abort();
    assert.equal(calls[0]!.incoming.ended(), "no");
    calls[0]!.answer(Buffer.from("task"));
    assert.equal(String(await asked), "task");
  });

  test("of an aborted caller is not made", async () => {
    const { calls, ask } = setUp();
    assert.equal(((await ask({ signal: AbortSignal.abort() })) as Status).code, "CANCELLED");
    assert.equal(calls.length, 0);
  });

  test("is refused as over gRPC when nobody serves it or it weighs too much", async () => {
    const { transport } = setUp();
    const statusOf = async (method: string, bytes = request) => (await transport.call(method, bytes)) as Status;
    assert.deepEqual(await statusOf("/temporal.api.Some/Other"), {
      code: "UNIMPLEMENTED",
      message: "unknown method Other for service temporal.api.Some",
    });
    assert.equal((await statusOf("/nobody/Method")).message, "unknown service nobody");
    assert.equal((await statusOf("nonsense")).code, "UNIMPLEMENTED");
    const heavy = await statusOf(path, Buffer.alloc(limits.messageBytesMax + 1));
    assert.equal(heavy.code, "RESOURCE_EXHAUSTED");
    assert.match(heavy.message, /received message larger than max/);
  });

  test("whose handler throws is answered all the same", async () => {
    const { calls, ask } = setUp();
    const asked = ask();
    calls[0]!.fail(new Error("broken"));
    assert.equal(((await asked) as Status).message, "Error: broken");
  });
});

describe("a transport that stops", () => {
  test("ends long polls by their signal, waits for their answers and takes no more calls", async () => {
    const { clock, calls, transport, ask } = setUp();
    const asked = ask();
    const { incoming, answer } = calls[0]!;
    let isStopped = false;
    const stopped = transport.stop(5_000).then(() => {
      isStopped = true;
    });
    assert.deepEqual([incoming.signal.aborted, incoming.ended()], [true, "stopping"]);
    assert.equal(((await ask()) as Status).code, "UNAVAILABLE");
    await turn();
    assert.equal(isStopped, false);
    answer(Buffer.from("nothing yet"));
    await stopped;
    assert.equal(String(await asked), "nothing yet");
    assert.equal(clock.sleeperCount, 0);
  });

  test("waits no longer than it is told to", async () => {
    const { clock, transport, ask } = setUp();
    const asked = ask();
    const stopped = transport.stop(5_000);
    clock.advance(5_000);
    await stopped;
    assert.equal(((await asked) as Status).code, "UNAVAILABLE");
  });
});
