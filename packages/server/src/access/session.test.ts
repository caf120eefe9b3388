/** Sessions of the web UI over HTTP: what the cookie is like, and that a page of others cannot use it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { MemoryStore } from "@pawl/store";
import { ManualClock } from "../clock.ts";
import { askHttp } from "../http/raw-http.ts";
import { limits } from "../limits.ts";
import { type RunningServer, startServer } from "../main.ts";
import { Callers } from "./callers.ts";
import { loadClosedSessions, Sessions } from "./session.ts";

let callers: Callers;
let server: RunningServer;
before(async () => {
  callers = await Callers.make();
  const ui = { port: 0, pages: async () => ({ status: 200, headers: {}, body: "page" }) };
  server = await startServer({ port: 0, httpPort: 0, namespaces: ["a", "b"], auth: callers.auth, ui });
});
after(async () => {
  await server.stop();
  callers.end();
});

const json = { "content-type": "application/json" };
const signal = (headers: Record<string, string>) => {
  const asked = { headers: { ...json, ...headers }, body: "{}" };
  return askHttp(server.uiPort!, "POST /api/v1/namespaces/a/workflows/none/signal/go", asked);
};

async function signIn(credential: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ credential });
  return askHttp(server.uiPort!, "POST /api/v1/session", { headers: { ...json, ...headers }, body });
}

describe("a session", () => {
  test("is opened by a good credential, and kept where no script reads it", async () => {
    const { status, headers, text } = await signIn(callers.known["reader of a"]!);
    assert.equal(status, 200);
    const cookie = String(headers["set-cookie"]);
    assert.match(cookie, /^pawl-session=[\w-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    assert.ok(!text.includes("pawl_") && !cookie.includes("pawl_"), "the key stays sealed");
    const asked = { headers: { cookie: cookie.split(";")[0]! } };
    const mine = "GET /api/v1/namespaces/a/workflows";
    assert.equal((await askHttp(server.uiPort!, mine, asked)).status, 200);
    assert.equal((await askHttp(server.uiPort!, mine)).status, 401);
    assert.equal((await askHttp(server.uiPort!, "GET /api/v1/namespaces/b/workflows", asked)).status, 403);
    assert.equal((await askHttp(server.uiPort!, "GET /")).status, 200, "pages are for everybody");
  });

  test("is not opened by any other, nor from a page of others", async () => {
    for (const [who, credential] of Object.entries(callers.strangers))
      assert.equal((await signIn(credential)).status, 401, who);
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal((await signIn(callers.known["reader of a"]!, foreign)).status, 403);
    assert.equal((await signIn("x".repeat(limits.sessionCredentialBytesMax + 1))).status, 400);
  });

  test("changes something only with its proof, and from a page of this server", async () => {
    const { headers, json: opened } = await signIn(callers.known["writer of a"]!);
    const cookie = String(headers["set-cookie"]).split(";")[0]!;
    const proof = { "x-pawl-session-proof": String(opened["proof"]) };
    assert.equal((await signal({ cookie })).status, 403, "without the proof");
    assert.equal((await signal({ cookie, "x-pawl-session-proof": "guessed" })).status, 403);
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal((await signal({ cookie, ...proof, ...foreign })).status, 403, "from elsewhere");
    assert.equal((await signal({ cookie, ...proof })).status, 404, "it is allowed, and there is no such workflow");
    const shown = await askHttp(server.uiPort!, "GET /api/v1/session", { headers: { cookie } });
    assert.deepEqual(shown.json, { name: "jwt:tester", proof: opened["proof"] });
  });

  test("is over when its page says so, also for who has a copy of its cookie", async () => {
    const mine = "GET /api/v1/namespaces/a/workflows";
    const [closed, other] = await Promise.all(
      [1, 2].map(async () => {
        const { headers } = await signIn(callers.known["reader of a"]!);
        return { headers: { cookie: String(headers["set-cookie"]).split(";")[0]! } };
      }),
    );
    const { status, headers } = await askHttp(server.uiPort!, "DELETE /api/v1/session", closed!);
    assert.deepEqual(
      [status, String(headers["set-cookie"])],
      [204, "pawl-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"],
    );
    assert.equal((await askHttp(server.uiPort!, mine, closed!)).status, 401);
    assert.equal((await askHttp(server.uiPort!, mine, other!)).status, 200, "one of the same key goes on");
    assert.equal((await askHttp(server.uiPort!, "DELETE /api/v1/session", closed!)).status, 204);
    assert.equal((await askHttp(server.uiPort!, "DELETE /api/v1/session")).status, 204);
    const elsewhere = {
      headers: { ...other!.headers, origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    };
    assert.equal((await askHttp(server.uiPort!, "DELETE /api/v1/session", elsewhere)).status, 403);
    assert.equal((await askHttp(server.uiPort!, mine, other!)).status, 200);
  });
});

test("over TLS the cookie is one that another host of the domain can neither have nor put there", async () => {
  const ui = { port: 0, pages: async () => undefined };
  const secure = await startServer({ port: 0, auth: callers.auth, ui, httpPublicUrl: "https://pawl.example" });
  const ask = (line: string, headers: Record<string, string>, body?: string) =>
    askHttp(secure.uiPort!, line, { headers: { ...json, host: "pawl.example", ...headers }, ...(body && { body }) });
  const credential = callers.known["system reader"]!;
  const { headers } = await ask("POST /api/v1/session", {}, JSON.stringify({ credential }));
  const [cookie = "", ...attributes] = String(headers["set-cookie"]).split("; ");
  assert.match(cookie, /^__Host-pawl-session=/);
  assert.deepEqual(attributes, ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict", "Secure"]);
  assert.equal((await ask("GET /api/v1/namespaces", { cookie })).status, 200);
  assert.equal((await ask("GET /api/v1/namespaces", { cookie: cookie.replace("__Host-", "") })).status, 401);
  await secure.stop();
});

describe("sessions that were closed", () => {
  const clock = new ManualClock();
  const key = randomBytes(32);

  test("are closed on every node, and forgotten when they would be over", async () => {
    const store = new MemoryStore();
    const [here, there] = [await loadClosedSessions(store), await loadClosedSessions(store)];
    const [sessions, others] = [new Sessions(key, clock, here), new Sessions(key, clock, there)];
    const [first, second] = [sessions.seal("secret"), sessions.seal("secret")];
    await sessions.close(first);
    await sessions.close("no session");
    await there.refresh();
    for (const each of [sessions, others])
      assert.deepEqual([each.open(first), each.open(second)], [undefined, "secret"]);
    clock.advance(limits.sessionMsMax);
    await sessions.close(sessions.seal("secret"));
    assert.equal(here.size, 1);
  });
});

test("a sealed session is opened by its cluster alone, unchanged, and not for ever", async () => {
  const clock = new ManualClock();
  const closed = await loadClosedSessions(new MemoryStore());
  const sessions = new Sessions(randomBytes(32), clock, closed);
  const cookie = sessions.seal("secret");
  assert.equal(sessions.open(cookie), "secret");
  assert.equal(new Sessions(randomBytes(32), clock, closed).open(cookie), undefined);
  const bytes = Buffer.from(cookie, "base64url");
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    assert.equal(sessions.open(changed.toString("base64url")), undefined, `byte ${at}`);
  }
  for (const text of ["", "x", "=".repeat(50)]) assert.equal(sessions.open(text), undefined);
  clock.advance(limits.sessionMsMax);
  assert.equal(sessions.open(cookie), undefined);
});
