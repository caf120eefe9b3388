/** The next two weeks as a strip of days, each with the times at which the schedule acts. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { matchingTimes, type ScheduleAddress } from "../api/schedules.ts";
import { Loading, Problem } from "../parts/notice.tsx";
import { daysOf } from "./days.ts";

const daysShown = 14;
const timesShownMax = 4;
const refreshMs = 30_000;
const dayMs = 86_400_000;

export function Strip({ address, isPaused }: { readonly address: ScheduleAddress; readonly isPaused: boolean }) {
  const times = useQuery({
    queryKey: ["schedule", address.namespace, address.scheduleId, "times"],
    queryFn: ({ signal }) => {
      const nowMs = Date.now();
      return matchingTimes(address, { fromMs: nowMs, toMs: nowMs + daysShown * dayMs }, signal);
    },
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <section aria-labelledby="strip-title">
      <h2 id="strip-title">Next two weeks {isPaused && <span className="faint">if it were not paused</span>}</h2>
      {times.data ? (
        <Days times={times.data.startTime ?? []} />
      ) : times.error ? (
        <Problem error={times.error} onRetry={times.refetch} />
      ) : (
        <Loading what="its times" />
      )}
    </section>
  );
}

function Days({ times }: { readonly times: readonly string[] }) {
  const days = daysOf(times, Date.now(), daysShown);
  const lastMs = Date.parse(times.at(-1) ?? "");
  // The server lists so many times and no more: what comes after them is not known.
  const isUnknown = (startMs: number) => times.length >= 1_000 && startMs > lastMs;
  return (
    <ol className="strip">
      {days.map(({ startMs, timesMs }) => (
        <li key={startMs} className={timesMs.length > 0 ? "acts" : ""}>
          <b>{new Date(startMs).toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" })}</b>
          {timesMs.slice(0, timesShownMax).map((atMs) => (
            <time key={atMs} dateTime={new Date(atMs).toISOString()}>
              {new Date(atMs).toLocaleTimeString(undefined, { timeStyle: "short" })}
            </time>
          ))}
          {timesMs.length > timesShownMax && (
            <span className="faint">and {(timesMs.length - timesShownMax).toLocaleString()} more</span>
          )}
          {timesMs.length === 0 && <span className="faint">{isUnknown(startMs) ? "…" : "–"}</span>}
        </li>
      ))}
    </ol>
  );
}
