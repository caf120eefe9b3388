/** Those of many things that are looked for, found a slice at a time, so that the page answers meanwhile. */
import { useEffect, useState } from "react";

/** How long one slice may take. */
const sliceMs = 10;
/** So often the clock is looked at. */
const checkEvery = 200;

export interface Matches<T> {
  readonly shown: readonly T[];
  /** What is shown is of the search before. */
  readonly isSearching: boolean;
}

/** `matches` is kept between renders by its maker; `undefined` takes all. */
export function useMatches<T>(items: readonly T[], matches: ((item: T) => boolean) | undefined): Matches<T> {
  const [found, setFound] = useState<readonly T[]>([]);
  const [isSearching, setSearching] = useState(false);
  useEffect(() => {
    if (!matches) return;
    setSearching(true);
    return search(items, matches, (all) => {
      setFound(all);
      setSearching(false);
    });
  }, [items, matches]);
  return matches ? { shown: found, isSearching } : { shown: items, isSearching: false };
}

/** Gives a function that gives up. */
function search<T>(items: readonly T[], matches: (item: T) => boolean, tell: (found: T[]) => void): () => void {
  const found: T[] = [];
  let at = 0;
  let waiting: ReturnType<typeof setTimeout>;
  const go = () => {
    const untilMs = performance.now() + sliceMs;
    while (at < items.length && performance.now() < untilMs) {
      const end = Math.min(at + checkEvery, items.length);
      for (; at < end; at++) if (matches(items[at]!)) found.push(items[at]!);
    }
    if (at < items.length) waiting = setTimeout(go);
    else tell(found);
  };
  waiting = setTimeout(go);
  return () => clearTimeout(waiting);
}
