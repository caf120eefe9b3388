import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../main.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

class Pawl {
  readonly child: ChildProcess;
  readonly firstLine: Promise<string>;
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
  stdout = "";
  stderr = "";

  constructor(t: TestContext, args: readonly string[]) {
    this.child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => this.child.kill("SIGKILL"));
    this.child.stdout!.on("data", (chunk) => (this.stdout += chunk));
    this.child.stderr!.on("data", (chunk) => (this.stderr += chunk));
    this.exit = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
    const lines = createInterface(this.child.stdout!);
    const failed = this.exit.then(({ code }) => assert.fail(`it ended with ${code}: ${this.stderr}`));
    this.firstLine = Promise.race([once(lines, "line").then(([line]) => line as string), failed]);
    this.firstLine.catch(() => {});
  }

  async port(): Promise<number> {
    return Number(/:(\d+) /.exec(await this.firstLine)![1]);
  }
}

async function spawned(
  t: TestContext,
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const pawl = new Pawl(t, args);
  const { code } = await pawl.exit;
  return { code, stdout: pawl.stdout, stderr: pawl.stderr };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pawl-cli-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A connection that stays open, as a worker's does. */
async function linger(t: TestContext, port: number) {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

describe("pawl server", () => {
  test("prints one line when it is ready, which says that memory is not durable", async (t) => {
    const pawl = new Pawl(t, ["server", "--port", "0", "--headless", "--log-level", "error"]);
    assert.match(await pawl.firstLine, /^Pawl is ready on 127\.0\.0\.1:\d+ \(state in memory, not durable\)$/);
    pawl.child.kill("SIGTERM");
    assert.deepEqual(await pawl.exit, { code: 0, signal: null });
    assert.equal(pawl.stdout.split("\n").length, 2);
    assert.equal(pawl.stderr, "");
  });

  test("takes the official spelling, and a file", async (t) => {
    const file = join(folder(t), "pawl.db");
    const pawl = new Pawl(t, [
      "server",
      "start-dev",
      "-p",
      "0",
      "-f",
      file,
      "-n",
      "a",
      "-n",
      "b",
      "--sqlite-pragma",
      "cache_size=-1000",
      "--metrics-port",
      "0",
    ]);
    assert.match(await pawl.firstLine, /\(state in .*pawl\.db\); metrics on http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    pawl.child.kill("SIGINT");
    assert.deepEqual(await pawl.exit, { code: 0, signal: null });
  });

  test("says where it serves HTTP, when it is asked to", async (t) => {
    const pawl = new Pawl(t, ["server", "--port", "0", "--http-port", "0", "--log-level", "error"]);
    const [, url] = /; HTTP on (http:\/\/127\.0\.0\.1:\d+)$/.exec(await pawl.firstLine) ?? [];
    const answer = await fetch(`${url}/api/v1/system-info`);
    assert.equal(answer.status, 200);
    assert.match(((await answer.json()) as { serverVersion: string }).serverVersion, /^\d+\.\d+\.\d+$/);
    pawl.child.kill("SIGTERM");
    assert.deepEqual(await pawl.exit, { code: 0, signal: null });
  });

  test("ends with 0 on SIGTERM although clients keep their connections", async (t) => {
    const pawl = new Pawl(t, ["server", "--port", "0", "--log-level", "info", "--log-format", "json"]);
    const session = await linger(t, await pawl.port());
    const closed = once(session, "close");
    pawl.child.kill("SIGTERM");
    assert.deepEqual(await pawl.exit, { code: 0, signal: null });
    await closed;
    const events = pawl.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).event);
    assert.deepEqual([events.at(0), events.at(-1)], ["server ready", "stopping"]);
  });

  test("a second signal ends it at once", async (t) => {
    const pawl = new Pawl(t, ["server", "--port", "0"]);
    // A request that does not end keeps the server from stopping before the second signal has come.
    const session = await linger(t, await pawl.port());
    const path = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";
    session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" }).on("error", () => {});
    await new Promise((resolve) => session.ping(resolve));
    pawl.child.kill("SIGTERM");
    pawl.child.kill("SIGINT");
    assert.deepEqual(await pawl.exit, { code: 1, signal: null });
  });

  test("lives on when nobody reads its output any more", async (t) => {
    const pawl = new Pawl(t, ["server", "--port", "0", "--log-level", "debug"]);
    const port = await pawl.port();
    pawl.child.stdout!.destroy();
    pawl.child.stderr!.destroy();
    for (let round = 0; round < 5; round++) {
      const session = await linger(t, port);
      const stream = session.request({
        ":method": "POST",
        ":path": "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo",
        "content-type": "application/grpc",
      });
      stream.resume();
      stream.end(Buffer.alloc(5));
      const [headers] = await once(stream, "response");
      assert.equal(headers[":status"], 200);
      session.destroy();
    }
    pawl.child.kill("SIGTERM");
    assert.deepEqual(await pawl.exit, { code: 0, signal: null });
  });

  test("says in one sentence why it does not start, and exits with 1", async (t) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const noDatabase = join(folder(t), "notes.txt");
    writeFileSync(noDatabase, "these are no tables".repeat(100));
    const table = [
      [["--port", String(port)], /^pawl: port \d+ on 127\.0\.0\.1 is in use; .*\n$/],
      [["--port", "0", "--db-filename", noDatabase], /^pawl: .*notes\.txt is .*not a SQLite database.*\n$/],
      [["--port", "0", "--db-filename", "/no/such/folder/pawl.db"], /^pawl: .*the folder .* does not exist\n$/],
      [
        ["--port", "0", "--db-url", "postgres://u:secret@127.0.0.1:1/db"],
        /^pawl: cannot open postgres:\/\/127\.0\.0\.1:1\/db: .*\n$/,
      ],
    ] as const;
    for (const [flags, sentence] of table) {
      const { code, stdout, stderr } = await spawned(t, "server", ...flags);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, sentence);
    }
  });

  test("a second server on the same file is refused while the first runs on", async (t) => {
    const file = join(folder(t), "pawl.db");
    const first = new Pawl(t, ["server", "--port", "0", "--db-filename", file]);
    await first.firstLine;
    const { code, stderr } = await spawned(t, "server", "--port", "0", "--db-filename", file);
    assert.equal(code, 1);
    assert.match(stderr, /^pawl: .*\n$/);
    await linger(t, await first.port());
  });

  test("takes flags from a file; those of the command line go before", async (t) => {
    const [file, db] = ["pawl.json", "pawl.db"].map((name) => join(folder(t), name));
    const flags = {
      "db-filename": db,
      port: 1,
      "http-port": 0,
      headless: true,
      namespace: ["a", "b"],
      "log-level": "error",
    };
    writeFileSync(file!, JSON.stringify(flags));
    const pawl = new Pawl(t, ["server", "--config", file!, "--port", "0"]);
    const line = await pawl.firstLine;
    assert.match(line, /^Pawl is ready on 127\.0\.0\.1:\d+ \(state in .*pawl\.db\)/);
    const [, url] = /; HTTP on (http:\S+)$/.exec(line) ?? [];
    for (const name of ["a", "b"]) assert.equal((await fetch(`${url}/api/v1/namespaces/${name}`)).status, 200);
    pawl.child.kill("SIGTERM");
    assert.deepEqual(await pawl.exit, { code: 0, signal: null });
    const { code, stderr } = await spawned(t, "server", "--config", "/no/such/file.json");
    assert.equal(code, 1);
    assert.match(stderr, /the configuration file cannot be read/);
  });

  test("refuses a command line that makes no sense with 2 and no stack trace", async (t) => {
    const written = (name: string, text: string) => {
      const file = join(folder(t), name);
      writeFileSync(file, text);
      return file;
    };
    const noFlags = written("no-flags.json", '{"port ":1}');
    const noPort = written("no-port.json", '{"port":{}}');
    const unknownFlag = written("unknown.json", '{"nonsense":1}');
    const notes = written("notes.json", "port: 1");
    const table = [
      [["server", "--port", "99999"], /A port is a whole number from 0 to 65535/],
      [["server", "--port", "abc"], /A port is a whole number/],
      [["server", "--port"], /argument missing/],
      [["server", "--ip", "0.0.0.0"], /--allow-remote-without-auth/],
      [["server", "--log-level", "loud"], /Allowed choices are debug, info, warn, error, never/],
      [["server", "--log-format", "xml"], /Allowed choices are text, json/],
      [["server", "--sqlite-pragma", "nonsense"], /name=value/],
      [["server", "--http-port", "7233"], /the HTTP port must differ from the port, and both are 7233/],
      [["server", "--http-port", "0", "--http-cors-origin", "*"], /an origin is such as https:.*, not "\*"/],
      [["server", "--call-outside", "example.org/path"], /It is a host such as \*\.example\.org/],
      [["server", "--http-public-url", "example.org"], /the public URL is such as https:.*, not "example.org"/],
      [["server", "--ui-port", "7233"], /the UI port must differ from the port, and both are 7233/],
      [["server", "--ui-codec-endpoint", "ftp://x"], /such as https:\/\/codec\.example\.org/],
      [["server", "--ui-codec-endpoint", "https://me:secret@x"], /such as https:\/\/codec\.example\.org/],
      [["server", "--search-attribute", "A"], /name=type/],
      [["server", "--port", "0", "--search-attribute", "A=Colour"], /search attribute A: there is no type "Colour"/],
      [["server", "--port", "0", "--search-attribute", "RunId=Int"], /Search attribute RunId is reserved/],
      [["server", "--dynamic-config-value", "a=1"], /--dynamic-config-value is not supported/],
      [["server", "--cluster-port", "0"], /a node of a cluster needs a name: --node-name/],
      [
        ["server", "--node-name", "a", "--db-url", "postgres://h/d", "--cluster-tls-cert-path", "c"],
        /TLS between nodes needs --cluster-tls-cert-path, --cluster-tls-key-path and --cluster-tls-ca-path/,
      ],
      [["server", "--node-name", "a"], /nodes of a cluster share a PostgreSQL database: --db-url/],
      [["server", "--node-name", " ", "--db-url", "postgres://h/d"], /the node's name is empty/],
      [
        ["server", "--node-name", "a", "--db-url", "postgres://h/d", "--cluster-lease", "1"],
        /a lease lasts 500 to 60000 ms/,
      ],
      [
        ["server", "--node-name", "a", "--db-url", "postgres://h/d", "--cluster-ip", "0.0.0.0"],
        /--cluster-address says where/,
      ],
      [
        ["server", "--node-name", "a", "--db-url", "postgres://h/d", "--cluster-address", "h"],
        /a node's address is host:port/,
      ],
      [["server", "--config"], /argument missing/],
      [["server", "--config", noFlags], /no-flags\.json: "port " is not a flag/],
      [["server", "--config", noPort], /no-port\.json: port is a text, a number, true, false, or a list/],
      [["server", "--config", unknownFlag], /: "nonsense" is not a flag \(pawl server --help/],
      [["server", "--config", notes], /notes\.json is not valid JSON/],
      [["server", "--nonsense"], /unknown option '--nonsense'/],
      [["server", "stop"], /start-dev/],
      [["nonsense"], /unknown command 'nonsense'/],
      [[], /Usage: pawl/],
    ] as const;
    const printed: string[] = [];
    const stderr = t.mock.method(process.stderr, "write", (text: string) => printed.push(text) > 0);
    for (const [args, message] of table) {
      const code = await run(args);
      const text = printed.splice(0).join("");
      assert.equal(code, 2, args.join(" "));
      assert.match(text, message);
      assert.doesNotMatch(text, /\n\s+at /);
    }
    stderr.mock.restore();
    const { code, stdout } = await spawned(t, "server", "--port", "99999");
    assert.deepEqual([code, stdout], [2, ""]);
  });

  test("in a database's URL are told without its password", async (t) => {
    const printed: string[] = [];
    const stderr = t.mock.method(process.stderr, "write", (text: string) => printed.push(text) > 0);
    const urls = ["postgres://u:hunter2@127.0.0.1:1/db", "postgres://u:hunter2@[bad", "mysql://u:hunter2@h/d"];
    const commands = urls.flatMap((url) => [
      ["server", "--port", "0", "--db-url", url],
      ["doctor", url],
    ]);
    for (const command of commands) {
      assert.notEqual(await run(command), 0, command.join(" "));
      const text = printed.splice(0).join("");
      assert.match(text, /^pawl: /);
      assert.ok(!text.includes("hunter2"), text);
    }
    stderr.mock.restore();
  });

  test("help and version are no mistakes", async (t) => {
    const help = await spawned(t, "server", "--help");
    assert.deepEqual([help.code, help.stderr], [0, ""]);
    assert.match(help.stdout, /--db-filename/);
    const version = await spawned(t, "--version");
    assert.equal(version.code, 0);
    assert.match(version.stdout, /^pawl \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+, SQLite \d+\.\d+\.\d+\)\n$/);
  });
});
