/** Requests to somebody else, to a server of the test's own: what is connected to, and what is not followed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { AddressRules } from "../address-rules.ts";
import { NoAnswer, post } from "./post.ts";

describe("a request to somebody else", () => {
  let port = 0;
  const seen: { url: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    seen.push({ url: request.url!, headers: request.headers });
    if (request.url === "/away") response.writeHead(307, { location: "/there" });
    request.resume().once("end", () => response.end("yes"));
  });
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  after(() => server.close());

  const ask = (pattern: string, url: string, headers: Record<string, string> = {}, allowPrivate = false) =>
    post(new AddressRules([{ pattern, allowInsecure: true, allowPrivate }]), url, {
      ...{ headers, data: Buffer.from("{}"), signal: AbortSignal.timeout(20_000) },
    });

  test("follows no redirect", async () => {
    const answer = await ask("127.0.0.1:*", `http://127.0.0.1:${port}/away`);
    assert.ok(!(answer instanceof NoAnswer));
    assert.deepEqual([answer.status, answer.headers["location"]], [307, "/there"]);
    assert.deepEqual(
      seen.map(({ url }) => url),
      ["/away"],
    );
  });

  test("goes to the address that was judged, not to one that the name has led to before", async () => {
    seen.length = 0;
    // A name that is allowed as a name, and leads to this very machine.
    const refused = await ask("*host:*", `http://localhost:${port}/inside`);
    assert.ok(refused instanceof NoAnswer);
    assert.match(refused.message, /localhost does not lead to a public address/);
    assert.deepEqual(seen, [], "nobody was asked");
    const allowed = await ask("*host:*", `http://localhost:${port}/inside`, {}, true);
    assert.ok(!(allowed instanceof NoAnswer), "the operator has said so");
    assert.equal(seen.length, 1);
  });

  test("is framed by this server, whatever headers it was given", async () => {
    seen.length = 0;
    const headers = {
      "x-mine": "kept",
      Host: "other.example",
      "Content-Length": "999",
      "transfer-encoding": "chunked",
    };
    const answer = await ask("127.0.0.1:*", `http://127.0.0.1:${port}/framed`, headers);
    assert.ok(!(answer instanceof NoAnswer) && answer.status === 200);
    const [{ headers: got }] = seen as [(typeof seen)[0]];
    assert.deepEqual([got["x-mine"], got.host, got["content-length"]], ["kept", `127.0.0.1:${port}`, "2"]);
    const broken = await ask("127.0.0.1:*", `http://127.0.0.1:${port}/`, { "x y": "1" });
    assert.ok(broken instanceof NoAnswer && broken.final);
  });
});
