/** Points of time: how long ago, or when exactly, as the user likes it; the other is at hand. */
import { useEffect, useState } from "react";
import { spanText } from "../history/timeline.ts";
import { remembered, useRemembered } from "./remembered.ts";

export const timeStyles = ["relative", "absolute"] as const;
export type TimeStyle = (typeof timeStyles)[number];

export const timeStyle = remembered<TimeStyle>({
  key: "times",
  read: (kept) => timeStyles.find((style) => style === kept),
  otherwise: "relative",
});

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
  const style = useRemembered(timeStyle);
  const atMs = Date.parse(at ?? "");
  if (Number.isNaN(atMs) || atMs <= 0) return <span className="faint">–</span>;
  const ago = agoText(nowMs - atMs);
  const isRelative = style === "relative";
  return (
    <time dateTime={at} title={isRelative ? `${clockText(atMs)} (${at})` : `${ago} (${at})`}>
      {isRelative ? ago : clockText(atMs)}
    </time>
  );
}

function agoText(ms: number): string {
  if (ms < -1_000) return `in ${spanText(Math.round(-ms / 1_000) * 1_000)}`;
  if (ms < 5_000) return "just now";
  return `${spanText(Math.floor(ms / 1_000) * 1_000)} ago`;
}

/** In the zone of whoever looks: `2026-03-01 09:30:05`. */
function clockText(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
