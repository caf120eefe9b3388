/**
 * The server's end of an HTTP/2 connection (RFC 9113), as far as gRPC needs it. Node's own makes a duplex stream and some ten events of each call, which
 * costs more than what most calls do.
 *
 *   H1. Frames of one turn leave in one write, in the order in which they were made; a body waits while the socket does not take what is there.
 *   H2. Every block of headers that comes is decoded, also one for a stream that is over: the table is the connection's.
 *   H3. Bytes that come count for the connection's window, whoever they are for, until somebody has taken them.
 *   H4. A stream's owner hears of its end once, in a turn of its own when it was broken off, and of nothing after it.
 *   H5. A peer that breaks the rules of the connection is told by which code and loses it; one that breaks those of a stream loses that.
 *   H6. What is held for a peer has a limit: nothing is read from a peer that does not read itself, and one that sends too many frames which only cost work
 *       (resets, empty frames, settings) is disconnected.
 */
import type { Socket } from "node:net";
import {
  contentOf,
  type Frame,
  FrameReader,
  frameBytesDefault,
  frameFlags,
  frameTypes,
  type Header,
  HeaderDecoder,
  http2Codes,
  PartialBlock,
  preface,
  settingIds,
  settingsPayload,
  UndecodableHeaders,
  uint32,
  windowDefault,
  windowMax,
} from "@pawl/protocol/http2";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { TokenBucket } from "../token-bucket.ts";
import { AnswerSender } from "./answer-sender.ts";
import { Http2Stream, type StreamWire } from "./http2-stream.ts";
import { RequestHeadersReader } from "./request-headers.ts";

export interface ConnectionOwner {
  readonly clock: Clock;
  /** A request has begun; its `owner` is to be set now. */
  onStream(stream: Http2Stream): void;
  onClose(connection: Http2Connection): void;
}

const lastStreamId = 2 ** 31 - 1;
const headerBlockLimits = { bytesMax: limits.headerBlockBytesMax, framesMax: limits.headerFramesMax };
const memoryBytesMax = limits.connectionMemoryMebibytesMax * 1024 * 1024;
const none = Buffer.alloc(0);

export class Http2Connection implements StreamWire {
  readonly socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #frames = new FrameReader();
  readonly #decoder = new HeaderDecoder();
  readonly #unsound = new WeakSet<Header>();
  readonly #sender: AnswerSender;
  readonly #streams = new Map<number, Http2Stream>();
  /** Answered before their requests were all there, and since when. */
  readonly #lingering = new Map<Http2Stream, number>();
  readonly #pings: (() => void)[] = [];
  /** How often the peer may do what costs more to answer than to do. */
  readonly #resets: TokenBucket;
  readonly #strains: TokenBucket;
  #state: "open" | "leaving" | "closed" = "open";
  #prefaceBytes = 0;
  #isGreeted = false;
  #lastId = 0;
  #partial: PartialBlock | undefined;
  #peersStreamWindow = windowDefault;
  #receiveWindow: number = limits.connectionWindowBytes;
  #consumed = 0;
  /** Answers to pings and settings since the socket last took all. */
  #unreadAnswers = 0;
  #hasFailed = false;
  #dropped = 0;
  #stuck: { readonly writtenBytes: number; readonly sinceMs: number } | undefined;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.socket = socket;
    this.#owner = owner;
    const nowMs = owner.clock.nowMs();
    this.#resets = new TokenBucket(limits.streamResetsPerSecond, nowMs, limits.streamResetBurst);
    this.#strains = new TokenBucket(limits.strainsPerSecond, nowMs, limits.strainBurst);
    this.#sender = new AnswerSender(socket, (stream) => this.#onAnswered(stream));
    // Whoever counts connections listens for the end of each, once for each namespace.
    socket.setMaxListeners(0);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#onDrain());
    socket.on("error", () => {}); // "close" follows
    socket.on("end", () => this.destroy());
    socket.on("close", () => this.#onClose());
    this.#greet();
  }

