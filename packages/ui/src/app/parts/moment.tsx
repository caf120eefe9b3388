/** Points of time: how long ago, with the exact time at hand. */
import { useEffect, useState } from "react";
import { spanText } from "../history/timeline.ts";

/** The time of day, renewed every second. */
export function useNowMs(everyMs = 1_000): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const interval = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(interval);
  }, [everyMs]);
  return nowMs;
}

export function Moment({ at }: { readonly at: string | undefined }) {
  const nowMs = useNowMs(5_000);
  const atMs = Date.parse(at ?? "");
  if (Number.isNaN(atMs) || atMs <= 0) return <span className="faint">–</span>;
  return (
    <time dateTime={at} title={at}>
      {agoText(nowMs - atMs)}
    </time>
  );
}

export function agoText(ms: number): string {
  if (ms < -1_000) return `in ${spanText(Math.round(-ms / 1_000) * 1_000)}`;
  if (ms < 5_000) return "just now";
  return `${spanText(Math.floor(ms / 1_000) * 1_000)} ago`;
}
