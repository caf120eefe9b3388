/** Heartbeats of one activity: at most one every interval, always the latest, and what the server answers them with. */

import type { CancellationCause } from "../../activity/context.ts";
import type { MessageCodec } from "../../codec/message-codec.ts";
import type { Connection } from "../../connection/connection.ts";
import { CallFailed } from "../../transport/transport.ts";
import type { StorageDriverTargetInfo } from "../../value/external-storage.ts";
import { type PayloadConverter, toPayloads } from "../../value/payload-converter.ts";
import { wirePayloads } from "../../value/wire.ts";
import { checkField, type PayloadLimits } from "../payload-limits.ts";

/** Like the reference SDK: after this share of the timeout. */
const shareOfTimeout = 0.8;
const notFound = 5;

export interface HeartbeatThrottle {
  /** Between heartbeats of an activity without a timeout of them. */
  readonly defaultMs: number;
  readonly longestMs: number;
}

export interface HeartbeatParts {
  readonly connection: Connection;
  readonly request: { readonly namespace: string; readonly identity: string; readonly taskToken: Uint8Array };
  readonly converter: PayloadConverter;
  readonly codec: MessageCodec;
  readonly limits: PayloadLimits;
  readonly timeoutMs: number | undefined;
  readonly throttle: HeartbeatThrottle;
  readonly target: StorageDriverTargetInfo;
  readonly cancel: (cause: CancellationCause) => void;
}

export class ActivityHeartbeat {
  readonly #parts: HeartbeatParts;
  readonly #intervalMs: number;
  #latest: ReturnType<typeof wirePayloads>;
  #isNew = false;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #ended = false;
  #hasBegun = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    const intervalMs = parts.timeoutMs ? parts.timeoutMs * shareOfTimeout : parts.throttle.defaultMs;
    this.#intervalMs = Math.min(intervalMs, parts.throttle.longestMs);
  }

  /** The last details, also those that were not sent: they go with the attempt's failure. */
  get latest(): ReturnType<typeof wirePayloads> {
    return this.#latest;
  }

  /** Throws `ValueError` when the details have no form on the wire, `PayloadsTooLarge` when they have too large a one. */
  record(details: unknown): void {
    if (this.#ended) return;
    const latest = details === undefined ? undefined : wirePayloads(toPayloads(this.#parts.converter, details));
    checkField("the heartbeat's details", latest, "payload", this.#parts.limits);
    this.#latest = latest;
    this.#hasBegun = true;
    this.#isNew = true;
    if (!this.#timer && !this.#sending) this.#send();
  }

  /** No more is sent, and the one on its way has arrived. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#sending;
  }

  /** It has been told of progress. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  #send(): void {
    this.#isNew = false;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isNew && !this.#sending && !this.#ended) this.#send();
    }, this.#intervalMs);
    this.#sending = this.#call().finally(() => {
      this.#sending = undefined;
      // The interval may have passed while the server was slow to answer.
      if (this.#isNew && !this.#timer && !this.#ended) this.#send();
    });
  }

  async #call(): Promise<void> {
    const { connection, codec, request, cancel, target } = this.#parts;
    try {
      const answer = await connection.call(
        "RecordActivityTaskHeartbeat",
        await codec.encode({ ...request, details: this.#latest }, target),
      );
      if (answer.cancelRequested) cancel("cancelRequested");
      if (answer.activityPaused) cancel("paused");
      if (answer.activityReset) cancel("reset");
    } catch (error) {
      // Anything else is mended by the next heartbeat, or by the timeout that the server keeps.
      if (error instanceof CallFailed && error.code === notFound) cancel("notFound");
    }
  }
}
