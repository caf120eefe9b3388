/**
 * The session with a server that asks who calls. The credential is in a cookie that this page cannot read; requests that change something also show a
 * proof, which is asked for when the server first misses it. A server that asks nobody never hears of any of this.
 */

/** `unneeded`: as far as is known, nobody is asked. */
export type SessionState = "unneeded" | "missing" | "open";

let state: SessionState = "unneeded";
let proof: string | undefined;
const listeners = new Set<() => void>();

export function sessionState(): SessionState {
  return state;
}

/** Returns what ends it. */
export function watchSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const path = "/api/v1/session";

/** As `fetch`, within the session. */
export async function fetchInSession(url: string, init: RequestInit): Promise<Response> {
  const isRead = init.method === "GET";
  const response = await fetch(url, isRead ? init : withProof(init));
  if (response.status === 401) become("missing");
  else if (response.headers.get("x-pawl-session") === "open") become("open");
  if (isRead || response.status !== 403 || state !== "open") return response;
  // There was none, or it was of a session that another page of this browser has ended since, and begun anew.
  const before = proof;
  await askForProof();
  return proof === before ? response : fetch(url, withProof(init));
}

/** The server's words when it takes the credential for none; undefined when the session is open. */
export async function openSession(credential: string): Promise<string | undefined> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify({ credential }) });
  if (response.ok) return undefined;
  const { message } = (await response.json().catch(() => ({}))) as { message?: string };
  return message ?? `The server answered ${response.status}.`;
}

export async function closeSession(): Promise<void> {
  await fetch(path, { method: "DELETE" });
}

function withProof(init: RequestInit): RequestInit {
  if (proof === undefined) return init;
  return { ...init, headers: { ...(init.headers as Record<string, string>), "x-pawl-session-proof": proof } };
}

async function askForProof(): Promise<void> {
  const response = await fetch(path);
  if (response.ok) proof = ((await response.json()) as { proof?: string }).proof;
}

function become(next: SessionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}
