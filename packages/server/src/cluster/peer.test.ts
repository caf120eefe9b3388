import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { systemClock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import { seededRandom } from "../random.ts";
import { GrpcServer } from "../rpc/grpc-server.ts";
import type { Incoming, Routes, Status, Streaming } from "../rpc/transport.ts";
import { quietTelemetry } from "../telemetry/telemetry.ts";
import { linkService } from "./link-service.ts";
import { NodeSeal } from "./node-seal.ts";
import { linkPath, Peer } from "./peer.ts";
import type { PeerAnswer, PeerCall } from "./peer-call.ts";

const key = new Uint8Array(32).fill(7);
const patience = { timeout: 60_000 };
const utf8 = new TextDecoder();

const callOf = (request: Uint8Array, more: Partial<PeerCall> = {}): PeerCall => ({
  ...{ path: "/test.Echo/Say", attachment: "with it", request, timeoutMs: 30_000 },
  ...more,
});
const textOf = (answer: PeerAnswer) => (answer instanceof Uint8Array ? utf8.decode(answer) : answer);

interface Other {
  readonly peer: Peer;
  readonly server: GrpcServer;
  /** Calls that came over a link, and those that had a stream of their own. */
  readonly linked: Incoming[];
  readonly apart: Incoming[];
  /** Lets calls of "/test.Echo/Wait" go on. */
  readonly goOn: () => void;
}

/** Another node, as far as calls go. */
async function withOther(
  run: (other: Other) => Promise<void>,
  { knowsLinks = true, sealKey = key }: { readonly knowsLinks?: boolean; readonly sealKey?: Uint8Array } = {},
): Promise<void> {
  const [linked, apart]: [Incoming[], Incoming[]] = [[], []];
  const going = Promise.withResolvers<void>();
  const done = async (request: Uint8Array, call: Incoming): Promise<Uint8Array | Status> => {
    if (call.path === "/test.Echo/Refuse")
      return { code: "NOT_FOUND", message: "nöthing", details: new Uint8Array([1, 2]) };
    if (call.path === "/test.Echo/Wait") {
      const gone = new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
      await Promise.race([going.promise, gone]);
      return Buffer.from(call.ended());
    }
    return request;
  };
  const seal = new NodeSeal(key);
  const link: Streaming = linkService({
    nowMs: () => systemClock.nowMs(),
    isSealed: (call, frames, text) =>
      seal.open({ from: call.header("pawl-from"), to: "b", path: linkPath, attachment: "", request: frames }, text),
    serve: async (_from, request, call) => {
      linked.push(call);
      return done(request, call);
    },
  });
  const say = async (request: Uint8Array, call: Incoming) => {
    apart.push(call);
    return done(request, call);
  };
  const routes: Routes = {
    unary: new Map([["/test.Echo/Say", say]]),
    streaming: new Map(knowsLinks ? [[linkPath, link]] : []),
  };
  const server = new GrpcServer({
    ...{ routes, clock: systemClock, random: seededRandom(1), telemetry: quietTelemetry() },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const own = new NodeSeal(sealKey);
  const peer = new Peer(`127.0.0.1:${port}`, {
    ...{ clock: systemClock, from: "a", onTrouble: () => {} },
    seal: (call) => own.seal({ from: "a", to: "b", ...call }),
  });
  try {
    await run({ peer, server, linked, apart, goOn: going.resolve });
  } finally {
    peer.close();
    await server.stop(0);
  }
}

/** Waits until `isSo`, looking at it in each turn of the event loop. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

describe("calls to another node", patience, () => {
  test("go over one link, and each gets its own answer", () =>
    withOther(async ({ peer, linked, apart }) => {
      const sizes = [0, 1, 1_000, clusterLimits.linkRequestBytesMax];
      const requests = Array.from({ length: 200 }, (_, at) => Buffer.alloc(sizes[at % sizes.length]!, at));
      const answers = await Promise.all(requests.map((request) => peer.call(callOf(request))));
      for (const [at, request] of requests.entries()) assert.deepEqual(Buffer.from(answers[at] as Uint8Array), request);
      assert.deepEqual([linked.length, apart.length], [requests.length, 0]);
      const refused = await peer.call(callOf(new Uint8Array(), { path: "/test.Echo/Refuse" }));
      assert.deepEqual(refused, { code: "NOT_FOUND", message: "nöthing", details: new Uint8Array([1, 2]) });
    }));

  test("tell when they must be answered, if the caller does", () =>
    withOther(async ({ peer, linked }) => {
      const beforeMs = systemClock.nowMs();
      await peer.call(callOf(new Uint8Array()));
      await peer.call(callOf(new Uint8Array(), { timeoutMs: undefined }));
      const deadlineMs = linked[0]!.deadlineMs!;
      assert.ok(deadlineMs >= beforeMs + 30_000 && deadlineMs <= systemClock.nowMs() + 30_000);
      assert.equal(linked[1]!.deadlineMs, undefined);
    }));

  test("have a stream of their own when their request is large", () =>
    withOther(async ({ peer, linked, apart }) => {
      const request = Buffer.alloc(clusterLimits.linkRequestBytesMax + 1, 5);
      assert.deepEqual(Buffer.from((await peer.call(callOf(request))) as Uint8Array), request);
      assert.deepEqual([linked.length, apart.length], [0, 1]);
    }));

  test("have streams of their own, all of them, to a node that knows no links", () =>
    withOther(
      async ({ peer, apart }) => {
        const calls = ["one", "two", "three"].map((text) => peer.call(callOf(Buffer.from(text))));
        assert.deepEqual((await Promise.all(calls)).map(textOf), ["one", "two", "three"]);
        assert.equal(textOf(await peer.call(callOf(Buffer.from("four")))), "four");
        assert.equal(apart.length, 4);
        assert.equal(apart[0]!.header("pawl-attachment"), "with it");
      },
      { knowsLinks: false },
    ));

  test("are told that nobody waits any more, and end at once", () =>
    withOther(async ({ peer, linked }) => {
      const gone = new AbortController();
      const waiting = peer.call(callOf(new Uint8Array(), { path: "/test.Echo/Wait", signal: gone.signal }));
      await until(() => linked.length === 1);
      gone.abort();
      const answer = await waiting;
      assert.equal(typeof answer === "object" && "code" in answer && answer.code, "UNAVAILABLE");
      await until(() => linked[0]!.ended() === "cancelled");
    }));

  test("are lost with the connection when the other node has them, and were not made when there is none", () =>
    withOther(async ({ peer, linked }) => {
      const waiting = peer.call(callOf(new Uint8Array(), { path: "/test.Echo/Wait" }));
      await until(() => linked.length === 1);
      peer.close();
      const answer = await waiting;
      assert.equal(typeof answer === "object" && "code" in answer && answer.code, "UNAVAILABLE");
      await until(() => linked[0]!.ended() === "cancelled");
      assert.equal(await peer.call(callOf(new Uint8Array())), "unreached");
    }));

  test("are all answered by a node that stops, before the link ends", () =>
    withOther(async ({ peer, server, linked }) => {
      const waiting = Array.from({ length: 3 }, () => peer.call(callOf(new Uint8Array(), { path: "/test.Echo/Wait" })));
      await until(() => linked.length === 3);
      const stopped = server.stop(30_000);
      assert.deepEqual((await Promise.all(waiting)).map(textOf), ["stopping", "stopping", "stopping"]);
      await stopped;
      assert.equal(await peer.call(callOf(new Uint8Array())), "unreached");
    }));

  test("end when somebody else listens there, whatever he answers", patience, async () => {
    const server = createServer();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "grpc-status": "3", "grpc-message": "100 %" }, { endStream: true });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const peer = new Peer(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
      ...{ clock: systemClock, from: "a", onTrouble: () => {}, seal: () => "1.x" },
    });
    for (const length of [1, clusterLimits.linkRequestBytesMax + 1]) {
      const answer = await peer.call(callOf(new Uint8Array(length)));
      assert.ok(answer !== "unreached" && !(answer instanceof Uint8Array));
    }
    peer.close();
    server.close();
  });

  test("are refused by a node of another cluster, which does none of them", () =>
    withOther(
      async ({ peer, linked, apart }) => {
        const answer = await peer.call(callOf(new Uint8Array()));
        assert.equal(typeof answer === "object" && "code" in answer && answer.code, "UNAUTHENTICATED");
        assert.deepEqual([linked.length, apart.length], [0, 0]);
      },
      { sealKey: new Uint8Array(32).fill(8) },
    ));
});
