/** Payloads that a codec of the user's own has encoded, decoded in the browser by a real codec server, and by no other. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { WatchedPage } from "./browser.ts";
import { hostile } from "./hostile.ts";
import { options, useStage } from "./stage.ts";

interface Payload {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data?: string;
}

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString("base64");
const inverted = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff);

function encoded(value: unknown): Payload {
  return encodedPayload({ metadata: {}, data: base64(JSON.stringify(value)) });
}

function encodedPayload({ data = "" }: Payload): Payload {
  return { metadata: { encoding: base64("binary/inverted") }, data: base64(inverted(Buffer.from(data, "base64"))) };
}

function decoded({ data = "" }: Payload): Payload {
  return { metadata: { encoding: base64("json/plain") }, data: base64(inverted(Buffer.from(data, "base64"))) };
}

const conversions: Readonly<Record<string, (payload: Payload) => Payload>> = {
  "/api/decode": decoded,
  "/api/encode": encodedPayload,
};

/** As documented for codec servers of Temporal's: POST …/decode or …/encode with payloads, answered with as many; and what browsers ask before. */
class CodecServer {
  readonly asked: { readonly namespace: string; readonly authorization: string; readonly cookie: string }[] = [];
  /** The origin whose pages it answers. */
  origin = "";
  isBroken = false;
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const cors = {
        "access-control-allow-origin": this.origin,
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": "content-type, x-namespace, authorization",
      };
      if (request.method === "OPTIONS") return response.writeHead(204, cors).end();
      const convert = request.method === "POST" ? conversions[request.url ?? ""] : undefined;
      if (!convert || this.isBroken) return response.writeHead(404, cors).end();
      const { payloads } = JSON.parse(await textOf(request)) as { payloads: readonly Payload[] };
      const { authorization = "", cookie = "", "x-namespace": namespace } = request.headers;
      this.asked.push({ namespace: String(namespace), authorization, cookie });
      const answer = JSON.stringify({ payloads: payloads.map(convert) });
      response.writeHead(200, { "content-type": "application/json", ...cors }).end(answer);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const codec = new CodecServer();
const other = new CodecServer();
let codecOrigin = "";
let otherOrigin = "";
const stage = useStage(async () => {
  codecOrigin = await codec.listen();
  otherOrigin = await other.listen();
  return ["--ui-codec-endpoint", `${codecOrigin}/api`];
});
after(() => {
  codec.close();
  other.close();
});

test(
  "payloads are decoded by the codec server that was named, with what the user lets it have, and no other can be asked",
  options,
  async () => {
    const { origin, browser } = stage;
    [codec.origin, other.origin] = [origin, origin];
    const started = await fetch(`${origin}/api/v1/namespaces/default/workflows/secret`, {
      method: "POST",
      body: JSON.stringify({
        ...{
          workflowType: { name: "T" },
          taskQueue: { name: "q" },
          memo: { fields: { note: encoded({ secret: 42 }) } },
        },
        input: [encoded({ card: "4111", note: hostile }), encoded("second")],
      }),
    });
    assert.equal(started.status, 200);
    const watched = await WatchedPage.open(browser, origin, "dark", codecOrigin);
    const { page } = watched;
    await page.goto("/namespaces/default/workflows/secret");
    const input = page.getByRole("region", { name: "Input" }).first();
    await input.getByText('"card": "4111"').waitFor();
    await input.getByText('"second"').waitFor();
    await page.getByText('"secret": 42').waitFor();
    assert.deepEqual(codec.asked[0], { namespace: "default", authorization: "", cookie: "" });
    await watched.check("codec-decoded-dark");
    await page.getByRole("link", { name: "Payload codec" }).click();
    await page.getByLabel("Authorization header").fill("Bearer xyz");
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText("It answers.").waitFor();
    assert.deepEqual(codec.asked.at(-1), { namespace: "default", authorization: "Bearer xyz", cookie: "" });
    await page.context().addCookies([{ name: "session", value: "17", url: codecOrigin }]);
    await page.getByLabel("Send the cookies").check();
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText("It answers.").waitFor();
    assert.equal(codec.asked.at(-1)?.cookie, "session=17");
    await watched.check("codec-settings-dark");
    await page.getByLabel("Ask it to decode payloads").uncheck();
    await page.goBack();
    await input.getByText("binary/inverted, ").first().waitFor();
    const before = codec.asked.length;
    await page.reload();
    await input.getByText("binary/inverted, ").first().waitFor();
    assert.equal(codec.asked.length, before);
    await watched.check("codec-off-dark");
    await watched.close();
  },
);

test(
  "what is typed is encoded before the server sees it, and nothing is sent when that fails or is sent as it is when it is not wanted",
  options,
  async () => {
    const { origin, browser } = stage;
    codec.origin = origin;
    const watched = await WatchedPage.open(browser, origin, "light", codecOrigin);
    const { page } = watched;
    await page.goto("/namespaces/default/start-workflow?taskQueue=q");
    await page.getByLabel("Workflow type").fill("T");
    await page.getByLabel("Workflow id").fill("typed");
    await page.getByLabel("Argument 1, as JSON").fill('{"card": "4242"}');
    await page.getByText("Memo, search attributes, summary").click();
    await page.getByLabel("Memo, as a JSON object").fill('{"note": null}');
    await page.getByText(`--codec-endpoint ${codecOrigin}/api`).waitFor();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByRole("region", { name: "Input" }).first().getByText('"card": "4242"').waitFor();
    await page.getByRole("button", { name: "Signal" }).click();
    await page.getByRole("combobox", { name: "Name", exact: true }).fill("approve");
    await page.getByLabel("Input, as JSON").fill('"secret"');
    codec.isBroken = true;
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("alert").getByText("answered 404 when asked to encode").waitFor();
    await watched.check("codec-encode-refused");
    codec.isBroken = false;
    await page.getByRole("button", { name: "Send" }).click();
    const kept = async () => (await fetch(`${origin}/api/v1/namespaces/default/workflows/typed/history`)).text();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    for (const value of [{ card: "4242" }, "secret"]) assert.ok((await kept()).includes(encoded(value).data!));
    assert.doesNotMatch(await kept(), /4242|secret/);
    // What was encoded once is decoded for the form, and encoded anew.
    await page.getByRole("link", { name: "Start one like it" }).click();
    await page.getByLabel("Argument 1, as JSON").getByText('"card": "4242"').waitFor();
    await page.getByRole("link", { name: "Payload codec" }).click();
    await page.getByLabel("Ask it to encode").uncheck();
    await page.goto("/namespaces/default/workflows/typed");
    await page.getByRole("button", { name: "Signal" }).click();
    await page.getByRole("combobox", { name: "Name", exact: true }).fill("plain");
    await page.getByLabel("Input, as JSON").fill('"open"');
    assert.equal(await page.getByText("--codec-endpoint").count(), 0);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.ok((await kept()).includes("open"));
    await watched.close();
  },
);

test(
  "a codec server that refuses this page, answers nonsense or is not the one that was named is told apart from data",
  options,
  async () => {
    const { origin, browser } = stage;
    codec.origin = "https://elsewhere.example";
    const watched = await WatchedPage.open(browser, origin, "light", codecOrigin);
    const { page } = watched;
    await page.goto("/codec");
    await page.getByRole("button", { name: "Try it" }).click();
    await page
      .getByRole("alert")
      .getByText(/does not let pages of .* ask it/)
      .waitFor();
    await watched.check("codec-refused");
    const document = await fetch(`${origin}/`);
    assert.match(
      document.headers.get("content-security-policy") ?? "",
      new RegExp(`connect-src 'self' ${codecOrigin}/api/decode ${codecOrigin}/api/encode;`),
    );
    await page.route(`${codecOrigin}/**`, (route) =>
      route.fulfill({ json: { payloads: "none" }, headers: { "access-control-allow-origin": origin } }),
    );
    await page.getByRole("button", { name: "Try it" }).click();
    await page
      .getByRole("alert")
      .getByText(/is not a list of as many payloads/)
      .waitFor();
    // Neither another server, nor another path of the same one.
    const page2 = await browser.newPage({ baseURL: origin });
    await page2.goto("/codec");
    for (const url of [`${otherOrigin}/api/decode`, `${codecOrigin}/api/other`]) {
      const outcome = await page2.evaluate(
        (address) => fetch(address, { method: "POST", body: "{}" }).then(String, () => "refused"),
        url,
      );
      assert.equal(outcome, "refused", url);
    }
    assert.equal(other.asked.length, 0);
    await page2.close();
    await watched.close();
  },
);
