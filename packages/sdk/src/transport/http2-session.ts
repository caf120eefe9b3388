/**
 * The client's end of an HTTP/2 connection (RFC 9113), as far as calls with one message there and one back need it. Node's own makes a duplex stream and
 * some ten events of each call, which costs several times the rest of the call.
 *
 *   H1. Frames of one turn leave in one write, in the order in which they were made.
 *   H2. Every block of headers that comes is decoded, also one for a stream that is over: the table is the connection's.
 *   H3. Bytes that come count for the connection's window, whoever they are for.
 *   H4. A stream's owner hears of its end once, and of nothing after it.
 */
import type { Socket } from "node:net";
import {
  contentOf,
  type Frame,
  FrameReader,
  frameBytesDefault,
  frameFlags,
  frameTypes,
  HeaderDecoder,
  HeaderEncoder,
  type Headers,
  http2Codes,
  Outbox,
  PartialBlock,
  preface,
  settingIds,
  settingsPayload,
  streamIdMax,
  UndecodableHeaders,
  uint32,
  windowDefault,
  windowMax,
} from "@pawl/protocol/http2";

/** How a stream ended, when not by the peer's last word. */
export type StreamLoss =
  | { readonly type: "reset"; readonly code: number; readonly text: string }
  | { readonly type: "connectionLost"; readonly text: string };

export interface StreamOwner {
  /** First the headers, then perhaps the trailers. */
  onHeaders(headers: Headers): void;
  onData(bytes: Buffer): void;
  /** The peer has said everything. */
  onEnd(): void;
  onLoss(loss: StreamLoss): void;
}

/** Of what may come before it has been asked for: 64 KiB would make the sender of a long history wait for each of its pieces. */
const windowBytes = 8 * 1024 * 1024;
const headerBlockLimits = { bytesMax: 256 * 1024, framesMax: 256 };

/** A request under way. */
export class Http2Stream {
  readonly owner: StreamOwner;
  readonly headers: readonly string[];
  readonly headersOnce: readonly string[];
  /** What has not been sent yet. */
  body: Uint8Array;
  /** 0: it waits for its turn. */
  id = 0;
  sendWindow = 0;
  isAnswered = false;
  /** Since the peer was last told that it may send more. */
  received = 0;

  constructor(headers: readonly string[], headersOnce: readonly string[], body: Uint8Array, owner: StreamOwner) {
    this.headers = headers;
    this.headersOnce = headersOnce;
    this.body = body;
    this.owner = owner;
  }
}

export class Http2Session {
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #onGoing: () => void;
  readonly #frames = new FrameReader();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  readonly #streams = new Map<number, Http2Stream>();
  /** For the peer to allow more at a time. */
  readonly #waiting = new Set<Http2Stream>();
  /** With more to send than their windows, or that of all, have room for. */
  readonly #sending = new Set<Http2Stream>();
  readonly #pings: (() => void)[] = [];
  #state: "new" | "open" | "closing" | "closed" = "new";
  #isReferred = true;
  #nextId = 1;
  #sendWindow = windowDefault;
  #received = 0;
  /** A block of headers that goes on in the next frame. */
  #partial: PartialBlock | undefined;
  #peer = { streamsMax: Number.POSITIVE_INFINITY, windowBytes: windowDefault, frameBytes: frameBytesDefault };
  #why = "the connection was closed";

