import { ApplicationFailure, deadline, getRemainingTime, log, sleep } from "@pawl/sdk/activity";

/** No page is begun with less than this left: its longest page, and time to send the answer. */
const reserveMs = 1_000;

/** Stops before its deadline. A timeout would lose the pages of this attempt; an answer keeps them. */
export async function renderPages(from: number, to: number): Promise<{ next: number }> {
  let next = from;
  while (next < to && getRemainingTime() > reserveMs) {
    await sleep(100);
    next++;
  }
  // Without this an attempt that came too late for even one page would look like success, for ever.
  if (next === from) throw ApplicationFailure.retryable("no time was left for a page", "NoTimeLeft");
  log.info("slice done", { from, next, remainingMs: getRemainingTime(), deadline: deadline()?.toISOString() });
  return { next };
}
