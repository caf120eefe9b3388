import type { Clock } from "../clock.ts";
import { shardLimits } from "../limits.ts";

/** Tries until it succeeds; undefined when the process stops first. Each fault is told to `onFault`. */
export async function insist<T>(
  attempt: () => Promise<T>,
  { clock, isClosed, onFault }: { clock: Clock; isClosed: () => boolean; onFault: (error: unknown) => void },
): Promise<T | undefined> {
  while (!isClosed()) {
    try {
      return await attempt();
    } catch (error) {
      if (isClosed()) return undefined;
      onFault(error);
      await new Promise<void>((resolve) => clock.after(shardLimits.retryMs, resolve));
    }
  }
  return undefined;
}