  /** The peer has said hello: its settings have come. */
  get isGreeted(): boolean {
    return this.#isGreeted;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Calls back when the peer has answered. */
  ping(answered: () => void): void {
    if (this.#state === "closed") return;
    this.#pings.push(answered);
    this.#sender.outbox.frame(frameTypes.ping, 0, 0, Buffer.alloc(8));
  }

  /** A notice that it will go. New calls are still taken. */
  announceLeaving(): void {
    if (this.#state === "open") this.#sayGoAway(lastStreamId, http2Codes.NO_ERROR);
  }

  /** Takes no more calls, and closes when those under way have ended. */
  leave(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    this.#sayGoAway(this.#lastId, http2Codes.NO_ERROR);
    this.#closeWhenIdle();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Ends what has lasted too long: requests that nobody needs any more, and the connection when its peer takes nothing. */
  look(nowMs: number): void {
    // It had time enough to read why.
    if (this.#hasFailed) return this.destroy();
    for (const [stream, sinceMs] of this.#lingering) {
      if (nowMs - sinceMs < limits.lingerMs) break;
      this.reset(stream, http2Codes.NO_ERROR);
    }
    const { bytesWritten, writableLength } = this.socket;
    const writtenBytes = bytesWritten - writableLength;
    if (writableLength === 0) this.#stuck = undefined;
    else if (this.#stuck?.writtenBytes !== writtenBytes) this.#stuck = { writtenBytes, sinceMs: nowMs };
    else if (nowMs - this.#stuck.sinceMs >= limits.callerMsMax) this.destroy();
  }

  headers(stream: Http2Stream, headers: readonly string[], once: readonly string[], isEnd: boolean): void {
    this.#sender.headers(stream, headers, once, isEnd);
    if (isEnd) this.#onAnswered(stream);
  }

  send(stream: Http2Stream): void {
    this.#sender.send(stream);
  }

  /** Its owner has taken what has come. */
  consume(stream: Http2Stream): void {
    const bytes = stream.unconsumed;
    stream.unconsumed = 0;
    this.#consumeOfConnection(bytes);
    const due = limits.streamWindowBytes - stream.receiveWindow;
    if (stream.hasRequestEnded || stream.isClosed || due < limits.streamWindowBytes / 2) return;
    stream.receiveWindow += due;
    this.#sender.outbox.frame(frameTypes.windowUpdate, 0, stream.id, uint32(due));
  }

  reset(stream: Http2Stream, code: number): void {
    if (stream.isClosed) return;
    this.#sayReset(stream.id, code);
    this.#forget(stream, "broken");
  }

  #greet(): void {
    const settings = settingsPayload([
      [settingIds.maxConcurrentStreams, limits.streamsPerConnectionMax],
      [settingIds.initialWindowSize, limits.streamWindowBytes],
      [settingIds.maxHeaderListSize, limits.metadataBytesMax],
    ]);
    this.#sender.outbox.frame(frameTypes.settings, 0, 0, settings);
    this.#sender.outbox.frame(frameTypes.windowUpdate, 0, 0, uint32(limits.connectionWindowBytes - windowDefault));
  }

  #read(chunk: Buffer): void {
    if (this.#state === "closed") return this.#drop(chunk.length);
    const bytes = this.#prefaceBytes < preface.length ? this.#takePreface(chunk) : chunk;
    for (const frame of this.#frames.read(bytes)) {
      if (this.#isClosed()) return;
      if (!frame) return this.#fail(http2Codes.FRAME_SIZE_ERROR);
      this.#take(frame);
    }
    // H6.
    if (this.#sender.outbox.length + this.socket.writableLength > limits.unreadBytesMax) {
      this.#sender.outbox.flush();
      if (this.socket.writableNeedDrain) this.socket.pause();
    }
  }

  /** What still comes is read, so that the peer gets to know why, but not for ever. */
  #drop(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped > 2 * limits.connectionWindowBytes) this.destroy();
  }

  /** What follows the preface. */
  #takePreface(chunk: Buffer): Buffer {
    const at = this.#prefaceBytes;
    const bytes = Math.min(chunk.length, preface.length - at);
    this.#prefaceBytes += bytes;
    if (preface.compare(chunk, 0, bytes, at, at + bytes) === 0) return chunk.subarray(bytes);
    this.#fail(http2Codes.PROTOCOL_ERROR);
    return none;
  }

  #onDrain(): void {
    this.#unreadAnswers = 0;
    if (this.socket.isPaused()) this.socket.resume();
    this.#sender.sendMore();
  }

  #take(frame: Frame): void {
    const { type, flags, streamId, payload } = frame;
    if (!this.#isGreeted) {
      if (type !== frameTypes.settings || flags & frameFlags.acknowledged) return this.#fail(http2Codes.PROTOCOL_ERROR);
      this.#isGreeted = true;
    }
    if (this.#partial) return this.#takeMoreHeaders(this.#partial, frame);
    switch (type) {
      case frameTypes.data:
        return this.#takeData(frame);
      case frameTypes.headers:
        return this.#takeHeaders(frame);
      case frameTypes.resetStream:
        return payload.length === 4 ? this.#takeReset(streamId) : this.#fail(http2Codes.FRAME_SIZE_ERROR);
      case frameTypes.settings:
        return this.#takeSettings(frame);
      case frameTypes.ping:
        return this.#takePing(frame);
      case frameTypes.goAway:
        // It needs no more than what is under way; it closes the connection itself.
        if (payload.length < 8) this.#fail(http2Codes.FRAME_SIZE_ERROR);
        else if (streamId !== 0) this.#fail(http2Codes.PROTOCOL_ERROR);
        return;
      case frameTypes.windowUpdate:
        if (payload.length !== 4) return this.#fail(http2Codes.FRAME_SIZE_ERROR);
        return this.#takeWindow(streamId, payload.readUInt32BE(0) & 0x7fffffff);
      case frameTypes.pushPromise:
      case frameTypes.continuation:
        return this.#fail(http2Codes.PROTOCOL_ERROR);
      default:
      // Priorities and frames that are not known mean nothing here.
    }
  }

  #takeHeaders(frame: Frame): void {
    // A stream of the client's has an odd number.
    if (frame.streamId % 2 === 0) return this.#fail(http2Codes.PROTOCOL_ERROR);
    const content = contentOf(frame);
    if (!content) return this.#fail(http2Codes.PROTOCOL_ERROR);
    if (frame.flags & frameFlags.endOfHeaders) return this.#takeBlock(frame, content);
    this.#partial = new PartialBlock(frame, content, headerBlockLimits);
  }

  #takeMoreHeaders(partial: PartialBlock, frame: Frame): void {
    const block = partial.take(frame);
    if (block === "foreign") return this.#fail(http2Codes.PROTOCOL_ERROR);
    if (block === "tooLarge") return this.#fail(http2Codes.ENHANCE_YOUR_CALM);
    if (block === "more") return;
    this.#partial = undefined;
    this.#takeBlock(partial.head, block);
  }

  #takeBlock({ streamId, flags }: Frame, block: Buffer): void {
    const stream = this.#streams.get(streamId);
    const reader = new RequestHeadersReader(stream ? "trailers" : "request", this.#unsound);
    // H2.
    if (!this.#decode(block, reader)) return;
    const isEnd = (flags & frameFlags.endOfStream) !== 0;
    if (stream) return this.#takeTrailers(stream, reader, isEnd);
    if (streamId <= this.#lastId) return this.#strain();
    if (this.#state !== "open") return;
    this.#lastId = streamId;
    this.#begin(streamId, reader, isEnd);
  }

  #decode(block: Buffer, reader: RequestHeadersReader): boolean {
    try {
      this.#decoder.read(block, (header, isKnown) => reader.take(header, isKnown));
      return true;
    } catch (error) {
      if (!(error instanceof UndecodableHeaders)) throw error;
      this.#fail(http2Codes.COMPRESSION_ERROR);
      return false;
    }
  }

  #begin(streamId: number, reader: RequestHeadersReader, isEnd: boolean): void {
    if (this.#streams.size >= limits.streamsPerConnectionMax || this.#sender.heldBytes > memoryBytesMax) {
      this.#sayReset(streamId, http2Codes.REFUSED_STREAM);
      return this.#strain();
    }
    const headers = reader.result();
    if (headers === "tooLarge") return this.#sayReset(streamId, http2Codes.ENHANCE_YOUR_CALM);
    if (headers === "malformed") {
      this.#sayReset(streamId, http2Codes.PROTOCOL_ERROR);
      return this.#strain();
    }
    const stream = new Http2Stream(streamId, headers, this.#peersStreamWindow, this);
    this.#streams.set(streamId, stream);
    this.#owner.onStream(stream);
    if (isEnd) this.#requestEnded(stream);
  }

  #takeTrailers(stream: Http2Stream, reader: RequestHeadersReader, isEnd: boolean): void {
    if (stream.hasRequestEnded) return this.#fault(stream, http2Codes.STREAM_CLOSED);
    const trailers = reader.result();
    if (!isEnd || typeof trailers === "string") return this.#fault(stream, http2Codes.PROTOCOL_ERROR);
    this.#requestEnded(stream);
  }

  #takeData(frame: Frame): void {
    const { streamId, flags, payload } = frame;
    const bytes = payload.length;
    const content = contentOf(frame);
    if (!content || streamId % 2 === 0) return this.#fail(http2Codes.PROTOCOL_ERROR);
    // H3.
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) return this.#fail(http2Codes.FLOW_CONTROL_ERROR);
    const stream = this.#streams.get(streamId);
    if (!stream) {
      if (this.#isIdle(streamId)) return this.#fail(http2Codes.PROTOCOL_ERROR);
      return this.#consumeOfConnection(bytes);
    }
    stream.unconsumed += bytes;
    stream.receiveWindow -= bytes;
    if (stream.hasRequestEnded) return this.#fault(stream, http2Codes.STREAM_CLOSED);
    if (stream.receiveWindow < 0) return this.#fault(stream, http2Codes.FLOW_CONTROL_ERROR);
    const isEnd = (flags & frameFlags.endOfStream) !== 0;
    if (content.length === 0 && !isEnd) this.#strain();
    stream.bodyBytes += content.length;
    if (!hasAnnouncedLength(stream, isEnd)) return this.#fault(stream, http2Codes.PROTOCOL_ERROR);
    // What is answered now is over at once.
    stream.hasRequestEnded = isEnd;
    if (content.length > 0) stream.owner?.onData(content);
    if (stream.isClosed) return;
    if (!stream.isHeld) this.consume(stream);
    if (isEnd) this.#requestEnded(stream);
  }

  #requestEnded(stream: Http2Stream): void {
    stream.hasRequestEnded = true;
    if (stream.isClosed) return;
    if (!hasAnnouncedLength(stream, true)) return this.#fault(stream, http2Codes.PROTOCOL_ERROR);
    stream.owner?.onEnd();
    if (stream.hasAnswerEnded) this.#forget(stream, "whole");
  }

  #takeReset(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (!stream) {
      if (this.#isIdle(streamId)) this.#fail(http2Codes.PROTOCOL_ERROR);
      return;
    }
    this.#forget(stream, "broken");
    if (!this.#resets.take(this.#owner.clock.nowMs())) this.#fail(http2Codes.ENHANCE_YOUR_CALM);
  }

  #takeSettings({ flags, streamId, payload }: Frame): void {
    if (streamId !== 0) return this.#fail(http2Codes.PROTOCOL_ERROR);
    const isAnswer = (flags & frameFlags.acknowledged) !== 0;
    if (payload.length % 6 !== 0 || (isAnswer && payload.length > 0)) return this.#fail(http2Codes.FRAME_SIZE_ERROR);
    if (isAnswer) return;
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#strain();
    this.#answer(frameTypes.settings, none);
  }

