/** Where the SDK's own messages and those of `log` in workflows and activities go. */
import { errorMessage, isError } from "./errors.ts";

/** How much a line matters. */
export type LogLevel = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR";
/** What a line says beside its message, by name. */
export type LogFields = Record<string, unknown>;

/** Where messages of the SDK and of user code go. `DefaultLogger` writes lines to standard error; another one stands in its place. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What a `DefaultLogger` hands to the function that writes. */
export interface LogEntry {
  level: LogLevel;
  message: string;
  /** Since the epoch; to the millisecond. */
  timestampNanos: bigint;
  meta?: LogFields | undefined;
}

const severity = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4 } as const satisfies Record<LogLevel, number>;

const nanosPerMs = 1_000_000n;

/** Writes entries of at least `level` to a function; without one, to standard error as one line each. */
export class DefaultLogger implements Logger {
  readonly level: LogLevel;
  readonly #write: (entry: LogEntry) => void;
  constructor(level: LogLevel = "INFO", write: (entry: LogEntry) => void = writeLine) {
    this.level = level;
    this.#write = write;
  }
  log(level: LogLevel, message: string, fields?: LogFields): void {
    if (severity[level] < severity[this.level]) return;
    this.#write({ level, message, timestampNanos: BigInt(Date.now()) * nanosPerMs, meta: fields });
  }
  trace(message: string, fields?: LogFields): void {
    this.log("TRACE", message, fields);
  }
  debug(message: string, fields?: LogFields): void {
    this.log("DEBUG", message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.log("INFO", message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.log("WARN", message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.log("ERROR", message, fields);
  }
}

function writeLine({ level, message, timestampNanos, meta }: LogEntry): void {
  const tail = meta && Object.keys(meta).length > 0 ? ` ${jsonOf(meta)}` : "";
  console.error(`${new Date(Number(timestampNanos / nanosPerMs)).toISOString()} [${level}] ${message}${tail}`);
}

/** A field that JSON has no form for does not cost its line, nor whoever wrote it his attempt. */
function jsonOf(meta: LogFields): string {
  try {
    return JSON.stringify(meta, readableErrors);
  } catch {
    const fields = Object.entries(meta).map(([name, value]) => {
      try {
        JSON.stringify(value, readableErrors);
        return [name, value];
      } catch (error) {
        return [name, `(${errorMessage(error).split("\n")[0]})`];
      }
    });
    return JSON.stringify(Object.fromEntries(fields), readableErrors);
  }
}

function readableErrors(_key: string, value: unknown): unknown {
  if (isError(value)) return value.stack ?? value.message;
  return typeof value === "bigint" ? value.toString() : value;
}

/** A logger that adds fields to each message. */
export function withFields(logger: Logger, extra: () => LogFields): Logger {
  const log = (level: LogLevel, message: string, fields?: LogFields) =>
    logger.log(level, message, { ...extra(), ...fields });
  return {
    log,
    trace: (message, fields) => log("TRACE", message, fields),
    debug: (message, fields) => log("DEBUG", message, fields),
    info: (message, fields) => log("INFO", message, fields),
    warn: (message, fields) => log("WARN", message, fields),
    error: (message, fields) => log("ERROR", message, fields),
  };
}
