import assert from "node:assert/strict";
import { once } from "node:events";
import { constants as http2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { grpcMessage } from "@pawl/protocol/http2";
import { type Clock, ManualClock, systemClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { seededRandom } from "../random.ts";
import { quietTelemetry } from "../telemetry/telemetry.ts";
import type { Gate } from "./gate.ts";
import { GrpcServer } from "./grpc-server.ts";
import { RawClient, RawConnection } from "./raw-client.ts";
import { type Incoming, type Routes, statusCodes } from "./transport.ts";

/** A server with a few methods, none of which knows of messages. */
async function withServer(
  run: (parts: { port: number; server: GrpcServer; client: RawClient; calls: Incoming[] }) => Promise<void>,
  more: Partial<Routes & { clock: Clock; gate: Gate }> = {},
): Promise<void> {
  const calls: Incoming[] = [];
  const say = async (request: Uint8Array, call: Incoming) => {
    calls.push(call);
    return request;
  };
  const wait = (_request: Uint8Array, call: Incoming) => {
    calls.push(call);
    return new Promise<Uint8Array>((resolve) => {
      call.signal.addEventListener("abort", () => resolve(Buffer.from(call.ended())), { once: true });
    });
  };
  const server = new GrpcServer({
    clock: more.clock ?? systemClock,
    random: seededRandom(1),
    telemetry: quietTelemetry(),
    gate: more.gate,
    routes: {
      unary: new Map([
        ["/test.Echo/Say", say],
        ["/test.Echo/Wait", wait],
        ["/test.Echo/Break", async () => Promise.reject(new Error("secret"))],
        [
          "/test.Echo/Refuse",
          async (request: Uint8Array) => ({
            code: "NOT_FOUND" as const,
            message: Buffer.from(request).toString(),
            details: Buffer.from([1, 2, 3]),
          }),
        ],
        ...(more.unary ?? []),
      ]),
      streaming: more.streaming ?? new Map(),
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  using client = new RawClient(port);
  try {
    await run({ port, server, client, calls });
  } finally {
    await server.stop(0);
  }
}

describe("gRPC server", () => {
  test("a message comes back as it was sent, from nothing to the largest", () =>
    withServer(async ({ client }) => {
      for (const length of [0, 1, 5, 16_384, 70_000, limits.messageBytesMax]) {
        const sent = Buffer.alloc(length, length % 251);
        const { code, bytes } = await client.call("/test.Echo/Say", sent);
        assert.equal(code, 0);
        assert.ok(bytes?.equals(sent), `${length} bytes`);
      }
    }));

  test("an unknown method and an unknown service are UNIMPLEMENTED by name", () =>
    withServer(async ({ client }) => {
      const method = await client.call("/test.Echo/Shout", Buffer.alloc(0));
      assert.deepEqual(
        [method.code, method.text],
        [statusCodes.UNIMPLEMENTED, "unknown method Shout for service test.Echo"],
      );
      const service = await client.call("/test.Nobody/Say", Buffer.alloc(0));
      assert.deepEqual([service.code, service.text], [statusCodes.UNIMPLEMENTED, "unknown service test.Nobody"]);
    }));

  test("a message over the limit is RESOURCE_EXHAUSTED with the text that SDKs look for", () =>
    withServer(async ({ client, calls }) => {
      const { code, text } = await client.call("/test.Echo/Say", Buffer.alloc(limits.messageBytesMax + 1));
      assert.equal(code, statusCodes.RESOURCE_EXHAUSTED);
      assert.equal(text, "grpc: received message larger than max (4194305 vs. 4194304)");
      assert.equal(calls.length, 0);
    }));

  test("a refusal carries its text, whatever is in it, and its details", () =>
    withServer(async ({ client }) => {
      for (const text of ["plain", "50 % off", "zwölf\nBoxkämpfer", "日本", `${"x".repeat(5_000)}`]) {
        const answer = await client.call("/test.Echo/Refuse", Buffer.from(text));
        assert.equal(answer.code, statusCodes.NOT_FOUND);
        assert.equal(answer.text, text.slice(0, limits.statusMessageBytesMax));
        assert.deepEqual(answer.details, Buffer.from([1, 2, 3]));
      }
    }));

  test("a handler that throws is INTERNAL and says nothing of why", () =>
    withServer(async ({ client }) => {
      const { code, text } = await client.call("/test.Echo/Break", Buffer.alloc(0));
      assert.deepEqual([code, text], [statusCodes.INTERNAL, "internal error"]);
    }));

  test("a compressed message of somebody who has not said who he is is not unpacked", () => {
    const gate: Gate = { isOpen: () => false, enter: () => ({ code: "UNAUTHENTICATED", message: "who are you?" }) };
    const garbage = grpcMessage(Buffer.from("no gzip"));
    garbage[0] = 1;
    return withServer(
      async ({ port }) => {
        using connection = new RawConnection(port);
        const { headers } = await connection.send("/test.Echo/Say", [garbage], {
          headers: { "grpc-encoding": "gzip" },
        });
        assert.equal(headers["grpc-status"], String(statusCodes.UNAUTHENTICATED));
      },
      { gate },
    );
  });

  test("a compressed message is read, and one that unpacks to more than the limit is not", () =>
    withServer(async ({ port }) => {
      using connection = new RawConnection(port);
      const packed = (message: Buffer) => {
        const frame = grpcMessage(gzipSync(message));
        frame[0] = 1;
        return frame;
      };
      const headers = { "grpc-encoding": "gzip" };
      for (const message of [Buffer.from("a short one"), Buffer.alloc(3_000_000, "long ")]) {
        const answer = await connection.send("/test.Echo/Say", [packed(message)], { headers });
        assert.equal(answer.headers["grpc-status"], "0");
        assert.ok(answer.body.subarray(5).equals(message));
      }
      const bomb = await connection.send("/test.Echo/Say", [packed(Buffer.alloc(limits.messageBytesMax + 1))], {
        headers,
      });
      assert.equal(bomb.headers["grpc-status"], String(statusCodes.RESOURCE_EXHAUSTED));
      const table = [
        [{ "grpc-encoding": "zstd" }, packed(Buffer.from("x")), "UNIMPLEMENTED"],
        [{}, packed(Buffer.from("x")), "INVALID_ARGUMENT"],
        [
          headers,
          Buffer.concat([Buffer.from([1]), grpcMessage(Buffer.from("no gzip")).subarray(1)]),
          "INVALID_ARGUMENT",
        ],
        [headers, Buffer.concat([Buffer.from([7]), grpcMessage(Buffer.from("x")).subarray(1)]), "INVALID_ARGUMENT"],
      ] as const;
      for (const [sent, frame, code] of table) {
        const answer = await connection.send("/test.Echo/Say", [frame], { headers: sent as Record<string, string> });
        assert.equal(answer.headers["grpc-status"], String(statusCodes[code]));
      }
    }));

  test("what is no gRPC call is refused, and the connection lives on", () =>
    withServer(async ({ port, calls }) => {
      using connection = new RawConnection(port);
      const frame = grpcMessage(Buffer.from("hello"));
      const table = [
        [[frame.subarray(0, 8)], {}, "INVALID_ARGUMENT", /truncated/],
        [[], {}, "INVALID_ARGUMENT", /no message/],
        [[frame], { "grpc-timeout": "10x" }, "INVALID_ARGUMENT", /grpc-timeout/],
        [[frame], { "grpc-timeout": "-5S" }, "INVALID_ARGUMENT", /grpc-timeout/],
        [[frame], { "grpc-timeout": "123456789S" }, "INVALID_ARGUMENT", /grpc-timeout/],
      ] as const;
      for (const [chunks, headers, code, text] of table) {
        const answer = await connection.send("/test.Echo/Say", chunks, { headers });
        assert.equal(answer.headers["grpc-status"], String(statusCodes[code]));
        assert.match(decodeURIComponent(answer.headers["grpc-message"] ?? ""), text);
      }
      assert.equal((await connection.send("/test.Echo/Say", [frame], { headers: { ":method": "PUT" } })).status, 405);
      assert.equal(
        (await connection.send("/test.Echo/Say", [frame], { headers: { "content-type": "text/html" } })).status,
        415,
      );
      assert.equal(calls.length, 0);
      const chunks = [...frame].map((byte) => Buffer.from([byte]));
      const answer = await connection.send("/test.Echo/Say", chunks, { headers: { "grpc-timeout": "99999999H" } });
      assert.equal(answer.headers["grpc-status"], "0");
      assert.equal(answer.body.subarray(5).toString(), "hello");
    }));

  test("an answer does not wait for the end of a request that never ends", () =>
    withServer(async ({ port }) => {
      using connection = new RawConnection(port);
      const large = Buffer.alloc(5);
      large.writeUInt32BE(limits.messageBytesMax + 1, 1);
      const refused = await connection.send("/test.Echo/Say", [large], { open: true });
      assert.equal(refused.headers["grpc-status"], String(statusCodes.RESOURCE_EXHAUSTED));
      const answered = await connection.send("/test.Echo/Say", [grpcMessage(Buffer.from("hello"))], { open: true });
      assert.equal(answered.headers["grpc-status"], "0");
    }));

  test("the deadline reaches the handler, and ends a call whose handler does not answer", () =>
    withServer(async ({ client, calls }) => {
      const startedAt = systemClock.nowMs();
      const { code } = await client.call("/test.Echo/Wait", Buffer.alloc(0), { deadlineMs: startedAt + 150 });
      assert.equal(code, statusCodes.DEADLINE_EXCEEDED);
      const deadlineMs = calls[0]!.deadlineMs!;
      assert.ok(Math.abs(deadlineMs - startedAt - 150) < 100, `${deadlineMs - startedAt} ms`);
      await client.call("/test.Echo/Say", Buffer.alloc(0));
      assert.equal(calls[1]!.deadlineMs, undefined);
      assert.equal(calls[1]!.ended(), "no");
    }));

  test("a caller that cancels or vanishes aborts its call", () =>
    withServer(async ({ port, client, calls }) => {
      const asked = client.ask("/test.Echo/Wait", Buffer.alloc(0));
      using connection = new RawConnection(port);
      const gone = connection.send("/test.Echo/Wait", [grpcMessage(Buffer.alloc(0))]).catch(() => {});
      while (calls.length < 2) await new Promise(setImmediate);
      const ended = calls.map(({ signal }) => once(signal, "abort"));
      asked.cancel();
      connection.session.destroy();
      await Promise.all([...ended, gone]);
      assert.deepEqual(
        calls.map((call) => call.ended()),
        ["cancelled", "cancelled"],
      );
      assert.equal((await asked.answer).code, statusCodes.CANCELLED);
    }));

  test("headers are read by name, and a missing one is empty", () =>
    withServer(async ({ client, calls }) => {
      await client.call("/test.Echo/Say", Buffer.alloc(0), { headers: { "client-name": "temporal-go" } });
      assert.deepEqual([calls[0]!.header("client-name"), calls[0]!.header("client-version")], ["temporal-go", ""]);
    }));
});

describe("gRPC server, stopping", () => {
  test("long polls are answered, calls at work finish, new ones find nobody", async () => {
    const work = held();
    await withServer(
      async ({ server, port, client, calls }) => {
        const poll = client.ask("/test.Echo/Wait", Buffer.alloc(0)).answer;
        const answer = client.ask("/test.Work/Do", Buffer.from("done")).answer;
        await work.begun;
        while (calls.length < 1) await new Promise(setImmediate);
        const stopped = server.stop(10_000);
        assert.equal((await poll).bytes?.toString(), "stopping");
        work.finish();
        assert.equal((await answer).bytes?.toString(), "done");
        await stopped;
        using late = new RawClient(port);
        const { code } = await late.call("/test.Echo/Say", Buffer.alloc(0), { deadlineMs: systemClock.nowMs() + 500 });
        assert.ok(code === statusCodes.UNAVAILABLE || code === statusCodes.DEADLINE_EXCEEDED, String(code));
      },
      { unary: new Map([["/test.Work/Do", work.handler]]) },
    );
  });

  test("a call that does not finish is cut off after the grace", async () => {
    const work = held();
    await withServer(
      async ({ server, client }) => {
        const asked = client.ask("/test.Work/Do", Buffer.alloc(0)).answer;
        await work.begun;
        await server.stop(50);
        assert.equal((await asked).code, statusCodes.UNAVAILABLE);
      },
      { unary: new Map([["/test.Work/Do", work.handler]]) },
    );
  });

  test("a request that is still on its way is told to try elsewhere, not waited for", () =>
    withServer(async ({ server, port, calls }) => {
      using connection = new RawConnection(port);
      const half = connection.send("/test.Echo/Say", [grpcMessage(Buffer.alloc(100)).subarray(0, 50)], { open: true });
      await connection.send("/test.Echo/Say", [grpcMessage(Buffer.alloc(0))]);
      const stopped = server.stop(60_000);
      assert.equal((await half).headers["grpc-status"], String(statusCodes.UNAVAILABLE));
      await stopped;
      assert.equal(calls.length, 1);
    }));

  test("the client is told to go before it is cut off", () =>
    withServer(async ({ server, port }) => {
      using connection = new RawConnection(port);
      await connection.send("/test.Echo/Say", [grpcMessage(Buffer.alloc(0))]);
      await server.stop(1_000);
      assert.ok(connection.goaways.length >= 1);
      assert.ok(connection.goaways.every((code) => code === 0));
    }));
});

describe("gRPC connections", () => {
  test("an old connection is asked to go, and its open call is still answered", async () => {
    const clock = new ManualClock();
    const work = held();
    await withServer(
      async ({ port }) => {
        using connection = new RawConnection(port);
        const answer = connection.send("/test.Work/Do", [grpcMessage(Buffer.from("done"))]);
        await work.begun;
        let ageMs = 0;
        // A round trip after each step, so that pings are answered.
        for (; connection.goaways.length === 0; ageMs += limits.connectionSweepMs) {
          clock.advance(limits.connectionSweepMs);
          await new Promise<void>((resolve) => connection.session.ping(() => resolve()));
        }
        assert.ok(Math.abs(ageMs / limits.connectionAgeMsMax - 1) < 0.12, `${ageMs} ms`);
        work.finish();
        assert.equal((await answer).body.subarray(5).toString(), "done");
      },
      { clock, unary: new Map([["/test.Work/Do", work.handler]]) },
    );
  });

  test("a connection that shows no sign of life is closed, and one that does is not", async () => {
    const clock = new ManualClock();
    await withServer(
      async ({ port }) => {
        using alive = new RawConnection(port);
        await alive.send("/test.Echo/Say", [grpcMessage(Buffer.alloc(0))]);
        const silent = connectTcp(port, "127.0.0.1");
        silent.on("error", () => {});
        await once(silent, "connect");
        silent.resume();
        silent.write(hello);
        await once(silent, "data"); // the server's settings
        const closed = once(silent, "close");
        const pinged = once(alive.session, "ping");
        await new Promise(setImmediate);
        clock.advance(limits.keepaliveMs + limits.connectionSweepMs);
        await pinged;
        await alive.send("/test.Echo/Say", [grpcMessage(Buffer.alloc(0))]); // by now the answer to the ping has come too
        clock.advance(limits.keepaliveTimeoutMs + limits.connectionSweepMs);
        await closed;
        assert.equal((await alive.send("/test.Echo/Say", [grpcMessage(Buffer.alloc(0))])).headers["grpc-status"], "0");
      },
      { clock },
    );
  });
});

describe("slow callers", () => {
  const empty = grpcMessage(Buffer.alloc(0));

  test("who does not say hello in time is closed, and who did is not", async () => {
    const clock = new ManualClock();
    await withServer(
      async ({ port }) => {
        const rude = connectTcp(port, "127.0.0.1");
        rude.on("error", () => {});
        rude.resume();
        await once(rude, "connect");
        // Connections are taken in order, so by then the server knows of both.
        using polite = new RawConnection(port);
        await polite.send("/test.Echo/Say", [empty]);
        const closed = once(rude, "close");
        clock.advance(limits.helloMsMax + limits.connectionSweepMs);
        await closed;
        assert.equal((await polite.send("/test.Echo/Say", [empty])).headers["grpc-status"], "0");
      },
      { clock },
    );
  });

  test("a request that does not come is given up, and its connection lives on", async () => {
    const clock = new ManualClock();
    await withServer(
      async ({ port }) => {
        using connection = new RawConnection(port);
        await connection.send("/test.Echo/Say", [empty]);
        const slow = connection.send("/test.Echo/Say", [empty.subarray(0, 3)], { open: true });
        // What comes after it on the same connection says that it has come.
        await connection.send("/test.Echo/Say", [empty]);
        clock.advance(limits.callerMsMax + limits.connectionSweepMs);
        const { headers } = await slow;
        assert.equal(headers["grpc-status"], String(statusCodes.RESOURCE_EXHAUSTED));
        assert.match(String(headers["grpc-message"]), /took too long to arrive/);
        assert.equal((await connection.send("/test.Echo/Say", [empty])).headers["grpc-status"], "0");
      },
      { clock },
    );
  });

  test("an answer that nobody takes is thrown away", async () => {
    const clock = new ManualClock();
    await withServer(
      async ({ port }) => {
        using connection = new RawConnection(port);
        await connection.send("/test.Echo/Say", [empty]);
        await new Promise((resolve) => connection.session.settings({ initialWindowSize: 0 }, resolve));
        const stream = connection.session.request({
          ...{ ":method": "POST", ":path": "/test.Echo/Say", "content-type": "application/grpc", te: "trailers" },
        });
        stream.on("error", () => {});
        const answered = once(stream, "response");
        stream.end(grpcMessage(Buffer.from("hello")));
        await answered;
        const closed = once(stream, "close");
        clock.advance(limits.callerMsMax + limits.connectionSweepMs);
        await closed;
        assert.equal(stream.rstCode, http2.NGHTTP2_CANCEL);
      },
      { clock },
    );
  });
});

/** What a client says first. */
const hello = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");

/** A handler that answers with its request once it is told to. */
function held() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const handler = async (request: Uint8Array) => {
    begun.resolve();
    await end.promise;
    return request;
  };
  return { handler, begun: begun.promise, finish: () => end.resolve() };
}
