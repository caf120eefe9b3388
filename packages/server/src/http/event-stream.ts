/**
 * Server-sent events: an answer that goes on, as the EventSource of browsers reads it. What is to be sent is asked for only when the connection has taken what
 * was sent before, so a slow reader costs no more memory than one event; one that takes nothing at all is cut off.
 */
import type { Incoming } from "../rpc/transport.ts";
import type { Exchange } from "./exchange.ts";

/** After the end of a stream that was cut, EventSource asks again so much later. */
const retryMs = 1_000;

export function wantsEvents(exchange: Exchange): boolean {
  return exchange.verb === "GET" && exchange.header("accept").includes("text/event-stream");
}

export interface SentEvent {
  /** Comes back as `Last-Event-ID` when the reader connects again. */
  readonly id?: string;
  /** Default "message", which is what `onmessage` hears. */
  readonly type?: string;
  readonly data: unknown;
}

export class EventStream {
  readonly #exchange: Exchange;

  private constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** `undefined` when the reader has gone already. */
  static async open(exchange: Exchange): Promise<EventStream | undefined> {
    const headers = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
    if (!exchange.beginStream(headers)) return undefined;
    return (await exchange.write(`retry: ${retryMs}\n\n`)) ? new EventStream(exchange) : undefined;
  }

  /** False when the reader has gone. */
  send({ id, type, data }: SentEvent): Promise<boolean> {
    const lines = [
      ...(id === undefined ? [] : [`id: ${id}`]),
      ...(type === undefined ? [] : [`event: ${type}`]),
      `data: ${JSON.stringify(data)}`,
    ];
    return this.#exchange.write(`${lines.join("\n")}\n\n`);
  }

  /** Says that the stream lives, to the reader and to whatever stands between. */
  beat(): Promise<boolean> {
    return this.#exchange.write(": \n\n");
  }

  end(): void {
    this.#exchange.endStream();
  }
}

/** A stream makes many calls: the deadline that its caller set for the whole is not one for each. */
export function withoutDeadline(exchange: Exchange): Incoming {
  return {
    path: exchange.path,
    deadlineMs: undefined,
    get signal() {
      return exchange.signal;
    },
    ended: () => exchange.ended(),
    header: (name) => exchange.header(name),
  };
}
