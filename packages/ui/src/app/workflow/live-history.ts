/**
 * A run's history as it grows: a stream of events, kept in groups. A page in the background lets go of its stream, because browsers give one server six
 * connections for all of their tabs, and asks for the rest when somebody looks again.
 */
import { useEffect, useState } from "react";
import { pathOf } from "../api/ask.ts";
import type { RunAddress } from "../api/workflows.ts";
import type { HistoryEvent } from "../history/event.ts";
import { Groups } from "../history/groups.ts";

export interface LiveHistory {
  readonly events: readonly HistoryEvent[];
  readonly groups: readonly Group[];
  readonly lastMs: number;
  /** `lost`: the server went away, and is asked again. */
  readonly state: "reading" | "ended" | "lost";
}

type Group = Groups["all"][number];

const nothing: LiveHistory = { events: [], groups: [], lastMs: 0, state: "reading" };

/** Events come by the thousand at first: they are read so long at a time, and the page is drawn so often at most. */
const sliceMs = 10;
const drawEveryMs = 150;
/** So many are read between two looks at the clock. */
const readAtOnce = 100;

/** Nothing is read while `runId` is empty. */
export function useLiveHistory(address: RunAddress): LiveHistory {
  const { namespace, workflowId, runId } = address;
  const [history, setHistory] = useState(nothing);
  useEffect(() => {
    setHistory(nothing);
    if (runId === "") return;
    const reader = new HistoryReader({ namespace, workflowId, runId }, setHistory);
    return () => reader.close();
  }, [namespace, workflowId, runId]);
  return history;
}

class HistoryReader {
  readonly #address: RunAddress;
  readonly #show: (history: LiveHistory) => void;
  readonly #events: HistoryEvent[] = [];
  /** What has come and is not read yet. */
  #incoming: string[] = [];
  #reading: ReturnType<typeof setTimeout> | undefined;
  readonly #groups = new Groups();
  #state: LiveHistory["state"] = "reading";
  /** Nothing comes any more. */
  #isOver = false;
  #source: EventSource | undefined;
  #drawing: ReturnType<typeof setTimeout> | undefined;

  constructor(address: RunAddress, show: (history: LiveHistory) => void) {
    this.#address = address;
    this.#show = show;
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#onVisibility();
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#source?.close();
    clearTimeout(this.#drawing);
    clearTimeout(this.#reading);
  }

  readonly #onVisibility = () => {
    this.#source?.close();
    this.#source = undefined;
    if (document.visibilityState === "visible" && !this.#isOver) this.#open();
  };

  #open(): void {
    const { namespace, workflowId, runId } = this.#address;
    const last = this.#events.at(-1);
    const query = {
      "execution.runId": runId,
      lastEventId: last && `${runId}:${last.eventId}`,
      // In full, so that a saved history can be replayed, and payloads be seen as they are kept.
      noPayloadShorthand: "true",
    };
    const source = new EventSource(pathOf(["namespaces", namespace, "workflows", workflowId, "history"], query));
    this.#source = source;
    source.onmessage = ({ data }) => {
      this.#incoming.push(data as string);
      this.#reading ??= setTimeout(this.#read);
    };
    const end = () => {
      source.close();
      this.#isOver = true;
      this.#reading ??= setTimeout(this.#read);
    };
    source.addEventListener("end", end);
    source.onopen = () => this.#become("reading");
    // Refused for good: to who asks for what comes after its last event, the answer that nothing does.
    source.onerror = () => (source.readyState === EventSource.CLOSED && last ? end() : this.#become("lost"));
  }

  readonly #read = () => {
    const untilMs = performance.now() + sliceMs;
    let count = 0;
    while (count < this.#incoming.length && performance.now() < untilMs) {
      const end = Math.min(count + readAtOnce, this.#incoming.length);
      for (; count < end; count++) this.#add(JSON.parse(this.#incoming[count]!) as HistoryEvent);
    }
    this.#incoming = this.#incoming.slice(count);
    this.#reading = this.#incoming.length > 0 ? setTimeout(this.#read) : undefined;
    if (this.#isOver && this.#reading === undefined) this.#become("ended");
  };

  #add(event: HistoryEvent): void {
    const last = this.#events.at(-1);
    if (last && Number(event.eventId) <= Number(last.eventId)) return;
    this.#events.push(event);
    this.#groups.add(event);
    this.#draw();
  }

  #become(state: LiveHistory["state"]): void {
    this.#state = state;
    this.#draw();
  }

  #draw(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#show({
        events: [...this.#events],
        groups: [...this.#groups.all],
        lastMs: this.#groups.lastMs,
        state: this.#state,
      });
    }, drawEveryMs);
  }
}
