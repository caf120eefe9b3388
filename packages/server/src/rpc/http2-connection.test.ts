/** The server's end of HTTP/2: against Node's client, and against peers that are strange, greedy or wrong. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, type Settings } from "node:http2";
import { describe, type TestContext, test } from "node:test";
import {
  frameTypes,
  HeaderEncoder,
  http2Codes,
  preface,
  settingIds,
  settingsPayload,
  uint32,
} from "@pawl/protocol/http2";
import { limits } from "../limits.ts";
import {
  addressOfServer,
  begin,
  block,
  clock,
  codeOf,
  endHeaders,
  endStream,
  frame,
  hello,
  pairs,
  patience,
  useServer,
  Wire,
} from "./http2-rig.ts";

const { data, headers, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation } = frameTypes;

useServer();

describe("an HTTP/2 connection with Node's client", patience, () => {
  function nodes(t: TestContext, options: Settings = {}): ClientHttp2Session {
    const session = connectHttp2(addressOfServer(), { settings: options });
    session.on("error", () => {});
    t.after(() => session.destroy());
    return session;
  }

  async function ask(session: ClientHttp2Session, body: Buffer, more: Record<string, string> = {}) {
    const stream = session.request({ ":method": "POST", ":path": "/", ...more });
    const pieces: Buffer[] = [];
    let answer: unknown;
    let done: unknown;
    stream.on("response", (all) => {
      answer = all["x-answer"];
    });
    stream.on("trailers", (all) => {
      done = all["x-done"];
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.end(body);
    await once(stream, "end");
    return { body: Buffer.concat(pieces), answer, done };
  }

  for (const initialWindowSize of [100, 65_535, 5_000_000]) {
    test(`large messages go both ways, many at a time, through windows of ${initialWindowSize} bytes`, async (t) => {
      const session = nodes(t, { initialWindowSize });
      const size = initialWindowSize === 100 ? 30_000 : 2_500_000;
      const bodies = Array.from({ length: 8 }, (_, at) => Buffer.alloc(size + at, at + 1));
      const answers = await Promise.all(bodies.map((body) => ask(session, body)));
      for (const [at, { body, done }] of answers.entries()) {
        assert.ok(body.equals(bodies[at]!), `body ${at}`);
        assert.equal(done, "yes");
      }
    });
  }

  for (const headerTableSize of [0, 100, 4_096, 65_536]) {
    test(`is understood by one that remembers ${headerTableSize} bytes of headers`, async (t) => {
      const session = nodes(t, { headerTableSize });
      for (let round = 0; round < 20; round++) {
        const said = `round ${round}:${"x".repeat(round * 20)}`;
        const { answer } = await ask(session, Buffer.alloc(0), { "x-answer": said, "x-same": "same" });
        assert.equal(answer, said);
      }
    });
  }

  test("headers that need several frames are read", async (t) => {
    const long = `${"0123456789 abcdefghij ".repeat(700)}.`;
    const session = nodes(t, { maxHeaderListSize: 100_000 });
    assert.equal((await ask(session, Buffer.alloc(0), { "x-answer": long })).answer, long);
  });
});

describe("an HTTP/2 connection with a strange client", patience, () => {
  const strange = Buffer.concat([
    hello,
    frame(0x77, 0xff, 0, Buffer.from("unknown")),
    frame(2, 0, 1, Buffer.alloc(5)),
    frame(
      headers,
      0x8 | 0x20,
      1,
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), block().subarray(0, 3), Buffer.alloc(2)]),
    ),
    frame(continuation, 0, 1, block().subarray(3, 3)),
    frame(continuation, endHeaders, 1, block().subarray(3)),
    frame(data, 0x8, 1, Buffer.concat([Buffer.from([3]), Buffer.from("padded"), Buffer.alloc(3)])),
    frame(headers, endHeaders | endStream, 1, Buffer.from("0001780179", "hex")),
    // Late, for what is over.
    frame(windowUpdate, 0, 1, uint32(1)),
    frame(resetStream, 0, 1, uint32(8)),
    frame(ping, 0, 0, Buffer.from("pingping")),
  ]);

  for (const pieceBytes of [1, 7, strange.length]) {
    test(`understands it, also in pieces of ${pieceBytes} bytes`, async () => {
      using wire = await Wire.open(Buffer.alloc(0));
      for (let at = 0; at < strange.length; at += pieceBytes) {
        wire.say(strange.subarray(at, at + pieceBytes));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await wire.next(ping)).payload.toString(), "pingping");
      assert.deepEqual(wire.decode(await wire.next(headers)), { ":status": "200" });
      assert.equal((await wire.next(data)).payload.toString(), "padded");
      assert.deepEqual(wire.decode(await wire.next(headers)), { "x-done": "yes" });
      assert.deepEqual(wire.server.heard, ["1 data", "1 end", "1 close"]);
    });
  }

  test("an answer is cut to the windows of its stream and of all, which may shrink below nothing", async () => {
    const window = (bytes: number) => frame(settings, 0, 0, settingsPayload([[settingIds.initialWindowSize, bytes]]));
    using wire = await Wire.open();
    wire.say(window(10), begin(1), frame(data, endStream, 1, Buffer.alloc(25, "a")));
    assert.equal((await wire.next(data)).payload.length, 10);
    wire.say(window(4), frame(windowUpdate, 0, 1, uint32(6)));
    await wire.settled();
    assert.equal(wire.frames.filter(({ type }) => type === data).length, 0);
    wire.say(frame(windowUpdate, 0, 1, uint32(1)));
    assert.equal((await wire.next(data)).payload.length, 1);
    wire.say(window(18));
    assert.equal((await wire.next(data)).payload.length, 14);
    assert.deepEqual(wire.decode(await wire.next(headers)), { ":status": "200" });
    assert.deepEqual(wire.decode(await wire.next(headers)), { "x-done": "yes" });
    // All together: 65,535 bytes, of which 25 are used up.
    wire.say(window(100_000), begin(3), ...Array.from({ length: 5 }, () => frame(data, 0, 3, Buffer.alloc(16_000))));
    wire.say(frame(data, endStream, 3));
    await wire.settled();
    let bytes = wire.frames.reduce((sum, { type, payload }) => sum + (type === data ? payload.length : 0), 0);
    assert.equal(bytes, 65_510);
    wire.frames.length = 0;
    wire.say(frame(windowUpdate, 0, 0, uint32(100_000)));
    for (bytes = 0; bytes < 80_000 - 65_510; ) bytes += (await wire.next(data)).payload.length;
    await wire.next(headers, 3);
  });

  test("what breaks off ends once, and what is said of it later means nothing", async () => {
    using wire = await Wire.open();
    wire.say(begin(1, "/silent"), frame(data, 0, 1, Buffer.from("x")), frame(resetStream, 0, 1, uint32(8)));
    wire.say(frame(data, endStream, 1, Buffer.from("late")), frame(windowUpdate, 0, 1, uint32(0)));
    await wire.settled();
    while (wire.server.heard.length < 2) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(wire.server.heard, ["1 data", "1 close"]);
    wire.say(begin(3, "/silent"));
    await wire.settled();
    wire.socket.destroy();
    while (!wire.server.heard.includes("3 close")) await new Promise((resolve) => setImmediate(resolve));
  });

  test("one that goes takes no new calls and answers those under way", async () => {
    using wire = await Wire.open();
    wire.say(begin(1));
    await wire.settled();
    wire.server.http2.announceLeaving();
    assert.deepEqual((await wire.next(goAway)).payload, uint32(2 ** 31 - 1, 0));
    wire.say(begin(3));
    await wire.settled();
    wire.server.http2.leave();
    assert.deepEqual((await wire.next(goAway)).payload, uint32(3, 0));
    wire.say(begin(5), frame(data, endStream, 5), frame(resetStream, 0, 7, uint32(8)));
    for (const id of [1, 3]) {
      wire.say(frame(data, endStream, id, Buffer.from("x")));
      assert.equal((await wire.next(data, id)).payload.toString(), "x");
    }
    await wire.closed;
    assert.ok(!wire.server.heard.some((each) => each.startsWith("5")));
  });
});

describe("an HTTP/2 connection ends, and says why, with a client that sends", patience, () => {
  const hpack = (hex: string) => Buffer.from(hex, "hex");
  const long = Buffer.alloc(16_000);
  const table: readonly (readonly [what: string, code: keyof typeof http2Codes, said: readonly Uint8Array[]])[] = [
    ["no HTTP/2", "PROTOCOL_ERROR", [Buffer.from("GET / HTTP/1.1\r\nhost: test\r\n\r\n")]],
    ["no settings at first", "PROTOCOL_ERROR", [preface, begin(1)]],
    ["an answer to settings at first", "PROTOCOL_ERROR", [preface, frame(settings, 1, 0)]],
    ["a frame that is too large", "FRAME_SIZE_ERROR", [hello, frame(data, 0, 1, Buffer.alloc(16_385))]],
    ["data for no request", "PROTOCOL_ERROR", [hello, frame(data, 0, 1)]],
    ["data for the connection", "PROTOCOL_ERROR", [hello, frame(data, 0, 0)]],
    ["headers for the connection", "PROTOCOL_ERROR", [hello, begin(0)]],
    ["a request with a server's number", "PROTOCOL_ERROR", [hello, begin(2)]],
    ["a reset of no request", "PROTOCOL_ERROR", [hello, frame(resetStream, 0, 1, uint32(8))]],
    ["a reset without a code", "FRAME_SIZE_ERROR", [hello, begin(1), frame(resetStream, 0, 1, Buffer.alloc(3))]],
    ["a promise", "PROTOCOL_ERROR", [hello, begin(1), frame(pushPromise, 0, 1, Buffer.alloc(5))]],
    ["a continuation of nothing", "PROTOCOL_ERROR", [hello, frame(continuation, endHeaders, 1, block())]],
    [
      "half of its headers",
      "PROTOCOL_ERROR",
      [hello, frame(headers, 0, 1, block()), frame(ping, 0, 0, Buffer.alloc(8))],
    ],
    ["headers that go on for another", "PROTOCOL_ERROR", [hello, frame(headers, 0, 1), frame(continuation, 4, 3)]],
    ["more padding than frame", "PROTOCOL_ERROR", [hello, begin(1), frame(data, 0x8, 1, Buffer.from([9, 1]))]],
    ["padding of nothing", "PROTOCOL_ERROR", [hello, frame(headers, 0x8 | endHeaders, 1)]],
    ["settings that are cut off", "FRAME_SIZE_ERROR", [hello, frame(settings, 0, 0, Buffer.alloc(5))]],
    ["an answer to settings that says something", "FRAME_SIZE_ERROR", [hello, frame(settings, 1, 0, Buffer.alloc(6))]],
    ["settings of a stream", "PROTOCOL_ERROR", [hello, frame(settings, 0, 1)]],
    ["a window that is too large", "FLOW_CONTROL_ERROR", [hello, set(settingIds.initialWindowSize, 2 ** 31)]],
    ["frames that are too small", "PROTOCOL_ERROR", [hello, set(settingIds.maxFrameSize, 16_383)]],
    ["pushes that are neither on nor off", "PROTOCOL_ERROR", [hello, set(settingIds.enablePush, 2)]],
    ["a ping of a stream", "PROTOCOL_ERROR", [hello, frame(ping, 0, 1, Buffer.alloc(8))]],
    ["a ping that is too short", "FRAME_SIZE_ERROR", [hello, frame(ping, 0, 0, Buffer.alloc(7))]],
    ["a farewell that is too short", "FRAME_SIZE_ERROR", [hello, frame(goAway, 0, 0, Buffer.alloc(7))]],
    ["a farewell of a stream", "PROTOCOL_ERROR", [hello, frame(goAway, 0, 1, Buffer.alloc(8))]],
    ["a window of nothing", "PROTOCOL_ERROR", [hello, frame(windowUpdate, 0, 0, uint32(0))]],
    ["a window without a size", "FRAME_SIZE_ERROR", [hello, frame(windowUpdate, 0, 0, Buffer.alloc(3))]],
    ["a window of no request", "PROTOCOL_ERROR", [hello, frame(windowUpdate, 0, 5, uint32(1))]],
    ["windows without end", "FLOW_CONTROL_ERROR", [hello, frame(windowUpdate, 0, 0, uint32(2 ** 31 - 1))]],
    ["headers that nobody decodes", "COMPRESSION_ERROR", [hello, frame(headers, endHeaders, 1, hpack("ff"))]],
    ["a table that was not offered", "COMPRESSION_ERROR", [hello, frame(headers, endHeaders, 1, hpack("3fe1ff03"))]],
    [
      "undecodable headers for what is over",
      "COMPRESSION_ERROR",
      [hello, begin(1), frame(resetStream, 0, 1, uint32(8)), frame(headers, 5, 1, hpack("80"))],
    ],
    [
      "headers in too many frames",
      "ENHANCE_YOUR_CALM",
      [hello, frame(headers, 0, 1, block()), ...Array.from({ length: 20 }, () => frame(continuation, 0, 1))],
    ],
    [
      "headers without end",
      "ENHANCE_YOUR_CALM",
      [hello, frame(headers, 0, 1, long), ...Array.from({ length: 4 }, () => frame(continuation, 0, 1, long))],
    ],
    [
      "more than the connection's window",
      "FLOW_CONTROL_ERROR",
      [
        hello,
        ...Array.from({ length: 9 }, (_, at) => begin(2 * at + 1, "/held")),
        ...Array.from({ length: 9 * 65 }, (_, at) => frame(data, 0, 2 * (at % 9) + 1, long)),
      ],
    ],
    ["settings again and again", "ENHANCE_YOUR_CALM", [hello, ...many(() => frame(settings, 0, 0))]],
    ["data of nothing again and again", "ENHANCE_YOUR_CALM", [hello, begin(1), ...many(() => frame(data, 0, 1))]],
    [
      "calls that it cancels at once",
      "ENHANCE_YOUR_CALM",
      [hello, ...many((at) => Buffer.concat([begin(2 * at + 1), frame(resetStream, 0, 2 * at + 1, uint32(8))]))],
    ],
    [
      "calls that it has cancelled by breaking rules",
      "ENHANCE_YOUR_CALM",
      [hello, ...many((at) => Buffer.concat([begin(2 * at + 1), frame(windowUpdate, 0, 2 * at + 1, uint32(0))]))],
    ],
    ["calls that make no sense", "ENHANCE_YOUR_CALM", [hello, ...many((at) => frame(headers, 4, 2 * at + 1))]],
    ["calls with numbers that go back", "ENHANCE_YOUR_CALM", [hello, begin(9), ...many(() => begin(7))]],
  ];

  function set(id: number, value: number): Buffer {
    return frame(settings, 0, 0, settingsPayload([[id, value]]));
  }

  function many(make: (at: number) => Buffer): Buffer[] {
    return Array.from({ length: 1_001 }, (_, at) => make(at));
  }

  for (const [what, code, said] of table) {
    test(what, async () => {
      using wire = await Wire.open(Buffer.concat(said));
      assert.equal(codeOf(await wire.next(goAway)), http2Codes[code]);
      await wire.closed;
    });
  }
});

describe("an HTTP/2 connection loses the stream alone of a client that sends", patience, () => {
  const own = (...said: readonly string[]) =>
    frame(headers, endHeaders, 1, Buffer.from(new HeaderEncoder().encode([], said)));
  const table: readonly (readonly [what: string, code: keyof typeof http2Codes, said: readonly Uint8Array[]])[] = [
    ["no method", "PROTOCOL_ERROR", [own(...pairs("/").slice(2))]],
    ["no path", "PROTOCOL_ERROR", [own(...pairs("/").slice(0, 6))]],
    ["a path that is none", "PROTOCOL_ERROR", [begin(1, "path")]],
    ["no host", "PROTOCOL_ERROR", [own(":method", "POST", ":scheme", "http", ":path", "/")]],
    ["two paths", "PROTOCOL_ERROR", [own(...pairs("/"), ":path", "/")]],
    ["a status", "PROTOCOL_ERROR", [own(...pairs("/"), ":status", "200")]],
    ["the path after the others", "PROTOCOL_ERROR", [own(...pairs("/").slice(0, 6), "a", "b", ":path", "/")]],
    ["names that are not in lower case", "PROTOCOL_ERROR", [begin(1, "/", ["Name", "value"])]],
    ["an empty name", "PROTOCOL_ERROR", [begin(1, "/", ["", "value"])]],
    ["a line within a value", "PROTOCOL_ERROR", [begin(1, "/", ["name", "a\r\nb: c"])]],
    ["a nought within a value", "PROTOCOL_ERROR", [begin(1, "/", ["name", "a\0b"])]],
    ["a header of the connection", "PROTOCOL_ERROR", [begin(1, "/", ["transfer-encoding", ""])]],
    ["te that is not trailers", "PROTOCOL_ERROR", [begin(1, "/", ["te", "gzip"])]],
    ["a length that is none", "PROTOCOL_ERROR", [begin(1, "/", ["content-length", "-1"])]],
    [
      "more than it has announced",
      "PROTOCOL_ERROR",
      [begin(1, "/", ["content-length", "1"]), frame(data, 0, 1, uint32(1))],
    ],
    [
      "less than it has announced",
      "PROTOCOL_ERROR",
      [begin(1, "/", ["content-length", "9"]), frame(data, 1, 1, uint32(1))],
    ],
    ["trailers that do not end it", "PROTOCOL_ERROR", [begin(1, "/silent"), begin(1)]],
    ["a path in its trailers", "PROTOCOL_ERROR", [begin(1, "/silent"), frame(headers, 5, 1, block())]],
    ["data after its end", "STREAM_CLOSED", [begin(1, "/silent"), frame(data, 1, 1), frame(data, 0, 1)]],
    ["trailers after its end", "STREAM_CLOSED", [begin(1, "/silent"), frame(data, 1, 1), frame(headers, 5, 1)]],
    ["a window of nothing", "PROTOCOL_ERROR", [begin(1), frame(windowUpdate, 0, 1, uint32(0))]],
    ["windows without end", "FLOW_CONTROL_ERROR", [begin(1), frame(windowUpdate, 0, 1, uint32(2 ** 31 - 1))]],
    [
      "more than its window while nobody takes it",
      "FLOW_CONTROL_ERROR",
      [begin(1, "/held"), ...Array.from({ length: 66 }, () => frame(data, 0, 1, Buffer.alloc(16_000)))],
    ],
    ["more headers than it may", "ENHANCE_YOUR_CALM", [huge()]],
  ];

  /** In two frames. */
  function huge(): Buffer {
    const whole = block("/", ["x", "y".repeat(limits.metadataBytesMax)]);
    return Buffer.concat([
      frame(headers, 0, 1, whole.subarray(0, 16_000)),
      frame(continuation, 4, 1, whole.subarray(16_000)),
    ]);
  }

  for (const [what, code, said] of table) {
    test(what, async () => {
      using wire = await Wire.open();
      wire.say(...said);
      assert.equal(codeOf(await wire.next(resetStream, 1)), http2Codes[code]);
      wire.say(begin(3), frame(data, endStream, 3, Buffer.from("on it goes")));
      assert.equal((await wire.next(data, 3)).payload.toString(), "on it goes");
    });
  }

  test("a header that breaks the rules also when it comes by its number", async () => {
    using wire = await Wire.open();
    const encoder = new HeaderEncoder();
    for (const id of [1, 3]) {
      wire.say(frame(headers, endHeaders, id, Buffer.from(encoder.encode([...pairs("/"), "Bad", "value"], []))));
      assert.equal(codeOf(await wire.next(resetStream, id)), http2Codes.PROTOCOL_ERROR);
    }
  });

  test("more calls than it may", async () => {
    using wire = await Wire.open();
    const calls = Array.from({ length: limits.streamsPerConnectionMax + 1 }, (_, at) => begin(2 * at + 1, "/silent"));
    wire.say(...calls);
    assert.equal(codeOf(await wire.next(resetStream)), http2Codes.REFUSED_STREAM);
    wire.say(frame(resetStream, 0, 1, uint32(8)));
    const next = 2 * calls.length + 1;
    wire.say(begin(next), frame(data, endStream, next, Buffer.from("room again")));
    assert.equal((await wire.next(data, next)).payload.toString(), "room again");
  });
});

