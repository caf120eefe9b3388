/** The options of the official SDK for the log of its native core, accepted for compatibility. There is no such core here: all log lines go to the logger. */
import type { LogLevel } from "../value/logger.ts";

/** What {@link makeTelemetryFilterString} makes a text of. */
export interface CoreLogFilterOptions {
  core: LogLevel;
  /** Of libraries of the core. Default: `"ERROR"`. */
  other?: LogLevel;
}

/** Accepted and without effect. */
export interface ConsoleLogger {
  console: { format?: "compact" | "pretty" | "json" };
}

/** Accepted and without effect. */
export interface ForwardLogger {
  forward: { level?: LogLevel };
}

/** Accepted and without effect: {@link RuntimeOptions.logger} gets all lines of the SDK. */
export type LogExporterConfig = { filter?: string | CoreLogFilterOptions } & Partial<ConsoleLogger | ForwardLogger>;

/** The filter as the core would read it. */
export function makeTelemetryFilterString({ core, other = "ERROR" }: CoreLogFilterOptions): string {
  return [other, ...["sdk_core", "client", "common"].map((part) => `temporalio_${part}=${core}`)].join(",");
}
