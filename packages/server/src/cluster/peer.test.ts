import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { grpcMessage } from "@pawl/protocol/http2";
import { systemClock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import { seededRandom } from "../random.ts";
import { GrpcServer } from "../rpc/grpc-server.ts";
import type { Incoming, Routes, Status, Streaming } from "../rpc/transport.ts";
import { quietTelemetry } from "../telemetry/telemetry.ts";
import { encodeAnswers, encodeSealed } from "./link-frames.ts";
import { linkService } from "./link-service.ts";
import { moved } from "./node.ts";
import { NodeSeal, sealingId } from "./node-seal.ts";
import { answering } from "./node-service.ts";
import { linkPath, Peer, type PeerAnswers } from "./peer.ts";
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

function answersOf(seal: NodeSeal, { from, to }: { readonly from: string; readonly to: string }): PeerAnswers {
  return {
    linkName: () => seal.linkName(),
    isSealed: (said, text) => seal.isAnswer({ from: to, to: from, ...said }, text),
  };
}

/** Another node, as far as calls go; `isOld`: of a version that knows no links and seals no answers. */
async function withOther(
  run: (other: Other) => Promise<void>,
  { isOld = false, sealKey = key }: { readonly isOld?: boolean; readonly sealKey?: Uint8Array } = {},
): Promise<void> {
  const [from, to] = isOld ? ["a", "b"] : [sealingId("a"), sealingId("b")];
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
      seal.open({ from: call.header("pawl-from"), to, path: linkPath, attachment: "", request: frames }, text),
    seal: (call, number, frames) =>
      answering({ node: { id: to }, seal }, call, { of: call.header("pawl-link"), number, frames }),
    serve: async (_from, request, call) => {
      linked.push(call);
      return done(request, call);
    },
  });
  const say = async (request: Uint8Array, call: Incoming) => {
    apart.push(call);
    const answer = await done(request, call);
    if (isOld) return answer;
    const frames = encodeAnswers([{ id: 0, answer }]);
    return answering({ node: { id: to }, seal }, call, { of: call.header("pawl-seal"), number: 0, frames });
  };
  const routes: Routes = {
    unary: new Map(["Say", "Refuse"].map((name) => [`/test.Echo/${name}`, say])),
    streaming: new Map(isOld ? [] : [[linkPath, link]]),
  };
  const server = new GrpcServer({
    ...{ routes, clock: systemClock, random: seededRandom(1), telemetry: quietTelemetry() },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const own = new NodeSeal(sealKey);
  const peer = new Peer(`127.0.0.1:${port}`, {
    ...{ clock: systemClock, from, onTrouble: () => {} },
    seal: (call) => own.seal({ from, to, ...call }),
    answers: isOld ? undefined : answersOf(own, { from, to }),
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
      const refused = await peer.call(callOf(request, { path: "/test.Echo/Refuse" }));
      assert.deepEqual(refused, { code: "NOT_FOUND", message: "nöthing", details: new Uint8Array([1, 2]) });
      assert.deepEqual([linked.length, apart.length], [0, 2]);
    }));

  test("have streams of their own, all of them, to a node of an old version", () =>
    withOther(
      async ({ peer, apart }) => {
        const calls = ["one", "two", "three"].map((text) => peer.call(callOf(Buffer.from(text))));
        assert.deepEqual((await Promise.all(calls)).map(textOf), ["one", "two", "three"]);
        assert.equal(textOf(await peer.call(callOf(Buffer.from("four")))), "four");
        assert.equal(apart.length, 4);
        assert.equal(apart[0]!.header("pawl-attachment"), "with it");
      },
      { isOld: true },
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

  test("have no answer when somebody else listens there, whatever he answers", patience, async () => {
    const forged = encodeAnswers([0, 1].map((id) => ({ id, answer: Buffer.from("forged") })));
    const [own, other] = [new NodeSeal(key), new NodeSeal(new Uint8Array(32).fill(8))];
    const ids = { from: sealingId("a"), to: sealingId("b") };
    const sealedWith = (seal: NodeSeal) => {
      const of = "another call";
      return encodeSealed(seal.sealAnswer({ from: ids.to, to: ids.from, of, number: 1, answer: forged }), forged);
    };
    const answers: readonly (Uint8Array | { readonly status: string; readonly message: string })[] = [
      { status: "3", message: "100 %" },
      { status: "0", message: "" },
      { status: "10", message: encodeURIComponent(moved.message) },
      { status: "12", message: "unknown method" },
      ...[forged, sealedWith(other), sealedWith(own), Buffer.from("garbage")],
    ];
    for (const said of answers) {
      const server = createServer();
      server.on("stream", (stream) => {
        stream.on("error", () => {});
        if ("status" in said) {
          const { status, message } = said;
          stream.respond({ ":status": 200, "grpc-status": status, "grpc-message": message }, { endStream: true });
          return;
        }
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(grpcMessage(said));
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const peer = new Peer(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
        ...{ clock: systemClock, from: ids.from, onTrouble: () => {}, seal: () => "1.x", answers: answersOf(own, ids) },
      });
      for (const length of [1, clusterLimits.linkRequestBytesMax + 1]) {
        const answer = await peer.call(callOf(new Uint8Array(length)));
        assert.equal(typeof answer === "object" && "code" in answer && answer.code, "UNAVAILABLE");
      }
      peer.close();
      server.close();
    }
  });

  test("end when he answers without end", patience, async () => {
    const server = createServer();
    const endless = Buffer.alloc(1 << 20);
    endless.writeUInt32BE(0xffff_ffff, 1);
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond({ ":status": 200 });
      const more = () => {
        while (!stream.destroyed && stream.write(endless));
      };
      stream.on("drain", more);
      more();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const peer = new Peer(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
      ...{ clock: systemClock, from: "a", onTrouble: () => {}, seal: () => "1.x" },
    });
    for (const length of [1, clusterLimits.linkRequestBytesMax + 1]) {
      const answer = await peer.call(callOf(new Uint8Array(length), { timeoutMs: undefined }));
      assert.equal(typeof answer === "object" && "code" in answer && answer.code, "UNAVAILABLE");
    }
    peer.close();
    server.close();
  });

  test("are refused by a node of another cluster, which does none of them", () =>
    withOther(
      async ({ peer, linked, apart }) => {
        const answer = await peer.call(callOf(new Uint8Array()));
        assert.equal(typeof answer === "object" && "code" in answer && answer.code, "UNAVAILABLE");
        assert.deepEqual([linked.length, apart.length], [0, 0]);
      },
      { sealKey: new Uint8Array(32).fill(8) },
    ));
});
