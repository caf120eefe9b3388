/**
 * Every route of the OpenAPI document, thousands of requests, one real server: none may be answered with a fault, crash it, stall it, or change what it
 * does not name; every answer is what the document says. `PAWL_FUZZ_SEED` and `PAWL_FUZZ_HTTP_INPUTS` (6000) change the run.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Document, type Operation, problems, readDocument } from "../http/schema-check.ts";
import { freePort, startPawl } from "../rig/server.ts";
import { Caller } from "./caller.ts";
import { type HttpInput, HttpInputs } from "./http-input.ts";
import { Known } from "./known.ts";
import { fuzzSeed as seed } from "./seed.ts";
import { Traffic } from "./traffic.ts";
import { notingTurns, turnCpuMsMax, turnsSince } from "./turn-probe.ts";
import { Witnesses } from "./witness.ts";

const inputCount = Number(process.env["PAWL_FUZZ_HTTP_INPUTS"] ?? 6_000);
const sideBySide = 24;
/** Long polls are held for up to twenty seconds when an input spoils the deadline; the rest is for a busy machine. */
const answerMsMax = 120_000;

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: sideBySide });

function send(port: number, { verb, path, headers, body, follows }: HttpInput): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest({ host: "127.0.0.1", port, method: verb, path, headers, agent });
  const late = setTimeout(() => reject(new Error("no answer")), answerMsMax);
  const done = (response: IncomingMessage, text: string) => {
    clearTimeout(late);
    resolve({ status: response.statusCode ?? 0, contentType: response.headers["content-type"] ?? "", text });
  };
  request.on("error", reject);
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("error", () => {}); // a stream that was left
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (!follows || !response.headers["content-type"]?.startsWith("text/event-stream")) return;
      done(response, "");
      request.destroy();
    });
    response.on("end", () => done(response, Buffer.concat(chunks).toString()));
  });
  request.end(body);
  return promise;
}

/** Several routes lead to one method. */
function methodOf({ operationId }: Operation): string {
  return operationId.replace(/_\d+$/, "");
}

/** What is wrong with an answer, if anything is. */
function fault({ operation, verb, follows }: HttpInput, { status, contentType, text }: Answer, document: Document) {
  if (status === 500 || status === 0) return `status ${status}: ${text}`;
  if (contentType.startsWith("text/event-stream")) return follows ? undefined : "a stream that nobody asked for";
  if (contentType.startsWith("text/html")) return text.includes("<script>") ? "a script got into a page" : undefined;
  if (status === 204 || verb === "HEAD") return text === "" ? undefined : `a body with ${status}`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return `no JSON: ${text.slice(0, 200)}`;
  }
  if (status !== 200) {
    const own = contentType.startsWith("application/json") ? operation.refusal : undefined;
    return problems(own ?? document.schemas["Problem"]!, json, document.schemas)[0];
  }
  return verb === operation.verb ? problems(operation.answer, json, document.schemas)[0] : undefined;
}

/** What no client of HTTP would send. */
async function rawBytes(port: number): Promise<void> {
  const rows = [
    "GET / HTTP/1.1\r\n\r\n",
    "GET http://127.0.0.1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /complete-activity HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST /complete-activity HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /complete-activity HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "POST /complete-activity HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n{",
    "POST /complete-activity HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    `GET /${"a".repeat(300_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "\u0016\u0003\u0001\u0002",
  ];
  const sent = rows.map(async (bytes) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.write(bytes);
    await delay(300);
    socket.destroy();
  });
  await Promise.all(sent);
}

test(`no HTTP request crashes the server, stalls it or is answered with a fault (PAWL_FUZZ_SEED=${seed})`, {
  timeout: 600_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "http-fuzz-"));
  const httpPort = await freePort();
  const turnFile = join(folder, "turns");
  const server = await startPawl({
    dbFilename: join(folder, "state.db"),
    env: notingTurns(turnFile),
    args: ["--http-port", String(httpPort)],
  });
  const caller = new Caller(server.address);
  try {
    await caller.open();
    const document = readDocument(await (await fetch(`http://127.0.0.1:${httpPort}/openapi.json`)).json());
    const witnesses = await Witnesses.make(caller);
    const before = await witnesses.histories();
    const known = new Known();
    const inputs = new HttpInputs(document, known, seed);
    const traffic = new Traffic(caller, known);
    traffic.start();
    const failures: string[] = [];
    const counts = new Map<string, number>();
    const answered = new Set<string>();
    const sinceMs = Date.now();
    let left = inputCount;
    const lane = async () => {
      while (left-- > 0 && failures.length < 20) {
        const input = inputs.next();
        const answer = await send(httpPort, input).catch((error: unknown): Answer => {
          return { status: 0, contentType: "", text: String(error) };
        });
        counts.set(String(answer.status), (counts.get(String(answer.status)) ?? 0) + 1);
        if (answer.status === 200) answered.add(methodOf(input.operation));
        const wrong = fault(input, answer, document);
        if (wrong !== undefined)
          failures.push(
            `${input.verb} ${input.path} ${JSON.stringify(input.headers)} ${input.body?.toString()}\n→ ${wrong}`,
          );
        else if (answer.status === 200 && answer.text !== "" && answer.contentType.startsWith("application/json"))
          inputs.learn(JSON.parse(answer.text));
      }
    };
    await Promise.all([...Array.from({ length: sideBySide }, lane), rawBytes(httpPort)]);
    const turns = await turnsSince(turnFile, sinceMs);
    await traffic.stop();
    const statuses = Object.fromEntries(counts);
    t.diagnostic(
      `${inputCount} inputs over ${document.operations.length} operations: ${JSON.stringify({ statuses, turns })}`,
    );
    assert.deepEqual(failures, [], `PAWL_FUZZ_SEED=${seed}:\n${failures.join("\n")}`);
    assert.equal(
      server
        .logs()
        .match(/.*\b(ERROR|WARN|[Uu]nhandled)\b.*/g)
        ?.join("\n"),
      undefined,
    );
    assert.ok(turns.cpuMsMax < turnCpuMsMax, `a turn of the server's loop took ${turns.cpuMsMax} ms`);
    assert.deepEqual(traffic.failures, []);
    // What is not switched on here, or needs several requests to be there, is never more than refused.
    const methods = new Set(document.operations.map(methodOf));
    const refused = [...methods].filter((method) => !answered.has(method));
    t.diagnostic(`${answered.size} of ${methods.size} methods did something; not ${refused}`);
    assert.ok(answered.size > methods.size / 3, `requests got past the checks of too few methods; not of ${refused}`);
    assert.deepEqual(await witnesses.histories(), before);
    assert.equal((await fetch(`http://127.0.0.1:${httpPort}/api/v1/namespaces/default/workflows`)).status, 200);
    assert.equal(await server.stop(), 0);
  } finally {
    agent.destroy();
    caller.close();
    await server.kill9();
    await rm(folder, { recursive: true, force: true });
  }
});
