/** The audit log: one line of JSON for each call that was refused, and for each that changes something. Payloads and credentials are never in it. */
import { createWriteStream, openSync, type WriteStream } from "node:fs";
import type { Clock } from "../clock.ts";
import type { StatusCode } from "../rpc/transport.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { visibleJson } from "../visible-json.ts";

export interface AuditEntry {
  /** `key:ci`, or "" for who did not say who he is. */
  readonly who: string;
  /** The method, route or stream. */
  readonly what: string;
  /** "" where there is none. */
  readonly namespace: string;
  /** What it was done to, by its ids. */
  readonly target: Readonly<Record<string, string>>;
  readonly outcome: StatusCode;
}

/** Of what a caller has written himself: he may be refused often, and fills no disk with it. */
const textCharsMax = 256;

export interface AuditLogParts {
  readonly clock: Clock;
  readonly log: Log;
}

export class AuditLog {
  readonly #path: string;
  readonly #parts: AuditLogParts;
  #out: WriteStream | NodeJS.WriteStream;
  /** Resolves when the files before this one are written. */
  #before: Promise<unknown> = Promise.resolve();

  /** `-` writes to standard error. Throws when the file cannot be opened: who asks for an audit log would rather have no server than none. */
  constructor(path: string, parts: AuditLogParts) {
    this.#path = path;
    this.#parts = parts;
    this.#out = this.#open();
  }

  write({ who, what, namespace, target, outcome }: AuditEntry): void {
    const time = new Date(this.#parts.clock.nowMs()).toISOString();
    const given = Object.entries({ audit: what, who, namespace, ...target });
    const cut = Object.fromEntries(given.map(([name, text]) => [name, text.slice(0, textCharsMax)]));
    this.#out.write(`${visibleJson({ time, ...cut, outcome })}\n`);
  }

  /** For programs that move a log aside and expect a new one. False when there cannot be one: then the old one goes on. */
  reopen(): boolean {
    if (this.#path === "-") return true;
    try {
      const next = this.#open();
      this.#before = Promise.all([this.#before, ended(this.#out)]);
      this.#out = next;
      return true;
    } catch (error) {
      this.#parts.log.error("the audit log cannot be opened again", { error });
      return false;
    }
  }

  /** Resolves when all lines are written. */
  async close(): Promise<void> {
    if (this.#path !== "-") await Promise.all([this.#before, ended(this.#out)]);
  }

  #open(): WriteStream | NodeJS.WriteStream {
    if (this.#path === "-") return process.stderr;
    const stream = createWriteStream(this.#path, { fd: openSync(this.#path, "a", 0o600) });
    stream.on("error", (error) => this.#parts.log.error("the audit log cannot be written", { error }));
    return stream;
  }
}

/** Resolves also when what was left could not be written, which has been logged. */
function ended(stream: WriteStream | NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("error", () => resolve());
    stream.end(() => resolve());
  });
}
