/**
 * The same requests over HTTP to Pawl and to the reference server. Answers must be equal, apart from ids and times; refusals in their status, code and
 * details, and in their words where these are not about JSON or parameters, which each server reads in its own way.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { preparePython } from "../rig/python.ts";
import { freePort, type RunningServer, startPawl, startReference } from "../rig/server.ts";
import { differences } from "../stories/difference.ts";
import type { Plain } from "../stories/normalise.ts";
import { type HttpRequest, requests } from "./requests.ts";

const python = await preparePython();

/** What the two say of themselves and their queues, and where pages end. That answers hold the same is for the stories; here it is about how they are written. */
const ownKey =
  /^(capabilities|limits|supportsSchedules|versioningInfo|effectiveRateLimit|storageSchema|autoResetPoints|firstRunId|priority|requestIdInfos|nextPageToken)$/;

/** Where Pawl answers otherwise, and why. An entry that no request shows any more fails. */
const knownDifferences: readonly { readonly where: RegExp; readonly why: string }[] = [
  { where: /^GET \/\/nope\.message: expected "Not Found"/, why: "Pawl says which paths there are." },
  {
    where: /query\/state\.message: expected "query timed out/,
    why: "The deadline that the caller set ends the call, as it does over gRPC.",
  },
];

type Json = Readonly<Record<string, unknown>>;

class Target {
  readonly #server: RunningServer;
  readonly #httpPort: number;

  private constructor(server: RunningServer, httpPort: number) {
    this.#server = server;
    this.#httpPort = httpPort;
  }

  static async start(startServer: typeof startPawl): Promise<Target> {
    const httpPort = await freePort();
    return new Target(await startServer({ args: ["--http-port", String(httpPort)] }), httpPort);
  }

  async ask({ line, headers, body }: HttpRequest): Promise<Plain> {
    const [method = "", path = ""] = line.split(" ");
    const below = path.startsWith("//") ? path.slice(1) : `/api/v1/namespaces/default${path}`;
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}${below}`, {
      method,
      ...(headers && { headers }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Json;
    return { status: response.status, ...(response.ok ? comparable(json) : comparable(refusal(json))) };
  }

  stop(): Promise<void> {
    return this.#server.kill9();
  }
}

/** What google.rpc.Status has; the rest of a problem is Pawl's own. */
function refusal({ code, message, details }: Json): Json {
  const isReaders =
    /^temporalproto:|^parsing (field|list)|^unexpected EOF$|expected|must be a JSON|no such field|together|base64|reaches|none of/;
  return { code, ...(isReaders.test(String(message)) ? {} : { message }), ...(details !== undefined && { details }) };
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z$/;

function comparable(json: Json): Record<string, Plain> {
  return value("", json) as Record<string, Plain>;
}

function value(key: string, json: unknown): Plain {
  if (/^(taskId|historySizeBytes|stateTransitionCount)$/.test(key)) return "some";
  if (/^executionDuration$/.test(key)) return "measured";
  if (Array.isArray(json)) return json.map((each) => value("", each));
  if (typeof json === "string") return time.test(json) ? "time" : json.replace(uuid, "uuid");
  if (typeof json !== "object" || json === null) return json as Plain;
  const compared = Object.entries(json).filter(([name]) => !ownKey.test(name));
  return Object.fromEntries(compared.map(([name, each]) => [name.replace(uuid, "uuid"), value(name, each)]));
}

describe("HTTP on Pawl and on the reference server", { skip: "skipped" in python ? python.skipped : false }, () => {
  const targets: Target[] = [];
  const shown = new Set<unknown>();
  before(async () => {
    for (const startServer of [startReference, startPawl]) targets.push(await Target.start(startServer));
  });
  after(async () => {
    for (const target of targets) await target.stop();
  });

  for (const [index, request] of requests.entries()) {
    const text = request.body === undefined ? "" : ` ${JSON.stringify(request.body).slice(0, 100)}`;
    test(`${index}: ${request.line}${text}`, async () => {
      const [expected, actual] = [await targets[0]!.ask(request), await targets[1]!.ask(request)];
      const lines = differences(expected, actual).map((line) => `${request.line}${line}`);
      const unknown = lines.filter((line) => {
        const known = knownDifferences.find(({ where }) => where.test(line));
        if (known) shown.add(known);
        return !known;
      });
      assert.deepEqual(unknown, []);
    });
  }

  test("every known difference is still there", () => {
    assert.deepEqual(
      knownDifferences.filter((known) => !shown.has(known)),
      [],
    );
  });
});
