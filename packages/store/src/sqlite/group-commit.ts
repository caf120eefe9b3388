/**
 * Group commit, the calling thread's side: whatever is committed while the writer runs one transaction becomes its next one.
 *
 *   commit ─▶ encoded into the open frame ─▶ frame moved to the writer thread when that is free ─▶ outcomes ─▶ promises
 *
 *   G1. At most one frame is with the writer; operations reach it in the order of the calls.
 *   G2. Writes are encoded before `commit` returns, so the caller's arrays are not looked at afterwards.
 *   G3. What the journal of lists has gathered is moved a slice at a time, so that a frame waits for one slice at most (`list-journal.ts`).
 */

import { CommitUnknown, type Lease, LeaseLost, NameTaken, SettingChanged, StoreFull, type Write } from "../store.ts";
import type { JournalState } from "./list-journal.ts";
import type { ListAnswer, ListRequest } from "./sqlite-lists.ts";
import type { Outcome, WriterReply, WriterRequest } from "./sqlite-writer.ts";
import type { Thread } from "./thread.ts";
import { FrameEncoder } from "./write-frame.ts";

const frameBytesInitial = 64 * 1024;
/** A frame that has reached this size is closed: one transaction, and what a failure takes with it, stays bounded. */
const frameBytesMax = 8 * 1024 * 1024;
/** Larger buffers are not kept for the next frame. */
const spareBytesMax = 1024 * 1024;

interface Waiting {
  readonly lease: Lease | null;
  /** The range id of an `acquire`, otherwise null. */
  readonly resolve: (rangeId: number | null) => void;
  readonly reject: (error: Error) => void;
}

interface Frame {
  readonly encoder: FrameEncoder;
  readonly waiting: Waiting[];
}

export class GroupCommit {
  readonly #writer: Thread<WriterRequest, WriterReply>;
  readonly #frames: Frame[] = [];
  #spare: ArrayBuffer | null = null;
  #isBusy = false;
  #unsettled: string | null = null;
  #idle: (() => void)[] = [];
  #journal: JournalState;
  #isMoving = false;

  /** `ready`: what the writer said first. */
  constructor(writer: Thread<WriterRequest, WriterReply>, ready: WriterReply) {
    this.#writer = writer;
    this.#journal = ready.journal;
  }

  async commit(lease: Lease | null, writes: readonly Write[]): Promise<void> {
    await this.#add(lease, (encoder) => encoder.commit(lease, writes));
  }

  async acquire(shardId: number, owner: string): Promise<Lease> {
    const rangeId = await this.#add(null, (encoder) => encoder.acquire(shardId, owner));
    if (rangeId === null) throw new Error(`shard ${shardId}: the writer gave no range id`);
    return { shardId, rangeId };
  }

  /**
   * null when nothing may come back or vanish behind a read that starts now; otherwise a promise of it, which rejects with
   * `CommitUnknown` while the disk does not let the writer find out.
   */
  settled(): Promise<void> | null {
    return this.#unsettled === null ? null : this.#settle();
  }

  /**
   * null when the lists have all that has been acknowledged; otherwise a promise of it, which rejects with `StoreFull` when there is no room, and with
   * `CommitUnknown`.
   */
  listed(): Promise<void> | null {
    const { written, moved } = this.#journal;
    return moved >= written ? null : this.#moveThrough(written);
  }

  /** The lists as they will be, when `listed` has found no room for that. */
  async listedInPassing(request: ListRequest): Promise<ListAnswer> {
    const { answer } = await this.#writer.ask({ type: "list", request });
    return answer ?? { error: "the writer gave no answer" };
  }

