/** The transport against servers of the test's own, which answer as no good server would. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type ChannelArgs, GrpcTransport } from "./grpc-transport.ts";
import { proxyFor } from "./proxy.ts";
import { CallFailed } from "./transport.ts";

type Answer = (stream: ServerHttp2Stream, message: Buffer) => void;

const headers = { ":status": 200, "content-type": "application/grpc" } as const;

function framed(message: Buffer, isCompressed = false): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = isCompressed ? 1 : 0;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Answers with these bytes and status OK. */
function answering(body: Buffer): Answer {
  return (stream) => {
    stream.respond(headers, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(body);
  };
}

const echo: Answer = (stream, message) => answering(framed(message))(stream, message);

const plainly =
  (status: number): Answer =>
  (stream) => {
    stream.respond({ ":status": status });
    stream.end("busy");
  };

describe("a call over gRPC", () => {
  let server: Http2Server;
  let address = "";
  let answer: Answer = echo;
  let asked: Record<string, unknown> = {};
  const sessions = new Set<ServerHttp2Session>();

  before(async () => {
    server = createServer();
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
      session.on("error", () => undefined);
    });
    server.on("stream", (stream, given) => {
      asked = { ...given };
      const chunks: Buffer[] = [];
      stream.on("error", () => undefined);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => answer(stream, Buffer.concat(chunks).subarray(5)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });

  const open = (channelArgs: ChannelArgs = {}, at = address) => new GrpcTransport({ address: at, channelArgs });
  const call = (transport: GrpcTransport, text: string, more: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    transport.call({
      ...{ path: "/service/Method", message: Buffer.from(text), metadata: { Mark: "yes" } },
      ...{ timeoutMs: more.timeoutMs ?? 5_000, signal: more.signal },
    });

  /** The status with which the answer makes a call end. */
  async function statusOf(given: Answer, more: Parameters<typeof call>[2] = {}, args: ChannelArgs = {}) {
    answer = given;
    const transport = open(args);
    try {
      await call(transport, "hello", more);
      return "OK";
    } catch (error) {
      assert.ok(error instanceof CallFailed, String(error));
      return error;
    } finally {
      transport.close();
    }
  }

  test("brings its message there and the answer back, in one session for all calls", async () => {
    answer = echo;
    const transport = open({ "grpc.primary_user_agent": "tests" });
    const texts = ["", "hello", "x".repeat(3_000_000)];
    const answers = await Promise.all(texts.map((text) => call(transport, text)));
    assert.deepEqual(
      answers.map((bytes) => Buffer.from(bytes).toString()),
      texts,
    );
    assert.equal(sessions.size, 1);
    assert.equal(asked["mark"], "yes");
    assert.match(String(asked["grpc-timeout"]), /^[1-5]\d{0,3}m$/);
    assert.match(String(asked["user-agent"]), /^tests grpc-node-pawl\//);
    transport.close();
  });

  test("does not send metadata that would break the connection for all", async () => {
    answer = echo;
    const transport = open();
    const sent = (metadata: Record<string, string>) =>
      transport.call({
        ...{ path: "/service/Method", message: Buffer.from("sent"), metadata },
        ...{ timeoutMs: 5_000, signal: undefined },
      });
    await assert.rejects(
      sent({ mark: "a\r\nb" }),
      /3 INVALID_ARGUMENT: metadata cannot be sent: \["mark","a\\r\\nb"\]/,
    );
    // As a byte, its last eight bits, it would be the end of a line.
    await assert.rejects(sent({ mark: "a\u010ab" }), /3 INVALID_ARGUMENT: metadata cannot be sent/);
    await assert.rejects(sent({ "two words": "a" }), /3 INVALID_ARGUMENT/);
    assert.equal(Buffer.from(await sent({ mark: "ä\t!" })).toString(), "sent");
    assert.equal(asked["mark"], "ä\t!");
    transport.close();
  });

  test("understands a compressed answer, and none that is larger than it may be", async () => {
    answer = answering(framed(gzipSync("packed"), true));
    const transport = open();
    assert.equal(Buffer.from(await call(transport, "")).toString(), "packed");
    transport.close();
    const large = answering(framed(Buffer.alloc(2_000)));
    assert.match(
      String(await statusOf(large, {}, { "grpc.max_receive_message_length": 1_000 })),
      /8 RESOURCE_EXHAUSTED/,
    );
    const bomb = answering(framed(gzipSync(Buffer.alloc(100_000)), true));
    assert.match(String(await statusOf(bomb, {}, { "grpc.max_receive_message_length": 1_000 })), /13 INTERNAL/);
  });

  test("ends with the status of the server, its words and its details", async () => {
    const failed = await statusOf((stream) =>
      stream.respond(
        {
          ...{ ...headers, "grpc-status": "5", "grpc-message": "no%20such%20thing%3A%20%C3%A4" },
          "grpc-status-details-bin": Buffer.from("details").toString("base64"),
        },
        { endStream: true },
      ),
    );
    assert.ok(failed instanceof CallFailed);
    assert.deepEqual([failed.code, failed.details], [5, "no such thing: ä"]);
    assert.equal(Buffer.from(failed.statusDetails ?? []).toString(), "details");
  });

  for (const [what, given, expected] of [
    ["a refused stream", (stream) => stream.close(7), /14 UNAVAILABLE|13 INTERNAL/],
    ["a stream that is reset", (stream) => stream.close(2), /13 INTERNAL/],
    ["no status at all", (stream) => stream.respond(headers, { endStream: true }), /13 INTERNAL|2 UNKNOWN/],
    ["no whole message", answering(Buffer.from([0, 0, 0, 0, 9, 1])), /13 INTERNAL: the answer is not one message/],
    ["a page of a proxy", plainly(503), /14 UNAVAILABLE.*503/],
    ["a page without a permission", plainly(403), /7 PERMISSION_DENIED/],
    ["a connection that breaks", (stream) => stream.session?.destroy(), /14 UNAVAILABLE/],
  ] as readonly (readonly [string, Answer, RegExp])[]) {
    test(`knows ${what}`, async () => {
      const failed = await statusOf(given);
      // A reset without an error looks like an end; which code it carries is up to the peer.
      assert.match(String(failed), expected);
    });
  }

  test("ends at its deadline and when it is aborted, and tells the server", async () => {
    const closed: Promise<unknown>[] = [];
    const silent: Answer = (stream) => void closed.push(once(stream, "close"));
    assert.match(String(await statusOf(silent, { timeoutMs: 50 })), /4 DEADLINE_EXCEEDED/);
    assert.match(String(await statusOf(silent, { signal: AbortSignal.timeout(20) })), /1 CANCELLED/);
    assert.match(String(await statusOf(silent, { signal: AbortSignal.abort() })), /1 CANCELLED/);
    // Those that got there before their caller gave up.
    await Promise.all(closed);
  });

  test("goes by a new connection when the server says that it goes, and when the old one broke", async () => {
    answer = echo;
    const transport = open();
    await call(transport, "one");
    const [first] = sessions;
    const waiting = new Promise<ServerHttp2Stream>((resolve) => {
      answer = (stream) => resolve(stream);
    });
    const underWay = call(transport, "two");
    const stream = await waiting;
    first!.goaway(0);
    answer = echo;
    // The one that is under way stays, and ends there.
    answering(framed(Buffer.from("late")))(stream, Buffer.alloc(0));
    assert.equal(Buffer.from(await underWay).toString(), "late");
    assert.equal(Buffer.from(await call(transport, "three")).toString(), "three");
    for (const session of sessions) session.destroy();
    while (sessions.size > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(Buffer.from(await retried(() => call(transport, "four"))).toString(), "four");
    transport.close();
  });

  test("finds a server that is not there UNAVAILABLE, and a closed connection too", async () => {
    const nobody = open({}, "127.0.0.1:9");
    await assert.rejects(call(nobody, ""), /14 UNAVAILABLE: No connection established to 127\.0\.0\.1:9/);
    nobody.close();
    await assert.rejects(call(nobody, ""), /14 UNAVAILABLE: the connection has been closed/);
    assert.throws(() => open({}, "x:y:99"), /ConnectionOptions\.address is not host:port/);
  });

  test("a server that no longer answers is left", async () => {
    answer = () => undefined;
    const mute = createHttpServer();
    // Takes the connection and says nothing at all.
    mute.on("connection", (socket) => socket.on("error", () => undefined));
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const at = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const transport = open({ "grpc.keepalive_time_ms": 20, "grpc.keepalive_timeout_ms": 20 }, at);
    await assert.rejects(call(transport, "", { timeoutMs: 10_000 }), /14 UNAVAILABLE/);
    transport.close();
    mute.closeAllConnections();
    mute.close();
  });

  test("goes through a socket of the file system", async () => {
    const path = join(tmpdir(), `pawl-${process.pid}.sock`);
    const local = createServer();
    local.on("stream", (stream) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => echo(stream, Buffer.concat(chunks).subarray(5)));
    });
    local.listen(path);
    await once(local, "listening");
    const transport = open({}, `unix:${path}`);
    assert.equal(Buffer.from(await call(transport, "by file")).toString(), "by file");
    transport.close();
    local.close();
  });

  test("goes through the proxy that the environment names, and not where it is excepted", async (t) => {
    answer = echo;
    const tunnels: string[] = [];
    const proxy: Server = createHttpServer();
    proxy.on("connect", ({ url = "", headers: given }, socket) => {
      tunnels.push(`${url} ${given["proxy-authorization"] ?? ""}`);
      const onward = connect(Number(address.split(":")[1]), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      for (const each of [socket, onward]) each.on("error", () => undefined);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    process.env["grpc_proxy"] = `http://user:word@127.0.0.1:${port}`;
    t.after(() => {
      delete process.env["grpc_proxy"];
      proxy.closeAllConnections();
      proxy.close();
    });
    const transport = open({}, "elsewhere.test:7233");
    assert.equal(Buffer.from(await call(transport, "through")).toString(), "through");
    transport.close();
    assert.deepEqual(tunnels, [`elsewhere.test:7233 Basic ${Buffer.from("user:word").toString("base64")}`]);
    const environment = { https_proxy: "http://proxy:3128", no_proxy: "other.test, .example.com" };
    assert.deepEqual(proxyFor("a.test", environment), { host: "proxy", port: 3128, auth: undefined });
    assert.equal(proxyFor("deep.example.com", environment), undefined);
    assert.equal(proxyFor("example.com", environment), undefined);
    assert.throws(() => proxyFor("a.test", { grpc_proxy: "socks5://proxy" }), /must be an address of HTTP/);
  });

  test("that has ended keeps no process alive, though nobody closed its connection", async () => {
    answer = echo;
    const module = new URL("./grpc-transport.ts", import.meta.url).href;
    const program = `
      import { GrpcTransport } from ${JSON.stringify(module)};
      const transport = new GrpcTransport({ address: ${JSON.stringify(address)} });
      const message = new TextEncoder().encode("done");
      const answer = await transport.call({ path: "/a/B", message, metadata: {}, timeoutMs: 5000, signal: undefined });
      console.log(new TextDecoder().decode(answer));
    `;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const printed: string[] = [];
    child.stdout.on("data", (chunk: Buffer) => printed.push(String(chunk)));
    const [code] = await once(child, "close");
    assert.deepEqual([code, printed.join("").trim()], [0, "done"]);
  });
});

/** A session that was just destroyed may be met once more. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let left = 50; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (left === 0 || !(error instanceof CallFailed)) throw error;
    }
  }
}
