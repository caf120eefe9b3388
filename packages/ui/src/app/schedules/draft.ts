/**
 * A schedule while it is edited: the API's own JSON, of which the form shows what it knows and leaves the rest as it is. Calendars are edited in the
 * form that people write (`1-5`, `*`), and not in the ranges that the server makes of it.
 */

export type Json = Readonly<Record<string, unknown>>;

export interface ScheduleDraft {
  readonly spec?: Spec & Json;
  readonly action?: { readonly startWorkflow?: StartWorkflow & Json };
  readonly policies?: Policies & Json;
  readonly state?: { readonly notes?: string; readonly paused?: boolean } & Json;
}

interface Spec {
  readonly interval?: readonly { readonly interval?: string; readonly phase?: string }[];
  readonly calendar?: readonly Calendar[];
  readonly cronString?: readonly string[];
  readonly structuredCalendar?: readonly Json[];
  readonly timezoneName?: string;
  readonly jitter?: string;
  readonly startTime?: string;
  readonly endTime?: string;
}

interface StartWorkflow {
  readonly workflowId?: string;
  readonly workflowType?: { readonly name?: string };
  readonly taskQueue?: { readonly name?: string };
  readonly input?: readonly unknown[];
}

interface Policies {
  readonly overlapPolicy?: string;
  readonly catchupWindow?: string;
  readonly pauseOnFailure?: boolean;
}

export const calendarFields = ["second", "minute", "hour", "dayOfMonth", "month", "year", "dayOfWeek"] as const;
export type CalendarField = (typeof calendarFields)[number];
export type Calendar = Partial<Record<CalendarField | "comment", string>>;

/** One line of when it acts. */
export type When =
  | { readonly type: "interval"; readonly every: string; readonly offset: string }
  | { readonly type: "calendar"; readonly calendar: Calendar }
  | { readonly type: "cron"; readonly text: string };

export const newDraft: ScheduleDraft = {
  spec: { interval: [{ interval: "3600s" }] },
  action: { startWorkflow: { workflowType: { name: "" }, taskQueue: { name: "" } } },
  policies: { overlapPolicy: "SCHEDULE_OVERLAP_POLICY_SKIP" },
};

/** Of a schedule that the server has. */
export function draftOf(schedule: unknown): ScheduleDraft {
  const draft = schedule as ScheduleDraft;
  const { structuredCalendar = [], calendar = [], ...spec } = draft.spec ?? {};
  const calendars = [...calendar, ...structuredCalendar.map(calendarOf)];
  return { ...draft, spec: { ...spec, ...(calendars.length > 0 && { calendar: calendars }) } };
}

/** Ranges as text: `{start: 1, end: 5, step: 2}` is `1-5/2`. */
function calendarOf(structured: Json): Calendar {
  const texts = calendarFields.map((field) => {
    const ranges = (structured[field] ?? []) as readonly { start?: number; end?: number; step?: number }[];
    return [field, ranges.map(rangeText).join(",")] as const;
  });
  const comment = structured["comment"];
  return {
    ...Object.fromEntries(texts.filter(([, text]) => text !== "")),
    ...(typeof comment === "string" && comment !== "" && { comment }),
  };
}

function rangeText({ start = 0, end = 0, step = 0 }: { start?: number; end?: number; step?: number }): string {
  const last = Math.max(start, end);
  const range = last === start ? String(start) : `${start}-${last}`;
  return step > 1 ? `${range}/${step}` : range;
}

export function whensOf({ spec = {} }: ScheduleDraft): When[] {
  return [
    ...(spec.interval ?? []).map(
      ({ interval = "", phase = "" }): When => ({
        type: "interval",
        every: spanWord(interval),
        offset: spanWord(phase),
      }),
    ),
    ...(spec.calendar ?? []).map((calendar): When => ({ type: "calendar", calendar })),
    ...(spec.cronString ?? []).map((text): When => ({ type: "cron", text })),
  ];
}

/** Throws a sentence for a span that is none. */
export function withWhens(draft: ScheduleDraft, whens: readonly When[]): ScheduleDraft {
  const { interval: _, calendar: __, cronString: ___, ...spec } = draft.spec ?? {};
  const interval = whens.flatMap((when) =>
    when.type === "interval"
      ? [{ interval: duration(when.every), ...(when.offset.trim() !== "" && { phase: duration(when.offset) }) }]
      : [],
  );
  const calendar = whens.flatMap((when) => (when.type === "calendar" ? [when.calendar] : []));
  const cronString = whens.flatMap((when) => (when.type === "cron" ? [when.text] : []));
  const given = {
    ...(interval.length > 0 && { interval }),
    ...(calendar.length > 0 && { calendar }),
    ...(cronString.length > 0 && { cronString }),
  };
  return { ...draft, spec: { ...spec, ...given } };
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90m`, `1h30m` or `2 d` as the API writes it: `5400s`. Throws a sentence. */
export function duration(text: string): string {
  const compact = text.replaceAll(/\s/g, "");
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(compact)) throw new Error(`“${text}” is no span of time; 90m, 1h30m and 2d are.`);
  const parts = [...compact.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)];
  return `${parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit!]!, 0)}s`;
}

/** `5400s` as people write it: `1h30m`. */
export function spanWord(text: string): string {
  let seconds = Number.parseFloat(text);
  if (Number.isNaN(seconds) || seconds === 0) return "";
  const words: string[] = [];
  for (const unit of ["d", "h", "m"] as const) {
    const count = Math.floor(seconds / unitSeconds[unit]!);
    if (count > 0) words.push(`${count}${unit}`);
    seconds -= count * unitSeconds[unit]!;
  }
  return seconds > 0 ? `${words.join("")}${seconds}s` : words.join("");
}