  /** On a socket that is connected. `onGoing`: it takes no more requests. */
  constructor(socket: Socket, onGoing: () => void) {
    this.#socket = socket;
    this.#onGoing = onGoing;
    this.#outbox = new Outbox(socket);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => {
      this.#why = error.message;
    });
    socket.on("end", () => this.#leave());
    socket.on("close", () => this.#lost());
    this.#greet();
    this.#refer();
  }

  get isOpen(): boolean {
    return (this.#state === "new" || this.#state === "open") && !this.#socket.destroyed;
  }

  /** Names and values in turn, those that HTTP/2 itself reads before the others; those of `once` will hardly be said again. */
  request(
    headers: readonly string[],
    once: readonly string[],
    body: Uint8Array,
    owner: StreamOwner,
  ): Http2Stream | undefined {
    if (!this.isOpen) return undefined;
    const stream = new Http2Stream(headers, once, body, owner);
    if (this.#streams.size < this.#peer.streamsMax) this.#open(stream);
    else this.#waiting.add(stream);
    this.#refer();
    return stream;
  }

  /** Its owner does not want to hear of it any more. */
  cancel(stream: Http2Stream): void {
    if (this.#waiting.delete(stream)) return this.#refer();
    if (this.#streams.get(stream.id) !== stream) return;
    this.#reset(stream.id, http2Codes.CANCEL);
    this.#forget(stream);
  }

  /** Calls back when the peer has answered. */
  ping(answered: () => void): void {
    this.#pings.push(answered);
    this.#outbox.frame(frameTypes.ping, 0, 0, Buffer.alloc(8));
  }

  /** Ends it with everything that is under way. */
  destroy(): void {
    this.#end(http2Codes.NO_ERROR, "the connection was closed");
  }

  /** The same for a peer that is not there any more: nothing waits for it to take its leave. */
  giveUp(why: string): void {
    this.#end(http2Codes.CANCEL, why);
  }

  #greet(): void {
    const settings = settingsPayload([
      [settingIds.enablePush, 0],
      [settingIds.initialWindowSize, windowBytes],
    ]);
    this.#outbox.write(preface);
    this.#outbox.frame(frameTypes.settings, 0, 0, settings);
    this.#allow(0, windowBytes - windowDefault);
  }

  /** Only what is under way keeps the process alive. */
  #refer(): void {
    const isNeeded = this.#streams.size > 0 || this.#waiting.size > 0;
    if (isNeeded === this.#isReferred) return;
    this.#isReferred = isNeeded;
    if (isNeeded) this.#socket.ref();
    else this.#socket.unref();
  }

  #open(stream: Http2Stream): void {
    stream.id = this.#nextId;
    this.#nextId += 2;
    stream.sendWindow = this.#peer.windowBytes;
    this.#streams.set(stream.id, stream);
    const block = this.#encoder.encode(stream.headers, stream.headersOnce);
    this.#outbox.headers(stream.id, block, false, this.#peer.frameBytes);
    this.#send(stream);
    if (this.#nextId > streamIdMax) this.#leave();
  }

  /** As much of its body as there is room for. */
  #send(stream: Http2Stream): void {
    const { frameBytes } = this.#peer;
    for (;;) {
      const { body } = stream;
      const bytes = Math.min(body.length, frameBytes, stream.sendWindow, this.#sendWindow);
      if (bytes <= 0 && body.length > 0) {
        this.#sending.add(stream);
        return;
      }
      const isLast = bytes === body.length;
      this.#outbox.frame(
        frameTypes.data,
        isLast ? frameFlags.endOfStream : 0,
        stream.id,
        isLast ? body : body.subarray(0, bytes),
      );
      stream.sendWindow -= bytes;
      this.#sendWindow -= bytes;
      stream.body = body.subarray(bytes);
      if (isLast) {
        this.#sending.delete(stream);
        return;
      }
    }
  }

  #sendMore(): void {
    for (const stream of [...this.#sending]) {
      if (this.#sendWindow <= 0) return;
      this.#send(stream);
    }
  }

  #read(chunk: Buffer): void {
    for (const frame of this.#frames.read(chunk)) {
      if (this.#state === "closed") return;
      if (!frame) return this.#end(http2Codes.FRAME_SIZE_ERROR, this.#notHttp2());
      this.#take(frame);
    }
  }

  #notHttp2(): string {
    return this.#state === "new" ? "the server does not speak HTTP/2" : "the server sent a frame that is too large";
  }

  #take(frame: Frame): void {
    const { type, flags, streamId, payload } = frame;
    if (this.#state === "new") {
      if (type !== frameTypes.settings) return this.#end(http2Codes.PROTOCOL_ERROR, "the server does not speak HTTP/2");
      this.#state = "open";
    }
    if (this.#partial) return this.#takeMoreHeaders(this.#partial, frame);
    switch (type) {
      case frameTypes.data:
        return this.#takeData(frame);
      case frameTypes.headers:
        return this.#takeHeaders(frame);
      case frameTypes.resetStream:
        if (payload.length !== 4) return this.#broken("a reset");
        return this.#takeReset(streamId, payload.readUInt32BE(0));
      case frameTypes.settings:
        return flags & frameFlags.acknowledged ? undefined : this.#takeSettings(payload);
      case frameTypes.ping:
        if (payload.length !== 8) return this.#broken("a ping");
        if (flags & frameFlags.acknowledged) return this.#pings.shift()?.();
        return this.#outbox.frame(frameTypes.ping, frameFlags.acknowledged, 0, payload);
      case frameTypes.goAway:
        if (payload.length < 8) return this.#broken("a farewell");
        return this.#takeGoAway(payload.readUInt32BE(0) & 0x7fffffff, payload.readUInt32BE(4));
      case frameTypes.windowUpdate:
        if (payload.length !== 4) return this.#broken("a window");
        return this.#takeWindow(streamId, payload.readUInt32BE(0) & 0x7fffffff);
      case frameTypes.pushPromise:
      case frameTypes.continuation:
        return this.#broken("what nobody asked for");
      default:
      // Frames that are not known mean nothing.
    }
  }

  #takeHeaders(frame: Frame): void {
    const content = contentOf(frame);
    if (!content) return this.#broken("padding");
    if (frame.flags & frameFlags.endOfHeaders) return this.#takeBlock(frame, content);
    this.#partial = new PartialBlock(frame, content, headerBlockLimits);
  }

  #takeMoreHeaders(partial: PartialBlock, frame: Frame): void {
    const block = partial.take(frame);
    if (block === "foreign") return this.#broken("half of its headers");
    if (block === "tooLarge")
      return this.#end(http2Codes.ENHANCE_YOUR_CALM, "the server sent headers that are too large");
    if (block === "more") return;
    this.#partial = undefined;
    this.#takeBlock(partial.head, block);
  }

  #takeBlock({ streamId, flags }: Frame, block: Buffer): void {
    // H2.
    const headers = this.#decoded(block);
    if (!headers) return;
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#checkKnown(streamId);
    const isEnd = (flags & frameFlags.endOfStream) !== 0;
    // What comes before the answer proper says nothing here.
    if (!isEnd && headers[":status"]?.startsWith("1")) return;
    stream.isAnswered = true;
    stream.owner.onHeaders(headers);
    if (isEnd) this.#ended(stream);
  }

  #decoded(block: Buffer): Headers | undefined {
    try {
      return this.#decoder.decode(block);
    } catch (error) {
      if (!(error instanceof UndecodableHeaders)) throw error;
      this.#end(http2Codes.COMPRESSION_ERROR, error.message);
      return undefined;
    }
  }

  #takeData(frame: Frame): void {
    const { streamId, flags, payload } = frame;
    // H3.
    this.#received += payload.length;
    if (this.#received >= windowBytes / 2) {
      this.#allow(0, this.#received);
      this.#received = 0;
    }
    const content = contentOf(frame);
    if (!content) return this.#broken("padding");
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#checkKnown(streamId);
    if (!stream.isAnswered) return this.#broken("data before their headers");
    stream.received += payload.length;
    if (content.length > 0) stream.owner.onData(content);
    // H4: it may have had enough.
    if (!this.#streams.has(streamId)) return;
    if (flags & frameFlags.endOfStream) return this.#ended(stream);
    if (stream.received < windowBytes / 2) return;
    this.#allow(streamId, stream.received);
    stream.received = 0;
  }

  /** Of a stream that is over there may still be something on its way. */
  #checkKnown(streamId: number): void {
    if (streamId === 0 || streamId % 2 === 0 || streamId >= this.#nextId) this.#broken("an answer to no request");
  }

  #takeReset(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#checkKnown(streamId);
    this.#forget(stream);
    stream.owner.onLoss({ type: "reset", code, text: `the stream was closed with code ${code}` });
  }

  #takeSettings(payload: Buffer): void {
    if (payload.length % 6 !== 0) return this.#broken("settings");
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#outbox.frame(frameTypes.settings, frameFlags.acknowledged, 0, Buffer.alloc(0));
    this.#openWaiting();
    this.#sendMore();
  }

  #set(id: number, value: number): void {
    switch (id) {
      case settingIds.headerTableSize:
        return this.#encoder.resize(value);
      case settingIds.maxConcurrentStreams:
        this.#peer.streamsMax = value;
        return;
      case settingIds.initialWindowSize:
        if (value > windowMax) return this.#broken("a window");
        for (const stream of this.#streams.values()) stream.sendWindow += value - this.#peer.windowBytes;
        this.#peer.windowBytes = value;
        return;
      case settingIds.maxFrameSize:
        if (value < frameBytesDefault || value >= 2 ** 24) return this.#broken("a size of frames");
        this.#peer.frameBytes = value;
        return;
      default:
      // The others are not for clients.
    }
  }

  #takeWindow(streamId: number, more: number): void {
    if (streamId === 0) {
      this.#sendWindow += more;
      if (more === 0 || this.#sendWindow > windowMax) return this.#broken("a window");
      return this.#sendMore();
    }
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#checkKnown(streamId);
    stream.sendWindow += more;
    if (this.#sending.has(stream)) this.#send(stream);
  }

  /** What the server has not begun, it never will. */
  #takeGoAway(lastStreamId: number, code: number): void {
    this.#leave();
    const refused = [...this.#streams.values()].filter(({ id }) => id > lastStreamId);
    for (const stream of refused) this.#refuse(stream, `the server goes, with code ${code}`);
    this.#closeWhenIdle();
  }

  /** Takes no more requests. */
  #leave(): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#state = "closing";
    this.#onGoing();
    for (const stream of this.#waiting) this.#refuse(stream, "the connection was given up before the call's turn came");
  }

  #refuse(stream: Http2Stream, text: string): void {
    this.#forget(stream);
    stream.owner.onLoss({ type: "reset", code: http2Codes.REFUSED_STREAM, text });
  }

  #ended(stream: Http2Stream): void {
    // The rest of the question is of no use any more.
    if (this.#sending.has(stream)) this.#reset(stream.id, http2Codes.CANCEL);
    this.#forget(stream);
    stream.owner.onEnd();
  }

  #forget(stream: Http2Stream): void {
    this.#sending.delete(stream);
    if (!this.#streams.delete(stream.id)) this.#waiting.delete(stream);
    this.#openWaiting();
    this.#refer();
    this.#closeWhenIdle();
  }

  #openWaiting(): void {
    for (const stream of this.#waiting) {
      if (!this.isOpen || this.#streams.size >= this.#peer.streamsMax) return;
      this.#waiting.delete(stream);
      this.#open(stream);
    }
  }

  #closeWhenIdle(): void {
    if (this.#state === "closing" && this.#streams.size === 0 && this.#waiting.size === 0) this.destroy();
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #reset(streamId: number, code: number): void {
    this.#outbox.frame(frameTypes.resetStream, 0, streamId, uint32(code));
  }

  #allow(streamId: number, bytes: number): void {
    this.#outbox.frame(frameTypes.windowUpdate, 0, streamId, uint32(bytes));
  }

  #broken(what: string): void {
    this.#end(http2Codes.PROTOCOL_ERROR, `the server broke the rules of HTTP/2 with ${what}`);
  }

  #end(code: number, why: string): void {
    if (this.#state === "closed") return;
    const isBroken = code !== http2Codes.NO_ERROR;
    this.#why = why;
    this.#leave();
    // The end of what waited may have been the last thing that was to happen here.
    if (this.#isClosed()) return;
    this.#state = "closed";
    this.#outbox.frame(frameTypes.goAway, 0, 0, uint32(0, code));
    this.#outbox.flush();
    if (isBroken) this.#socket.destroy();
    else this.#socket.destroySoon();
    this.#lose();
  }

  #lost(): void {
    this.#leave();
    this.#state = "closed";
    this.#lose();
  }

  /** H4. */
  #lose(): void {
    const lost = [...this.#streams.values(), ...this.#waiting];
    this.#streams.clear();
    this.#waiting.clear();
    this.#sending.clear();
    this.#refer();
    for (const { owner } of lost) owner.onLoss({ type: "connectionLost", text: this.#why });
  }
}