describe("an HTTP/2 connection with a client that does not read", patience, () => {
  /** Says the same until the connection takes no more, or has ended. */
  async function flood(wire: Wire, bytes: Buffer, isEnough: () => boolean): Promise<void> {
    while (!wire.socket.destroyed && !isEnough()) {
      if (wire.socket.writableLength < 1 << 20) wire.socket.write(bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test("ends with one that pings all the same", async () => {
    using wire = await Wire.open();
    await wire.settled();
    wire.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 2_000 }, () => frame(ping, 0, 0, Buffer.alloc(8))));
    const { http2 } = wire.server;
    // What it could have read of why is not waited for.
    await flood(wire, pings, () => {
      http2.look(clock.nowMs());
      return http2.socket.destroyed;
    });
  });

  test("holds no more of large answers than fits, and all come once it reads", async () => {
    using wire = await Wire.open();
    wire.say(set(settingIds.initialWindowSize, 10_000_000), frame(windowUpdate, 0, 0, uint32(1_000_000_000)));
    const pieces = Array.from({ length: 60 }, () => frame(data, 0, 1, Buffer.alloc(16_000)));
    const calls = Array.from({ length: 20 }, (_, at) => {
      const id = 2 * at + 1;
      for (const piece of pieces) piece.writeUInt32BE(id, 5);
      return Buffer.concat([begin(id), ...pieces, frame(data, endStream, id)]);
    });
    await wire.settled();
    wire.socket.pause();
    const { http2, heard } = wire.server;
    for (const call of calls) wire.say(call);
    while (heard.filter((each) => each.endsWith(" end")).length < 20)
      await new Promise((resolve) => setImmediate(resolve));
    assert.ok(http2.socket.writableLength < 2 * limits.unreadBytesMax, `${http2.socket.writableLength} bytes`);
    wire.socket.resume();
    for (let at = 0; at < 20; at++) {
      await wire.next(headers, 2 * at + 1);
      await wire.next(headers, 2 * at + 1);
    }
    const bytes = wire.frames.reduce((sum, { type, payload }) => sum + (type === data ? payload.length : 0), 0);
    assert.equal(bytes, 20 * 60 * 16_000);
  });

  test("begins no more calls when so much is held for it, and does again once it has taken that", async () => {
    using wire = await Wire.open();
    await wire.settled();
    const answerBytes = 60 * 16_000;
    const fullAfter = Math.ceil((limits.connectionMemoryMebibytesMax * 1024 * 1024) / answerBytes);
    const pieces = Array.from({ length: 60 }, () => Buffer.alloc(16_000));
    const ask = (id: number) =>
      wire.say(begin(id), ...pieces.map((piece) => frame(data, 0, id, piece)), frame(data, endStream, id));
    // Of each answer what its window allows goes out, and the rest is held.
    let refusedId = 0;
    for (let id = 1; refusedId === 0; id += 2) {
      ask(id);
      await wire.settled();
      if (wire.frames.some(({ type, streamId }) => type === resetStream && streamId === id)) refusedId = id;
    }
    const held = (refusedId - 1) / 2;
    assert.ok(held >= fullAfter && held <= fullAfter + 2, `${held} answers were held`);
    wire.say(set(settingIds.initialWindowSize, 10_000_000), frame(windowUpdate, 0, 0, uint32(1_000_000_000)));
    for (let at = 0; at < held; at++) await wire.next(headers, 2 * at + 1);
    ask(refusedId + 2);
    await wire.next(headers, refusedId + 2);
  });

  test("ends when it takes nothing for long", async () => {
    using wire = await Wire.open();
    wire.say(set(settingIds.initialWindowSize, 2 ** 31 - 1), frame(windowUpdate, 0, 0, uint32(2 ** 30)));
    await wire.settled();
    wire.socket.pause();
    const { http2 } = wire.server;
    for (let id = 1; http2.socket.writableLength === 0; id += 2) {
      wire.say(begin(id), ...Array.from({ length: 40 }, () => frame(data, 0, id, Buffer.alloc(16_000))));
      wire.say(frame(data, endStream, id));
      await new Promise((resolve) => setImmediate(resolve));
    }
    http2.look(clock.nowMs());
    http2.look(clock.nowMs() + limits.callerMsMax - 1);
    assert.ok(!http2.socket.destroyed);
    http2.look(clock.nowMs() + limits.callerMsMax);
    assert.ok(http2.socket.destroyed);
  });

  function set(id: number, value: number): Buffer {
    return frame(settings, 0, 0, settingsPayload([[id, value]]));
  }
});

test("whatever else an HTTP/2 connection is told, it ends or answers, and the others live on", patience, async () => {
  // The same bytes each time, by a generator of its own.
  let state = 20_261_122;
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  using witness = await Wire.open();
  for (let round = 0; round < 300; round++) {
    const frames = Array.from({ length: 14 }, () => {
      const id = next(6);
      if (next(3) === 0) return begin(id | 1, next(2) ? "/" : "/silent");
      const payload = Buffer.from(Array.from({ length: next(20) }, () => next(256)));
      return frame(next(11), next(64), id, payload);
    });
    using wire = await Wire.open(Buffer.concat([hello, ...frames, frame(goAway, 0, 0, Buffer.alloc(8))]));
    wire.socket.end();
    await wire.closed;
  }
  witness.say(begin(1), frame(data, endStream, 1, Buffer.from("alive")));
  assert.equal((await witness.next(data)).payload.toString(), "alive");
});
