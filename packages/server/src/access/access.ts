/** What stands between callers from other processes and the handlers, opened and closed with the ports. */
import type { Clock } from "../clock.ts";
import { type AuthConfig, StartFailure } from "../config.ts";
import type { Parts } from "../frontend/parts.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { AuditLog } from "./audit.ts";
import { Authenticator } from "./authenticator.ts";
import { AccessGate } from "./gate.ts";
import { type ClosedSessions, Sessions } from "./session.ts";

export interface AccessParts extends Pick<Parts, "namespaces" | "tokens" | "store"> {
  readonly clock: Clock;
  readonly log: Log;
  readonly closedSessions: ClosedSessions;
  /** Whether callers reach this server over TLS, be it a proxy's. */
  readonly isSecure: boolean;
}

export class Access {
  readonly gate: AccessGate;
  readonly sessions: Sessions;
  readonly authenticator: Authenticator;
  readonly audit: AuditLog | undefined;
  readonly isSecure: boolean;

  private constructor(
    parts: AccessParts,
    authenticator: Authenticator,
    audit: AuditLog | undefined,
    sessions: Sessions,
  ) {
    this.authenticator = authenticator;
    this.sessions = sessions;
    this.audit = audit;
    this.isSecure = parts.isSecure;
    this.gate = new AccessGate({ ...parts, authenticator, audit });
  }

  /** Throws `StartFailure` that says what is wrong with the files. */
  static async open(config: AuthConfig, auditLogPath: string | undefined, parts: AccessParts): Promise<Access> {
    const sessions = await Sessions.load(parts.store, parts.clock, parts.closedSessions);
    let authenticator: Authenticator;
    try {
      authenticator = await Authenticator.open(config, { ...parts, sessions });
    } catch (error) {
      const files = [config.file, config.jwt?.jwks].filter((each) => each !== undefined).join(", ");
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartFailure("environment", `who may call cannot be read from ${files}: ${reason}`, { cause: error });
    }
    try {
      const audit = auditLogPath === undefined ? undefined : new AuditLog(auditLogPath, parts);
      return new Access(parts, authenticator, audit, sessions);
    } catch (error) {
      authenticator.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartFailure("environment", `the audit log cannot be opened: ${reason}`, { cause: error });
    }
  }

  /** Resolves to whether all files make sense. */
  async reload(): Promise<boolean> {
    const isReopened = this.audit?.reopen() ?? true;
    return (await this.authenticator.reload()) && isReopened;
  }

  async close(): Promise<void> {
    this.authenticator.close();
    await this.audit?.close();
  }
}
