/**
 * What the process reports of itself: log lines on stderr, metrics and spans. Emitted at the edges (rpc, shard, main), as an event name and fields.
 * No payload, token or key is ever a field.
 */

import { visibleJson } from "../visible-json.ts";
import { Metrics } from "./metrics.ts";
import type { Traces } from "./traces.ts";

/** From the most talkative to none at all. */
export const logLevels = ["debug", "info", "warn", "error", "never"] as const;
/** The least that is written: `warn` writes errors, too. */
export type LogLevel = (typeof logLevels)[number];
/** Lines for people, and objects for programs, one to a line. */
export const logFormats = ["text", "json"] as const;
/** How lines are written. */
export type LogFormat = (typeof logFormats)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Takes what a server says: the name of an event, and its fields. Must neither throw nor wait. */
export interface Log {
  /** Below it nothing is written: what is costly to say can be left out. */
  readonly level: LogLevel;
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly nowMs: () => number;
  /** Takes one line with its line break. */
  readonly write: (line: string) => void;
}

/** A fault in a field is written as its message and, at level debug, its stack. */
export function createLog({ level, format, nowMs, write }: LogOptions): Log {
  const from = logLevels.indexOf(level);
  const withStack = level === "debug";
  const emit = (at: LogLevel) => {
    if (logLevels.indexOf(at) < from) return () => {};
    return (event: string, fields: LogFields = {}) => {
      const time = new Date(nowMs()).toISOString();
      const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
      const plain = shown.map(([name, value]) => [name, plainOf(value, withStack)] as const);
      write(format === "json" ? jsonLine(time, at, event, plain) : textLine(time, at, event, plain));
    };
  };
  return { level, debug: emit("debug"), info: emit("info"), warn: emit("warn"), error: emit("error") };
}

type Plain = readonly (readonly [string, string | number | boolean | null])[];

function plainOf(value: unknown, withStack: boolean): string | number | boolean | null {
  if (value instanceof Error) {
    const text = withStack && value.stack ? value.stack : `${value.name}: ${value.message}`;
    return value.cause instanceof Error ? `${text} (caused by ${plainOf(value.cause, withStack)})` : text;
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  return typeof value === "string" ? value : typeof value === "bigint" ? String(value) : typeof value;
}

function jsonLine(time: string, level: LogLevel, event: string, fields: Plain): string {
  return `${visibleJson({ time, level, event, ...Object.fromEntries(fields) })}\n`;
}

const bare = /^[\w./:@-]+$/;

/** One event is one line: a value with spaces, line breaks or control characters is written quoted, so that it forges no second line. */
function textLine(time: string, level: LogLevel, event: string, fields: Plain): string {
  const shown = fields.map(([name, value]) => {
    const text = String(value);
    return ` ${name}=${bare.test(text) ? text : visibleJson(text)}`;
  });
  return `${time} ${level.toUpperCase().padEnd(5)} ${bare.test(event) ? event : visibleJson(event)}${shown.join("")}\n`;
}

/** All of it together, as handlers and adapters get it. */
export interface Telemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  /** For durations: milliseconds with fractions, never stepping back. */
  readonly stopwatchMs: () => number;
  /** Without it no spans are made. */
  readonly traces?: Traces | undefined;
}

/** Says nothing and keeps what it counts: for tests and embedding. */
export function quietTelemetry(): Telemetry {
  const log = createLog({ level: "never", format: "text", nowMs: () => 0, write: () => {} });
  return { log, metrics: new Metrics(), stopwatchMs: () => performance.now() };
}
