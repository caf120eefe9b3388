import type { Cancel, Clock } from "../clock.ts";
import type { Match, PollRequest, Waiting } from "./match.ts";

/**
 * One long poll.
 *
 *              take out of line            put back            worker said goodbye
 *   waiting ──────────────────▶ reserved ───────────▶ waiting ──────────────────────▶ leaving: null in a moment
 *      │                           │ time is up, worker said goodbye: it still may be answered with the task it is reserved for
 *      │ answer, time is up,       ▼
 *      │ caller gone            ending
 *      ▼                           │ answer
 *     over ◀───────────────────────┴── caller gone: from any state, at once
 */
type PollState = "waiting" | "reserved" | "ending" | "leaving" | "over";

export class Poll<Started> {
  readonly poller: Waiting;
  readonly namespaceId: string;
  readonly workerInstanceKey: string | undefined;
  readonly takesEarly: boolean;
  readonly sinceMs: number;
  /** Neighbours in the line. */
  previous: Poll<Started> | undefined;
  next: Poll<Started> | undefined;
  readonly #untilMs: number;
  readonly #clock: Clock;
  readonly #line: Line<Started>;
  readonly #signal: AbortSignal;
  readonly #resolve: (match: Match<Started> | null) => void;
  readonly #onGone: () => void;
  #cancelWake: Cancel;
  #state: PollState = "waiting";

  /** Joins the end of the line. `onGone`: told when the caller goes before it has an answer. */
  constructor(
    request: PollRequest,
    line: Line<Started>,
    clock: Clock,
    { resolve, onGone }: { resolve: (match: Match<Started> | null) => void; onGone: () => void },
  ) {
    this.poller = request.poller;
    this.sinceMs = clock.nowMs();
    this.namespaceId = request.namespaceId;
    this.workerInstanceKey = request.workerInstanceKey;
    this.takesEarly = request.takesEarly ?? false;
    this.#untilMs = request.untilMs;
    this.#clock = clock;
    this.#line = line;
    this.#signal = request.signal;
    this.#resolve = resolve;
    this.#onGone = onGone;
    this.#signal.addEventListener("abort", this);
    this.#cancelWake = clock.wake(request.untilMs, () => this.end());
    line.pushLast(this);
  }

  get state(): PollState {
    return this.#state;
  }

  /** Leaves the line, if it stands there, with this answer. */
  answer(match: Match<Started> | null): void {
    if (this.#state === "waiting") this.#line.remove(this);
    this.#state = "over";
    this.#signal.removeEventListener("abort", this);
    this.#cancelWake();
    this.#resolve(match);
  }

  reserve(): void {
    this.#line.remove(this);
    this.#state = "reserved";
  }

  /** The end of a reservation that came to nothing: the head of the line again, or no answer when time is up meanwhile. */
  unreserve(): void {
    if (this.#state === "ending") this.answer(null);
    if (this.#state !== "reserved") return;
    this.#state = "waiting";
    this.#line.pushFirst(this);
  }

  /** No more waiting. */
  end(): void {
    if (this.#state === "waiting") this.answer(null);
    else if (this.#state === "reserved") this.#state = "ending";
  }

  /** Its worker said goodbye: nothing comes any more, and that is said at `atMs`, or before when time is up. */
  leave(atMs: number): void {
    if (this.#state !== "waiting") return this.end();
    this.#line.remove(this);
    this.#state = "leaving";
    this.#cancelWake();
    this.#cancelWake = this.#clock.wake(Math.min(atMs, this.#untilMs), () => this.answer(null));
  }

  /** The caller has gone. */
  handleEvent(): void {
    this.answer(null);
    this.#onGone();
  }
}

/** Polls in the order of their arrival; leaving costs the same from anywhere. */
export class Line<Started> {
  #first: Poll<Started> | undefined;
  #last: Poll<Started> | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get first(): Poll<Started> | undefined {
    return this.#first;
  }

  pushLast(poll: Poll<Started>): void {
    poll.previous = this.#last;
    poll.next = undefined;
    if (this.#last === undefined) this.#first = poll;
    else this.#last.next = poll;
    this.#last = poll;
    this.#count++;
  }

  pushFirst(poll: Poll<Started>): void {
    poll.previous = undefined;
    poll.next = this.#first;
    if (this.#first === undefined) this.#last = poll;
    else this.#first.previous = poll;
    this.#first = poll;
    this.#count++;
  }

  remove(poll: Poll<Started>): void {
    if (poll.previous === undefined) this.#first = poll.next;
    else poll.previous.next = poll.next;
    if (poll.next === undefined) this.#last = poll.previous;
    else poll.next.previous = poll.previous;
    poll.previous = undefined;
    poll.next = undefined;
    this.#count--;
  }

  /** Those that stand in it now. */
  polls(): Poll<Started>[] {
    const polls: Poll<Started>[] = [];
    for (let poll = this.#first; poll !== undefined; poll = poll.next) polls.push(poll);
    return polls;
  }
}
