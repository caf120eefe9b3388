import assert from "node:assert/strict";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { Guard } from "./guard.ts";

const request = (headers: IncomingHttpHeaders, method = "GET") => ({ headers, method }) as IncomingMessage;
const rebound = { host: "evil.example:7243", origin: "http://evil.example:7243" };

function guard(more: Partial<ConstructorParameters<typeof Guard>[0]> = {}): Guard {
  return new Guard({ ip: "127.0.0.1", isLoopback: true, publicUrl: undefined, corsOrigins: [], ...more });
}

describe("names", () => {
  test("on a loopback address, addresses, localhost and the public name are this server's", () => {
    const ours = guard({ publicUrl: "https://pawl.example.org/base" });
    for (const host of ["127.0.0.1:7243", "localhost", "LOCALHOST:1", "[::1]:7243", "10.0.0.1", "pawl.example.org"])
      assert.equal(ours.check(request({ host })), undefined, host);
    for (const host of ["evil.example", "localhost.evil.example", "", "a@b", "127.0.0.1:x", "[evil]"])
      assert.equal(ours.check(request({ host }))?.status, 403, host);
  });

  test("where other machines reach it, programs may use any name, and browsers none that could have been made to point here", () => {
    const open = guard({ ip: "0.0.0.0", isLoopback: false });
    assert.equal(open.check(request({ host: "pawl:7243" })), undefined);
    assert.equal(open.check(request(rebound))?.status, 403);
    assert.equal(open.check(request({ host: rebound.host, "sec-fetch-site": "same-origin" }))?.status, 403);
    const named = guard({ ip: "0.0.0.0", isLoopback: false, publicUrl: "http://pawl:7243" });
    assert.equal(named.check(request({ host: "pawl:7243", origin: "http://pawl:7243" })), undefined);
  });

  test("a page behind the public address is our own, whatever Host its proxy sends on", () => {
    const proxied = guard({ publicUrl: "https://pawl.example.org" });
    const headers = { host: "127.0.0.1:7243", origin: "https://pawl.example.org" };
    assert.equal(proxied.check(request(headers, "POST")), undefined);
    assert.equal(proxied.check(request({ ...headers, origin: "https://other.example.org" }, "POST"))?.status, 403);
  });
});

describe("other origins", () => {
  test("get no header that lets them read, unless they are named; then caches are told that answers differ", () => {
    const origin = "https://console.example.org";
    assert.deepEqual(guard().headersFor(request({ origin })), {});
    const named = guard({ corsOrigins: [origin] });
    assert.deepEqual(named.headersFor(request({ origin })), { vary: "origin", "access-control-allow-origin": origin });
    assert.deepEqual(named.headersFor(request({ origin: "https://evil.example" })), { vary: "origin" });
  });

  test("OPTIONS is a preflight only when it asks for something", () => {
    const headers = { host: "localhost", origin: "http://localhost" };
    assert.equal(guard().preflight(request(headers, "OPTIONS")), undefined);
    const asking = { ...headers, "access-control-request-method": "POST" };
    assert.equal(guard().preflight(request(asking, "OPTIONS"))?.status, 204);
    assert.equal(guard().preflight(request(asking, "GET")), undefined);
  });
});
