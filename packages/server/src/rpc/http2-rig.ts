/** A server's end of HTTP/2 that answers with what it is asked, and a client that says whatever it likes, byte by byte. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, before } from "node:test";
import { type Frame, FrameReader, frameTypes, HeaderDecoder, HeaderEncoder, preface } from "@pawl/protocol/http2";
import { ManualClock } from "../clock.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { Http2Stream } from "./http2-stream.ts";

export const patience = { timeout: 60_000 };
export const clock = new ManualClock();
/** By the port of the client. */
const connections = new Map<number, { readonly http2: Http2Connection; readonly heard: string[] }>();
let server: Server;
let port: number;

/** Answers with what it is asked once it has all of it; `/held` takes nothing, `/silent` never answers. */
function onStream(stream: Http2Stream, heard: string[]): void {
  const path = stream.headers[":path"]!;
  const pieces: Buffer[] = [];
  let isOver = false;
  const hear = (what: string) => {
    assert.ok(!isOver, `${what} after the end`);
    heard.push(`${stream.id} ${what}`);
  };
  stream.owner = {
    onData: (bytes) => {
      hear("data");
      pieces.push(Buffer.from(bytes));
    },
    onEnd: () => {
      hear("end");
      if (path === "/silent") return;
      const answer = stream.headers["x-answer"];
      stream.respond([":status", "200"], answer === undefined ? [] : ["x-answer", answer]);
      stream.end([Buffer.concat(pieces)], { headers: ["x-done", "yes"], once: [] });
    },
    onDrain: () => hear("drain"),
    onClose: () => {
      hear("close");
      isOver = true;
    },
  };
  if (path !== "/held") stream.release();
}

/** For the tests of a file. */
export function useServer(): void {
  before(async () => {
    server = createServer({ noDelay: true }, (socket) => {
      const heard: string[] = [];
      const http2 = new Http2Connection(socket, {
        clock,
        onStream: (stream) => onStream(stream, heard),
        onClose: () => {},
      });
      connections.set(socket.remotePort!, { http2, heard });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  after(() => server.close());
}

export function addressOfServer(): string {
  return `http://127.0.0.1:${port}`;
}

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const { headers, settings, ping, goAway } = frameTypes;
export const [endStream, endHeaders] = [0x1, 0x4];
export const hello = Buffer.concat([preface, frame(settings, 0, 0)]);
export const pairs = (path: string) => [":method", "POST", ":scheme", "http", ":authority", "test", ":path", path];
/** In a table of its own: good for any place in a connection. */
export const block = (path = "/", more: readonly string[] = []) =>
  Buffer.from(new HeaderEncoder().encode([], [...pairs(path), ...more]));
export const begin = (id: number, path = "/", more: readonly string[] = []) =>
  frame(headers, endHeaders, id, block(path, more));

/** A client by the byte. */
export class Wire implements Disposable {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly #reader = new FrameReader();
  readonly #decoder = new HeaderDecoder();
  readonly closed: Promise<unknown>;
  #onFrame = () => {};
  #port = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const each of this.#reader.read(chunk)) if (each) this.frames.push(each);
      this.#onFrame();
    });
    this.closed = new Promise((resolve) => socket.once("close", resolve));
  }

  static async open(said: Uint8Array = hello): Promise<Wire> {
    const socket = connect(port, "127.0.0.1");
    const wire = new Wire(socket);
    await once(socket, "connect");
    wire.#port = socket.localPort!;
    socket.setNoDelay(true);
    socket.write(said);
    return wire;
  }

  get server() {
    return connections.get(this.#port)!;
  }

  say(...bytes: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** The first frame of this kind that has not been asked for before. */
  async next(type: number, streamId?: number): Promise<Frame> {
    for (;;) {
      const at = this.frames.findIndex((each) => each.type === type && (streamId ?? each.streamId) === each.streamId);
      if (at >= 0) return this.frames.splice(at, 1)[0]!;
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#onFrame = resolve;
        }),
        this.closed.then(() => assert.fail(`closed before a frame of type ${type}`)),
      ]);
    }
  }

  decode({ payload }: Frame): Record<string, string> {
    return { ...this.#decoder.decode(payload) };
  }

  /** All that was said before has been looked at. */
  async settled(): Promise<void> {
    this.say(frame(ping, 0, 0, Buffer.from("settled?")));
    await this.next(ping);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export const codeOf = ({ type, payload }: Frame) => payload.readUInt32BE(type === goAway ? 4 : 0);
