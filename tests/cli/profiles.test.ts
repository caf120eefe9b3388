/** `pawl config`, whose file the SDKs and the official command line read too, and codec servers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadClientConfigProfile } from "@pawl/sdk/envconfig";
import { preparePython } from "../rig/python.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { main, type Ran, runCommand } from "./command-line.ts";
import { answerTask, complete } from "./worker.ts";

let folder: string;
let file: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "profiles-"));
  file = join(folder, "deep", "temporal.toml");
});
after(() => rm(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ran> =>
  runCommand(process.execPath, [main, ...args], { TEMPORAL_CONFIG_FILE: file });

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  assert.equal(code, 0, `pawl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

describe("pawl config", () => {
  test("sets, shows, lists and deletes, in a file that nobody else can read", async () => {
    assert.equal(await done("config", "list", "-o", "json"), "[]\n");
    await done("config", "set", "--prop", "address", "--value", "host:1");
    await done("config", "set", "-p", "tls.server_name", "-v", "name", "--profile", "cloud");
    await done("config", "set", "-p", "tls.disabled", "-v", "false", "--profile", "cloud");
    await done("config", "set", "-p", "grpc_meta.tenant", "-v", "me", "--profile", "cloud");
    await done("config", "set", "-p", "codec.endpoint", "-v", "https://codec", "--profile", "cloud");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await done("config", "list"), "Name\ncloud\ndefault\n");
    assert.equal(
      await done("config", "get", "--profile", "cloud"),
      [
        "Property         Value",
        "tls              true",
        "tls.disabled     false",
        "tls.server_name  name",
        "codec.endpoint   https://codec",
        "grpc_meta.tenant  me",
        "",
      ]
        .join("\n")
        .replaceAll(/^(\S+) +(\S+)$/gm, (_, property: string, value: string) => `${property.padEnd(16)}  ${value}`),
    );
    assert.deepEqual(JSON.parse(await done("config", "get", "address", "-o", "json")), {
      property: "address",
      value: "host:1",
    });
    const whole = JSON.parse(await done("config", "get", "-o", "json", "--profile", "cloud"));
    assert.deepEqual(whole.tls, { server_name: "name", disabled: false });
    await done("config", "delete", "-p", "tls.server_name", "--profile", "cloud");
    const { tls, grpcMeta } = loadClientConfigProfile({
      configSource: { path: file },
      profile: "cloud",
      overrideEnvVars: {},
    });
    assert.deepEqual([tls, grpcMeta], [{ disabled: false }, { tenant: "me" }]);
    await done("config", "delete-profile", "--profile", "cloud");
    assert.equal(await done("config", "list"), "Name\ndefault\n");
  });

  test("keeps what it does not know, and refuses what makes no sense", async () => {
    await writeFile(file, 'note = "mine"\n[profile.default]\naddress = "host:1"\nfuture = [1, 2]\n');
    await done("config", "set", "-p", "namespace", "-v", "n");
    const text = await readFile(file, "utf8");
    assert.match(text, /note = "mine"/);
    assert.match(text, /future = \[ ?1, 2 ?\]/);
    const rows = [
      [["set", "-p", "adress", "-v", "x"], 2, /no property "adress"; there are address/],
      [["set", "-p", "tls", "-v", "maybe"], 2, /tls is true or false/],
      [["set", "-p", "address"], 2, /needs .*--value/],
      [["get", "--profile", "none"], 1, /no profile "none"/],
      [["delete", "-p", "api_key"], 1, /has no api_key/],
      [["delete-profile"], 2, /--profile/],
      [["get", "--config-file", folder], 1, /cannot be read/],
    ] as const;
    for (const [args, code, says] of rows) {
      const ran = await run("config", ...args);
      assert.equal(ran.code, code, `${args.join(" ")}: ${ran.stderr}`);
      assert.match(ran.stderr, says);
    }
    await writeFile(file, "= 1");
    assert.match((await run("config", "list")).stderr, /is not valid TOML/);
    await rm(file);
  });

  test("writes what the official command line reads, and reads what it writes", async (t) => {
    const python = await preparePython();
    if ("skipped" in python) return t.skip(python.skipped);
    const temporal = (...args: readonly string[]): string =>
      execFileSync(python.tool.temporal, args, {
        encoding: "utf8",
        env: { ...process.env, TEMPORAL_CONFIG_FILE: file },
      });
    await done("config", "set", "-p", "address", "-v", "ours:1");
    await done("config", "set", "-p", "tls.client_cert_path", "-v", "/c.pem");
    temporal("config", "set", "--prop", "namespace", "--value", "theirs");
    temporal("config", "set", "--prop", "grpc_meta.key", "--value", "v");
    for (const name of ["address", "namespace", "tls", "tls.client_cert_path", "grpc_meta.key"])
      assert.deepEqual(
        JSON.parse(await done("config", "get", name, "-o", "json")),
        JSON.parse(temporal("config", "get", "--prop", name, "--output", "json")),
      );
    assert.deepEqual(
      JSON.parse(await done("config", "get", "-o", "json")),
      JSON.parse(temporal("config", "get", "--output", "json")),
    );
  });
});

describe("a codec server", () => {
  let server: RunningServer;
  const seen: IncomingHttpHeaders[] = [];
  /** Turns each payload's bytes around, and says so in its metadata. */
  const codec = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      seen.push(request.headers);
      const { payloads } = JSON.parse(Buffer.concat(parts).toString()) as {
        payloads: { data: string; metadata: object }[];
      };
      const turned = payloads.map(({ data, metadata }) => ({
        metadata,
        data: Buffer.from(data, "base64").reverse().toString("base64"),
      }));
      if (request.url?.startsWith("/default/")) response.end(JSON.stringify({ payloads: turned }));
      else response.writeHead(500).end();
    });
  });
  let endpoint: string;

  before(async () => {
    server = await startPawl();
    codec.listen(0, "127.0.0.1");
    await once(codec, "listening");
    endpoint = `http://127.0.0.1:${(codec.address() as AddressInfo).port}/{namespace}`;
  });
  after(async () => {
    codec.close();
    await server.stop();
  });

  const at = (...args: readonly string[]) =>
    runCommand(process.execPath, [main, ...args, "--address", server.address], {});

  test("encodes what is sent and decodes what is shown", async () => {
    const coded = ["--codec-endpoint", endpoint, "--codec-auth", "Bearer me", "--codec-header", "x-tenant=t"];
    const start = ["workflow", "start", "--type", "T", "-t", "coded", "-w", "coded", "-i", '"secret"'];
    const started = await at(...start, ...coded);
    assert.equal(started.code, 0, started.stderr);
    const input = async (...more: readonly string[]) => {
      const { stdout } = await at("workflow", "show", "coded", "-o", "json", ...more);
      const [payload] = JSON.parse(stdout).events[0].workflowExecutionStartedEventAttributes.input.payloads;
      return Buffer.from(payload.data, "base64").toString();
    };
    assert.equal(await input(), '"terces"');
    assert.equal(await input(...coded), '"secret"');
    await answerTask(server.address, "coded", [complete("olleh")]);
    const result = await at("workflow", "result", "coded", "-o", "json", ...coded);
    assert.equal(JSON.parse(result.stdout).result, "hello");
    assert.ok(seen.length > 0);
    for (const headers of seen)
      assert.deepEqual(
        [headers.authorization, headers["x-namespace"], headers["x-tenant"]],
        ["Bearer me", "default", "t"],
      );
  });

  test("that fails is named, and nothing is sent", async () => {
    const start = ["workflow", "start", "--type", "T", "-t", "q", "-w", "never", "-i", "1"];
    for (const [url, code, says] of [
      [endpoint.replace("{namespace}", "other"), 1, /answered with 500/],
      ["http://127.0.0.1:1", 1, /cannot be reached/],
      ["codec", 2, /is such as https/],
    ] as const) {
      const ran = await at(...start, "--codec-endpoint", url);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, says);
      assert.equal(ran.stderr.trim().split("\n").length, 1, ran.stderr);
    }
    assert.equal((await at("workflow", "describe", "never")).code, 1);
  });
});
