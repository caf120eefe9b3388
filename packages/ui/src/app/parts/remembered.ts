/** What this browser keeps for its user, and pages follow when it changes, also by another tab. */
import { useSyncExternalStore } from "react";

export interface Remembered<T> {
  get(): T;
  set(value: T): void;
  subscribe(listener: () => void): () => void;
}

export interface RememberedOptions<T> {
  readonly key: string;
  /** What is kept is whatever anybody has written there: anything unknown counts as nothing. */
  readonly read: (kept: unknown) => T | undefined;
  readonly otherwise: T;
}

/** Kept as JSON. A browser that keeps nothing has it until the page is left. */
export function remembered<T>({ key, read, otherwise }: RememberedOptions<T>): Remembered<T> {
  const name = `pawl.${key}`;
  const listeners = new Set<() => void>();
  let value = load();
  function load(): T {
    try {
      return read(JSON.parse(localStorage.getItem(name) ?? "null")) ?? otherwise;
    } catch {
      return otherwise;
    }
  }
  const tell = () => {
    for (const listener of listeners) listener();
  };
  globalThis.addEventListener?.("storage", (event: StorageEvent) => {
    if (event.key !== name) return;
    value = load();
    tell();
  });
  return {
    get: () => value,
    set(changed) {
      value = changed;
      try {
        localStorage.setItem(name, JSON.stringify(changed));
      } catch {
        // Refused: it is known until the page is left.
      }
      tell();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useRemembered<T>(of: Remembered<T>): T {
  return useSyncExternalStore(of.subscribe, of.get);
}
