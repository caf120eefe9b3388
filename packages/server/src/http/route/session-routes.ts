/**
 * The session of the web UI. Its user pastes an API key or a token once; from then on a cookie carries it, sealed, where no script can read it. Requests that
 * change something also show a proof that pages of other origins cannot know.
 */
import type { AuditLog } from "../../access/audit.ts";
import type { Authenticator } from "../../access/authenticator.ts";
import type { Sessions } from "../../access/session.ts";
import { limits } from "../../limits.ts";
import type { Exchange } from "../exchange.ts";
import type { JsonSchema } from "../json-schema.ts";
import { jsonBody } from "../method-call.ts";
import { invalid, jsonReply, problem, type Reply } from "../reply.ts";
import type { Route } from "../route-table.ts";
import { checkMembers } from "./activity-routes.ts";

export interface SessionParts {
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  /** Who opens a session is written down, and who tries to. */
  readonly audit: AuditLog | undefined;
  /** Whether callers reach this server over TLS, be it a proxy's. */
  readonly isSecure: boolean;
}

const template = "/api/v1/session";

export function sessionRoutes(parts: SessionParts): Route[] {
  const answer: JsonSchema = { type: "object", properties: { name: { type: "string" }, proof: { type: "string" } } };
  const body: JsonSchema = { type: "object", required: ["credential"], properties: { credential: { type: "string" } } };
  return [
    {
      ...{ verb: "POST", template, operation: "OpenSession" },
      shape: { type: "own", summary: "Opens a session for who shows an API key or a token.", body, answer },
      serve: (exchange) => open(exchange, parts),
    },
    {
      ...{ verb: "GET", template, operation: "ShowSession" },
      shape: { type: "own", summary: "Whose session it is, and its proof.", answer },
      serve: async (exchange) => {
        const cookie = parts.authenticator.cookieOf(exchange);
        const found = await parts.authenticator.identify(exchange);
        if ("code" in found) return problem(found);
        return jsonReply({ name: found.name, ...(cookie !== undefined && { proof: parts.sessions.proof(cookie) }) });
      },
    },
    {
      ...{ verb: "DELETE", template, operation: "CloseSession" },
      shape: { type: "own", summary: "Closes the session: its cookie is good for nothing from then on.", answer: {} },
      serve: (exchange) => close(exchange, parts),
    },
  ];
}

async function open(exchange: Exchange, parts: SessionParts): Promise<Reply> {
  const given = await jsonBody(exchange);
  if ("status" in given) return given;
  checkMembers(given.json, ["credential"]);
  const { credential } = given.json;
  if (typeof credential !== "string" || credential === "")
    return invalid("credential: an API key or a token is expected");
  // A cookie holds no more than 4 KiB, and what is sealed is a third longer.
  if (credential.length > limits.sessionCredentialBytesMax)
    return invalid(`credential: a session carries at most ${limits.sessionCredentialBytesMax} bytes`);
  const found = await parts.authenticator.check(credential);
  const isRefused = "code" in found;
  const [who, outcome] = isRefused ? (["", found.code] as const) : ([found.name, "OK"] as const);
  parts.audit?.write({ who, what: "OpenSession", namespace: "", target: {}, outcome });
  if (isRefused) return problem(found);
  const cookie = parts.sessions.seal(credential);
  const { status, headers, body } = jsonReply({ name: found.name, proof: parts.sessions.proof(cookie) });
  const setCookie = cookieText(parts, cookie, limits.sessionMsMax / 1_000);
  return { status, headers: { ...headers, "set-cookie": setCookie }, ...(body !== undefined && { body }) };
}

/** Whoever has a session may close it; pages of others do not get here. */
async function close(exchange: Exchange, parts: SessionParts): Promise<Reply> {
  const { authenticator, sessions, audit } = parts;
  const cookie = authenticator.cookieOf(exchange) ?? "";
  const credential = sessions.open(cookie);
  if (credential !== undefined) {
    await sessions.close(cookie);
    const found = await authenticator.check(credential);
    const who = "code" in found ? "" : found.name;
    audit?.write({ who, what: "CloseSession", namespace: "", target: {}, outcome: "OK" });
  }
  return { status: 204, headers: { "set-cookie": cookieText(parts, "", 0) } };
}

function cookieText({ authenticator, isSecure }: SessionParts, value: string, seconds: number): string {
  const secure = isSecure ? "; Secure" : "";
  return `${authenticator.sessionCookie}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}
