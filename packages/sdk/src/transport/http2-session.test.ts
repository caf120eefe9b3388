/** The client's end of HTTP/2: against Node's, and against peers that are strange, strict or wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server, type Http2Server, type ServerOptions } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import type { Headers } from "@pawl/protocol/http2";
import { Http2Session, type StreamLoss } from "./http2-session.ts";

/** What a stream's owner has heard. */
interface Heard {
  readonly headers: Headers[];
  readonly body: Buffer;
  readonly loss: StreamLoss | undefined;
}

const request = [":method", "POST", ":path", "/", ":scheme", "http", ":authority", "test"];

function ask(session: Http2Session, body: Uint8Array, more: readonly string[] = []): Promise<Heard> {
  const headers: Headers[] = [];
  const pieces: Buffer[] = [];
  return new Promise((resolve) => {
    let ends = 0;
    const end = (loss: StreamLoss | undefined) => {
      assert.equal(++ends, 1, "it has ended before");
      resolve({ headers, body: Buffer.concat(pieces), loss });
    };
    const owner = {
      onHeaders: (each: Headers) => void headers.push(each),
      onData: (bytes: Buffer) => void pieces.push(bytes),
      onEnd: () => end(undefined),
      onLoss: end,
    };
    assert.ok(session.request([...request, ...more], [], body, owner), "it takes no request");
  });
}

async function listening(server: Http2Server | Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function sessionOn(t: TestContext, port: number): Promise<Http2Session> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const session = new Http2Session(socket, () => undefined);
  t.after(() => session.destroy());
  return session;
}

/** Node's server, which answers with what it is asked. */
async function echoing(t: TestContext, options: ServerOptions = {}): Promise<Http2Session> {
  const server = createHttp2Server(options);
  server.on("stream", (stream, { "x-answer": answer }) => {
    const pieces: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      stream.respond({ ":status": 200, ...(answer === undefined ? {} : { "x-answer": answer }) });
      stream.end(Buffer.concat(pieces));
    });
  });
  const session = await sessionOn(t, await listening(server));
  t.after(() => server.close());
  return session;
}

describe("an HTTP/2 session with Node's server", () => {
  test("takes large messages both ways through small windows, many at a time", async (t) => {
    const session = await echoing(t, { settings: { initialWindowSize: 20_000 } });
    const bodies = Array.from({ length: 8 }, (_, at) => Buffer.alloc(1_500_000 + at, at + 1));
    const heard = await Promise.all(bodies.map((body) => ask(session, body)));
    for (const [at, { body, loss }] of heard.entries()) {
      assert.equal(loss, undefined);
      assert.ok(body.equals(bodies[at]!), `body ${at}`);
    }
  });

  test("asks no more at a time than the server allows", async (t) => {
    const server = createHttp2Server({ settings: { maxConcurrentStreams: 2 } });
    let most = 0;
    let now = 0;
    server.on("stream", (stream) => {
      most = Math.max(most, ++now);
      stream.resume();
      stream.on("end", () => {
        setImmediate(() => {
          now--;
          stream.respond({ ":status": 200 }, { endStream: true });
        });
      });
    });
    const session = await sessionOn(t, await listening(server));
    t.after(() => server.close());
    // Its settings must have come.
    await ask(session, Buffer.alloc(0));
    const heard = await Promise.all(Array.from({ length: 20 }, () => ask(session, Buffer.from("x"))));
    assert.ok(heard.every(({ headers, loss }) => loss === undefined && headers[0]?.[":status"] === "200"));
    assert.equal(most, 2);
  });

  for (const headerTableSize of [0, 100, 4_096, 65_536]) {
    test(`is understood by one that remembers ${headerTableSize} bytes of headers`, async (t) => {
      const session = await echoing(t, { settings: { headerTableSize } });
      for (let round = 0; round < 5; round++) {
        const { headers } = await ask(session, Buffer.alloc(0), ["x-answer", `round ${round}`, "x-same", "same"]);
        assert.equal(headers[0]?.["x-answer"], `round ${round}`);
      }
    });
  }

  test("sends and takes headers that need several frames, of every byte", async (t) => {
    const session = await echoing(t, { maxHeaderListPairs: 100, settings: { maxHeaderListSize: 100_000 } });
    const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => code >= 32 && code !== 127);
    // With enough of what has a short code, Node's end codes the whole by Huffman's.
    const all = codes.map((code) => String.fromCharCode(code) + "a".repeat(8)).join("|");
    const long = all.repeat(20);
    const coded = await ask(session, Buffer.alloc(0), ["x-answer", all.trim()]);
    assert.equal(coded.headers[0]?.["x-answer"], all.trim());
    const { headers } = await ask(session, Buffer.alloc(0), ["x-answer", long.trim()]);
    assert.ok(long.length > 40_000);
    assert.equal(headers[0]?.["x-answer"], long.trim());
  });

  test("an answer that comes before the question is whole ends it", async (t) => {
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.respond({ ":status": 413 }, { endStream: true });
    });
    const session = await sessionOn(t, await listening(server));
    t.after(() => server.close());
    for (let round = 0; round < 3; round++) {
      const { headers, loss } = await ask(session, Buffer.alloc(3_000_000));
      assert.deepEqual([headers[0]?.[":status"], loss], ["413", undefined]);
    }
  });
});

/** A frame, written by hand. */
function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const [data, headers, reset, settings, promise, goAway, window, continuation] = [0, 1, 3, 4, 5, 7, 8, 9] as const;
const ok = Buffer.from([0x88]);
const hello = frame(settings, 0, 0);