  #set(id: number, value: number): void {
    switch (id) {
      case settingIds.headerTableSize:
        return this.#sender.resizeTable(value);
      case settingIds.enablePush:
        return value > 1 ? this.#fail(http2Codes.PROTOCOL_ERROR) : undefined;
      case settingIds.initialWindowSize:
        return value > windowMax ? this.#fail(http2Codes.FLOW_CONTROL_ERROR) : this.#setStreamWindow(value);
      case settingIds.maxFrameSize:
        return value < frameBytesDefault || value >= 2 ** 24 ? this.#fail(http2Codes.PROTOCOL_ERROR) : undefined;
      default:
      // This server opens no streams and sends no long headers; what it does not know means nothing.
    }
  }

  #setStreamWindow(bytes: number): void {
    const more = bytes - this.#peersStreamWindow;
    if (more === 0) return;
    this.#peersStreamWindow = bytes;
    for (const stream of [...this.#streams.values()]) {
      stream.sendWindow += more;
      if (stream.sendWindow > windowMax) return this.#fail(http2Codes.FLOW_CONTROL_ERROR);
      if (more > 0 && stream.queueBytes > 0) this.#sender.send(stream);
    }
  }

  #takePing({ flags, streamId, payload }: Frame): void {
    if (streamId !== 0) return this.#fail(http2Codes.PROTOCOL_ERROR);
    if (payload.length !== 8) return this.#fail(http2Codes.FRAME_SIZE_ERROR);
    if (flags & frameFlags.acknowledged) this.#pings.shift()?.();
    else this.#answer(frameTypes.ping, payload);
  }

  #takeWindow(streamId: number, more: number): void {
    if (streamId === 0) {
      if (more === 0) return this.#fail(http2Codes.PROTOCOL_ERROR);
      if (this.#sender.window + more > windowMax) return this.#fail(http2Codes.FLOW_CONTROL_ERROR);
      return this.#sender.widen(more);
    }
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#isIdle(streamId) ? this.#fail(http2Codes.PROTOCOL_ERROR) : undefined;
    if (more === 0) return this.#fault(stream, http2Codes.PROTOCOL_ERROR);
    stream.sendWindow += more;
    if (stream.sendWindow > windowMax) return this.#fault(stream, http2Codes.FLOW_CONTROL_ERROR);
    if (stream.queueBytes > 0) this.#sender.send(stream);
  }

  /** Whether nobody has opened it yet. When this end goes, the peer may have opened streams that it did not look at. */
  #isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || (streamId > this.#lastId && this.#state === "open");
  }

  #onAnswered(stream: Http2Stream): void {
    stream.hasAnswerEnded = true;
    if (stream.hasRequestEnded) return this.#forget(stream, "whole");
    this.#lingering.set(stream, this.#owner.clock.nowMs());
    stream.release();
  }

  /** H4. */
  #forget(stream: Http2Stream, how: "whole" | "broken"): void {
    if (stream.isClosed) return;
    stream.isClosed = true;
    this.#streams.delete(stream.id);
    this.#lingering.delete(stream);
    this.#sender.forget(stream);
    this.#consumeOfConnection(stream.unconsumed);
    stream.unconsumed = 0;
    if (how === "whole") stream.owner?.onClose();
    else setImmediate(() => stream.owner?.onClose());
    this.#closeWhenIdle();
  }

  #consumeOfConnection(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < limits.connectionWindowBytes / 2 || this.#state === "closed") return;
    this.#sender.outbox.frame(frameTypes.windowUpdate, 0, 0, uint32(this.#consumed));
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  /** H6. */
  #strain(): void {
    if (!this.#strains.take(this.#owner.clock.nowMs())) this.#fail(http2Codes.ENHANCE_YOUR_CALM);
  }

  /** H6. */
  #answer(type: number, payload: Uint8Array): void {
    if (this.#state === "closed") return;
    if (this.socket.writableNeedDrain && ++this.#unreadAnswers > limits.unreadAnswersMax)
      return this.#fail(http2Codes.ENHANCE_YOUR_CALM);
    this.#sender.outbox.frame(type, frameFlags.acknowledged, 0, payload);
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  /** H5, of a stream. */
  #fault(stream: Http2Stream, code: number): void {
    this.reset(stream, code);
    this.#strain();
  }

  #sayReset(streamId: number, code: number): void {
    if (this.#state !== "closed") this.#sender.outbox.frame(frameTypes.resetStream, 0, streamId, uint32(code));
  }

  #sayGoAway(lastId: number, code: number): void {
    this.#sender.outbox.frame(frameTypes.goAway, 0, 0, uint32(lastId, code));
  }

  #closeWhenIdle(): void {
    if (this.#state !== "leaving" || this.#streams.size > 0) return;
    this.#state = "closed";
    this.#hangUp();
  }

  #hangUp(): void {
    this.#sender.outbox.flush();
    this.socket.end();
    // So that its end is noticed.
    if (this.socket.isPaused()) this.socket.resume();
  }

  /** H5, of the connection. */
  #fail(code: number): void {
    if (this.#state === "closed") return;
    this.#sayGoAway(this.#lastId, code);
    this.#state = "closed";
    this.#hasFailed = true;
    this.#hangUp();
    this.#forgetAll();
  }

  #onClose(): void {
    this.#state = "closed";
    this.#forgetAll();
    this.#owner.onClose(this);
  }

  #forgetAll(): void {
    for (const stream of [...this.#streams.values()]) this.#forget(stream, "broken");
  }
}

/** Whether a body is as long as its headers say it is. */
function hasAnnouncedLength({ headers, bodyBytes }: Http2Stream, isEnd: boolean): boolean {
  const announced = headers["content-length"];
  if (announced === undefined) return true;
  return isEnd ? bodyBytes === Number(announced) : bodyBytes <= Number(announced);
}
