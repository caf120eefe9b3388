/** Looking for words in histories of many thousand events, at every key. */
import { shownDeep } from "../api/payload.ts";
import type { HistoryEvent } from "./event.ts";

const texts = new WeakMap<HistoryEvent, string>();

/** The event as it is shown, in lower case. */
function textOf(event: HistoryEvent): string {
  let text = texts.get(event);
  if (text === undefined) {
    text = JSON.stringify(shownDeep(event)).toLowerCase();
    texts.set(event, text);
  }
  return text;
}

export type Wanted = (event: HistoryEvent) => boolean;

/** Words, or `/a pattern/`. `undefined` when nothing is looked for. A pattern that is none is looked for as it is written. */
export function wantedOf(typed: string): Wanted | undefined {
  const text = typed.trim().toLowerCase();
  if (text === "") return undefined;
  const pattern = patternOf(text);
  return pattern ? (event) => pattern.test(textOf(event)) : (event) => textOf(event).includes(text);
}

function patternOf(text: string): RegExp | undefined {
  const [, source] = /^\/(.+)\/$/.exec(text) ?? [];
  try {
    return source === undefined ? undefined : new RegExp(source);
  } catch {
    return undefined;
  }
}