/** A server that says these bytes once the first request has come; in pieces of so many bytes. */
async function saying(t: TestContext, bytes: Buffer, pieceBytes = bytes.length): Promise<Http2Session> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.once("data", async () => {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        socket.write(bytes.subarray(at, at + pieceBytes));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });
  const session = await sessionOn(t, await listening(server));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return session;
}

describe("an HTTP/2 session with a strange server", () => {
  const padded = Buffer.concat([Buffer.from([3]), Buffer.from("padded"), Buffer.alloc(3)]);
  const prioritized = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), ok, Buffer.alloc(2)]);
  const trailers = Buffer.from("00016101620001630164", "hex");
  const strange = Buffer.concat([
    hello,
    frame(0x77, 0xff, 0, Buffer.from("unknown")),
    frame(headers, 0x4, 1, Buffer.from([0x48, 3, ...Buffer.from("103")])),
    frame(headers, 0x8 | 0x20 | 0x4, 1, prioritized),
    frame(2, 0, 1, Buffer.alloc(5)),
    frame(data, 0x8, 1, padded),
    frame(data, 0, 1),
    frame(6, 0, 0, Buffer.from("pingping")),
    frame(headers, 0x1, 1, trailers.subarray(0, 3)),
    frame(continuation, 0, 1, trailers.subarray(3, 3)),
    frame(continuation, 0x4, 1, trailers.subarray(3)),
    // Late, for what is over.
    frame(data, 0, 1, Buffer.from("late")),
    frame(window, 0, 1, Buffer.from([0, 0, 0, 1])),
  ]);

  for (const pieceBytes of [1, 7, strange.length]) {
    test(`understands it, also in pieces of ${pieceBytes} bytes`, async (t) => {
      const session = await saying(t, strange, pieceBytes);
      const heard = await ask(session, Buffer.from("x"));
      assert.deepEqual(
        heard.headers.map((each) => ({ ...each })),
        [{ ":status": "200" }, { a: "b", c: "d" }],
      );
      assert.deepEqual([heard.body.toString(), heard.loss], ["padded", undefined]);
      assert.ok(session.isOpen);
    });
  }

  test("what a server that goes has not begun is lost, and what it has begun ends", async (t) => {
    const going = frame(goAway, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]));
    const session = await saying(t, Buffer.concat([hello, going, frame(headers, 0x5, 1, ok)]));
    const both = await Promise.all([ask(session, Buffer.from("x")), ask(session, Buffer.from("y"))]);
    assert.deepEqual(
      both.map(({ headers: [first], loss }) => first?.[":status"] ?? (loss?.type === "reset" && loss.code)),
      ["200", 7],
    );
    assert.ok(!session.isOpen);
  });

  for (const [what, said, expected] of [
    ["no HTTP/2", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /does not speak HTTP\/2/],
    ["no settings at first", frame(headers, 0x5, 1, ok), /does not speak HTTP\/2/],
    ["a frame that is too large", Buffer.concat([hello, frame(data, 0, 1, Buffer.alloc(16_385))]), /too large/],
    ["an answer to no request", Buffer.concat([hello, frame(headers, 0x5, 3, ok)]), /no request/],
    ["data for no request", Buffer.concat([hello, frame(data, 0, 2, ok)]), /no request/],
    ["data before their headers", Buffer.concat([hello, frame(data, 0, 1, ok)]), /before their headers/],
    ["headers for the connection", Buffer.concat([hello, frame(headers, 0x5, 0, ok)]), /no request/],
    ["a promise", Buffer.concat([hello, frame(promise, 0, 1, Buffer.alloc(5))]), /nobody asked for/],
    ["more padding than frame", Buffer.concat([hello, frame(data, 0x8, 1, Buffer.from([9, 1]))]), /padding/],
    ["padding of nothing", Buffer.concat([hello, frame(headers, 0x8 | 0x4, 1)]), /padding/],
    ["settings that are cut off", Buffer.concat([hello, frame(settings, 0, 0, Buffer.alloc(5))]), /settings/],
    ["a reset without a code", Buffer.concat([hello, frame(reset, 0, 1, Buffer.alloc(3))]), /a reset/],
    ["a window of nothing", Buffer.concat([hello, frame(window, 0, 0, Buffer.alloc(4))]), /a window/],
    ["headers that nobody decodes", Buffer.concat([hello, frame(headers, 0x4, 1, Buffer.from([0xff]))]), /decoded/],
    [
      "half of its headers",
      Buffer.concat([hello, frame(headers, 0, 1, ok), frame(data, 0, 1, ok)]),
      /half of its headers/,
    ],
    [
      "headers without end",
      Buffer.concat([hello, frame(headers, 0, 1, ok), ...Array.from({ length: 300 }, () => frame(continuation, 0, 1))]),
      /headers that are too large/,
    ],
  ] as readonly (readonly [string, Buffer, RegExp])[]) {
    test(`leaves one that sends ${what}`, async (t) => {
      const session = await saying(t, said);
      const { loss } = await ask(session, Buffer.from("x"));
      assert.equal(loss?.type, "connectionLost");
      assert.match(loss.text, expected);
      assert.ok(!session.isOpen);
    });
  }

  test("ends with whatever else it may be told", async (t) => {
    // The same bytes each time, by a generator of its own.
    let state = 20_261_122;
    const next = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 60; round++) {
      const frames = Array.from({ length: 12 }, () => {
        const payload = Buffer.from(Array.from({ length: next(20) }, () => next(256)));
        return frame(next(11), next(64), next(4), payload);
      });
      const last = frame(goAway, 0, 0, Buffer.alloc(8));
      const session = await saying(t, Buffer.concat([hello, ...frames, last]), 1 + next(200));
      const heard = await ask(session, Buffer.from("x"));
      assert.ok(heard.headers.length > 0 || heard.loss !== undefined);
    }
  });
});
