/** A history as a file holds it: `{"events": […]}`, or the list alone, as the official tools and this one write it. */
import type { HistoryEvent } from "./event.ts";
import { Groups } from "./groups.ts";

export interface HistoryFile {
  readonly events: readonly HistoryEvent[];
  readonly groups: Groups["all"];
  readonly lastMs: number;
}

/** Throws a sentence that says what is wrong. */
export function readHistoryFile(text: string): HistoryFile {
  const events = eventsOf(parsed(text));
  const groups = new Groups();
  for (const event of events) groups.add(event);
  return { events, groups: groups.all, lastMs: groups.lastMs };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This file is not valid JSON: ${error instanceof Error ? error.message : ""}`);
  }
}

function eventsOf(content: unknown): HistoryEvent[] {
  const list = Array.isArray(content) ? content : (content as { events?: unknown } | null)?.events;
  if (!Array.isArray(list)) throw new Error("This file holds no history: it has no list of events.");
  if (list.length === 0) throw new Error("This history has no events.");
  return list.map(eventOf);
}

function eventOf(event: unknown, index: number): HistoryEvent {
  const { eventId, eventTime, eventType, ...more } = (event ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof eventType !== "string" || Number.isNaN(Date.parse(String(eventTime))))
    throw new Error(`Entry ${index + 1} is no event: it needs an eventType and an eventTime.`);
  return {
    ...more,
    eventId: String(eventId ?? index + 1),
    eventTime: String(eventTime),
    eventType: fullType(eventType),
  };
}

/** Older tools write `TimerStarted` for `EVENT_TYPE_TIMER_STARTED`. */
function fullType(type: string): string {
  if (/^[A-Z][A-Z_]+$/.test(type)) return type.startsWith("EVENT_TYPE_") ? type : `EVENT_TYPE_${type}`;
  return `EVENT_TYPE_${type.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()}`;
}