  /** Resolves when every operation added so far has its outcome. */
  async drained(): Promise<void> {
    if (this.#isBusy || this.#frames.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #add(lease: Lease | null, encode: (encoder: FrameEncoder) => void): Promise<number | null> {
    return new Promise((resolve, reject) => {
      let frame = this.#frames.at(-1);
      if (frame === undefined || frame.encoder.byteLength >= frameBytesMax) {
        frame = { encoder: new FrameEncoder(this.#spare ?? new ArrayBuffer(frameBytesInitial)), waiting: [] };
        this.#spare = null;
        this.#frames.push(frame);
      }
      encode(frame.encoder);
      frame.waiting.push({ lease, resolve, reject });
      if (!this.#isBusy) this.#sendSoon();
    });
  }

  /**
   * At the end of this turn of the event loop: what arrived with it, and what follows from the answers to the commits before, shares a transaction.
   * Each costs two wakings of a thread, which is more than the few microseconds that the writer rests for it.
   */
  #sendSoon(): void {
    setImmediate(() => this.#send());
  }

  #send(): void {
    if (this.#isBusy) return;
    const frame = this.#frames.shift();
    if (frame === undefined) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    this.#isBusy = true;
    const { byteLength } = frame.encoder;
    const buffer = frame.encoder.take();
    this.#writer.ask({ type: "group", buffer, byteLength }, [buffer]).then(
      (reply) => this.#received(frame.waiting, reply),
      (error: Error) => this.#received(frame.waiting, this.#unknownReply(frame.waiting.length, error.message)),
    );
  }

  #received(waiting: readonly Waiting[], reply: WriterReply): void {
    this.#isBusy = false;
    this.#told(reply);
    if (this.#journal.isDue && !this.#isMoving) void this.#moveInPassing();
    if (reply.buffer !== null && reply.buffer.byteLength <= spareBytesMax) this.#spare = reply.buffer;
    this.#sendSoon();
    const outcomes = new Map(reply.outcomes.map((outcome) => [outcome.at, outcome]));
    for (const [at, operation] of waiting.entries()) {
      const outcome = outcomes.get(at);
      if (outcome === undefined) operation.resolve(null);
      else if (outcome.type === "acquired") operation.resolve(outcome.rangeId);
      else operation.reject(errorOf(outcome, operation.lease));
    }
  }

  #told({ unsettled, journal }: WriterReply): void {
    this.#unsettled = unsettled;
    // Of two replies in one turn, the later may be heard first; what has been acknowledged is asked of the lists all the same.
    this.#journal = { ...journal, written: Math.max(journal.written, this.#journal.written) };
  }

  async #settle(): Promise<void> {
    const reply = await this.#ask({ type: "settle" });
    if (reply.unsettled !== null)
      throw new CommitUnknown(`an earlier commit is neither surely there nor surely lost: ${reply.unsettled}`);
  }

  async #moveThrough(written: number): Promise<void> {
    while (this.#journal.moved < written) {
      const [outcome] = (await this.#ask({ type: "move" })).outcomes;
      if (outcome !== undefined && outcome.type !== "acquired") throw errorOf(outcome, null);
    }
  }

  /** What comes of it is seen by who needs it: by the next frame, and by the next list. */
  async #moveInPassing(): Promise<void> {
    this.#isMoving = true;
    await this.#ask({ type: "move" });
    this.#isMoving = false;
  }

  async #ask(request: WriterRequest): Promise<WriterReply> {
    const reply = await this.#writer.ask(request).catch((error: Error) => this.#unknownReply(1, error.message));
    this.#told(reply);
    return reply;
  }

  #unknownReply(operationCount: number, message: string): WriterReply {
    const outcomes = Array.from({ length: operationCount }, (_, at): Outcome => ({ at, type: "unknown", message }));
    return { outcomes, unsettled: message, journal: this.#journal, buffer: null };
  }
}

function errorOf(outcome: Exclude<Outcome, { type: "acquired" }>, lease: Lease | null): Error {
  switch (outcome.type) {
    case "leaseLost":
      return new LeaseLost(lease ?? { shardId: -1, rangeId: -1 });
    case "nameTaken":
      return new NameTaken(outcome.name);
    case "settingChanged":
      return new SettingChanged(outcome.name);
    case "full":
      return new StoreFull(`nothing was written: ${outcome.message}`);
    case "unknown":
      return new CommitUnknown(`the commit may or may not be on disk: ${outcome.message}`);
    case "rejected":
      return new Error(`a write that cannot be stored: ${outcome.message}`);
    default:
      return outcome satisfies never;
  }
}
