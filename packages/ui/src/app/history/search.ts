/** Looking for words in histories of many thousand events, at every key. */
import type { HistoryEvent } from "./event.ts";

const texts = new WeakMap<HistoryEvent, string>();

/** Whether the event holds this text, in lower case, anywhere. */
export function eventHolds(event: HistoryEvent, wanted: string): boolean {
  let text = texts.get(event);
  if (text === undefined) {
    text = JSON.stringify(event).toLowerCase();
    texts.set(event, text);
  }
  return text.includes(wanted);
}
