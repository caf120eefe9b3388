/** TLS and mutual TLS over real sockets: every port, the exchange of certificates under open connections, and clients of several makes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { Connection } from "@pawl/sdk/client";
import {
  authFileText,
  makeApiKey,
  type RunningServer,
  type ServerConfig,
  StartFailure,
  startServer,
} from "@pawl/server";
import { Authority, type Certificate } from "../rig/certificate.ts";
import { prepareNode } from "../rig/node.ts";
import { repository, run } from "../rig/toolchain.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-tls-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const write = (name: string, { cert, key }: Certificate) => {
  writeFileSync(at(`${name}.pem`), cert);
  writeFileSync(at(`${name}.key`), key);
};

const authority = new Authority("Pawl test authority");
const stranger = new Authority("Somebody else's authority");
const hosts = ["localhost", "127.0.0.1"];
const callers = {
  client: authority.certificate({ commonName: "caller", usage: "client" }),
  expired: authority.certificate({ commonName: "late", notAfter: new Date(Date.now() - 3_600_000) }),
  early: authority.certificate({ commonName: "early", notBefore: new Date(Date.now() + 3_600_000) }),
  wrongUse: authority.certificate({ commonName: "a server", usage: "server" }),
  strange: stranger.certificate({ commonName: "stranger", usage: "client" }),
};
writeFileSync(at("ca.pem"), authority.cert);
for (const [name, certificate] of Object.entries(callers)) write(name, certificate);

const ports = { port: 0, httpPort: 0, ui: { port: 0, pages: async () => undefined } };

/** A server with a certificate of its own name, so that it can be exchanged. */
async function serve(
  name: string,
  options: { clientCaPath?: string; clientCrlPath?: string } = {},
  more: Partial<ServerConfig> = {},
) {
  write(name, authority.certificate({ commonName: name, hosts, usage: "server" }));
  return startServer({
    ...ports,
    ...more,
    tls: { certPath: at(`${name}.pem`), keyPath: at(`${name}.key`), ...options },
  });
}

/** Asks GetSystemInfo with Pawl's own SDK. */
async function call({ port }: RunningServer, certificate?: Certificate): Promise<void> {
  const clientCertPair = certificate && { crt: Buffer.from(certificate.cert), key: Buffer.from(certificate.key) };
  const tls = { serverRootCACertificate: Buffer.from(authority.cert), ...(clientCertPair && { clientCertPair }) };
  const connection = Connection.lazy({ address: `localhost:${port}`, tls });
  try {
    await connection.call("GetSystemInfo", {}, { retry: false, timeoutMs: 10_000 });
  } finally {
    await connection.close();
  }
}

async function ask(
  port: number,
  certificate?: Certificate,
  { path = "/api/v1/system-info", verb = "GET" } = {},
): Promise<number> {
  const asked = request({ host: "localhost", port, path, method: verb, ca: authority.cert, ...certificate });
  asked.end();
  const [response] = await once(asked, "response");
  response.resume();
  return response.statusCode;
}

/** The common name of the certificate that a port shows. */
async function shown(port: number): Promise<string> {
  const socket = connectTls({ host: "localhost", port, ca: authority.cert, ALPNProtocols: ["h2", "http/1.1"] });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

describe("a server with TLS", () => {
  let server: RunningServer;
  before(async () => {
    server = await serve("plain-tls");
  });
  after(() => server.stop());

  test("speaks it on the ports of gRPC, HTTP and the web UI, and nothing else there", async () => {
    await call(server);
    assert.deepEqual([await ask(server.httpPort!), await ask(server.uiPort!)], [200, 200]);
    for (const port of [server.port, server.httpPort!, server.uiPort!])
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`), "plain text is not answered");
  });

  test("tells a client that does not ask for HTTP/2 what its port speaks", async () => {
    const socket = connectTls({ host: "localhost", port: server.port, ca: authority.cert });
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => pieces.push(piece));
    await once(socket, "end");
    assert.match(Buffer.concat(pieces).toString(), /^HTTP\/1\.0 403 .*this port speaks gRPC over HTTP\/2/s);
    const older = connectTls({ host: "localhost", port: server.port, ca: authority.cert, ALPNProtocols: ["http/1.1"] });
    await assert.rejects(once(older, "secureConnect"), /no application protocol/i);
    await call(server);
  });

  test("takes no version before 1.2", async () => {
    const socket = connectTls({
      ...{ host: "localhost", port: server.port, ca: authority.cert, ALPNProtocols: ["h2"] },
      ...{ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" },
    });
    await assert.rejects(once(socket, "secureConnect"));
  });

  test("shows a new certificate when the files have changed, and open connections go on", async () => {
    const tls = { serverRootCACertificate: Buffer.from(authority.cert) };
    const open = await Connection.connect({ address: `localhost:${server.port}`, tls });
    write("plain-tls", authority.certificate({ commonName: "renewed", hosts, usage: "server" }));
    assert.equal(await server.reload(), true);
    for (const port of [server.port, server.httpPort!, server.uiPort!]) assert.equal(await shown(port), "renewed");
    await open.call("GetSystemInfo", {}, { retry: false });
    await open.close();
  });

  test("keeps its certificate when the files make no sense together", async () => {
    const { cert } = authority.certificate({ commonName: "half", hosts, usage: "server" });
    writeFileSync(at("plain-tls.pem"), cert); // its key has not come yet
    assert.equal(await server.reload(), false);
    assert.equal(await shown(server.port), "renewed");
  });
});

describe("mutual TLS", () => {
  let server: RunningServer;
  before(async () => {
    server = await serve("mutual", { clientCaPath: at("ca.pem") });
  });
  after(() => server.stop());

  test("lets in who has a certificate of the authority, on each port", async () => {
    await call(server, callers.client);
    assert.equal(await ask(server.httpPort!, callers.client), 200);
    assert.equal(await ask(server.uiPort!, callers.client), 200);
  });

  for (const [who, certificate] of [
    ["nobody's certificate", undefined],
    ["another authority's", callers.strange],
    ["an expired one", callers.expired],
    ["one that is not valid yet", callers.early],
    ["a server's", callers.wrongUse],
  ] as const) {
    test(`refuses ${who}, on each port`, async () => {
      await assert.rejects(call(server, certificate));
      await assert.rejects(ask(server.httpPort!, certificate));
      await assert.rejects(ask(server.uiPort!, certificate));
    });
  }

  test("may listen where other machines reach it, which TLS alone may not", async () => {
    const tls = { certPath: at("mutual.pem"), keyPath: at("mutual.key") };
    const open = startServer({ ip: "0.0.0.0", port: 0, tls });
    await assert.rejects(open, (error) => error instanceof StartFailure && error.reason === "usage");
    const asking = await startServer({ ip: "0.0.0.0", port: 0, tls: { ...tls, clientCaPath: at("ca.pem") } });
    await asking.stop();
  });
});

describe("mutual TLS with a list of what is revoked", () => {
  let server: RunningServer;
  const stolen = authority.certificate({ commonName: "stolen", usage: "client" });
  before(async () => {
    writeFileSync(at("crl.pem"), authority.revoked([]));
    server = await serve("revoking", { clientCaPath: at("ca.pem"), clientCrlPath: at("crl.pem") });
  });
  after(() => server.stop());

  test("refuses a certificate that was revoked under way, and no other", async () => {
    await call(server, stolen);
    writeFileSync(at("crl.pem"), authority.revoked([stolen]));
    assert.equal(await server.reload(), true);
    await assert.rejects(call(server, stolen));
    await assert.rejects(ask(server.httpPort!, stolen));
    await call(server, callers.client);
    assert.equal(await ask(server.uiPort!, callers.client), 200);
  });

  test("keeps its list when the file makes no sense, and lets nobody in with one whose time is over", async () => {
    writeFileSync(at("crl.pem"), "nothing");
    assert.equal(await server.reload(), false);
    await assert.rejects(call(server, stolen));
    await call(server, callers.client);
    writeFileSync(at("crl.pem"), authority.revoked([], new Date(Date.now() - 3_600_000)));
    assert.equal(await server.reload(), true);
    await assert.rejects(call(server, callers.client));
  });

  test("is of callers' certificates: without their authorities there is nothing to revoke", async () => {
    const tls = { certPath: at("revoking.pem"), keyPath: at("revoking.key"), clientCrlPath: at("crl.pem") };
    const open = startServer({ port: 0, tls });
    await assert.rejects(open, (error) => error instanceof StartFailure && error.reason === "usage");
  });
});

describe("mutual TLS and keys together", () => {
  let server: RunningServer;
  const keys = { writer: makeApiKey(), worker: makeApiKey() };
  before(async () => {
    const apiKeys = Object.entries(keys).map(([name, { id, hash }]) => ({
      id,
      name,
      hash,
      permissions: [`default:${name}`],
    }));
    const certificates = [{ name: "caller", permissions: ["default:reader"] }];
    writeFileSync(at("auth.json"), authFileText({ apiKeys, certificates }));
    server = await serve("keys", { clientCaPath: at("ca.pem") }, { auth: { file: at("auth.json") } });
  });
  after(() => server.stop());

  test("the official TypeScript SDK runs a workflow, its client and its worker by keys of their own", {
    timeout: 300_000,
  }, async (t) => {
    const prepared = await prepareNode();
    if ("skipped" in prepared) return t.skip(prepared.skipped);
    const program = join(repository, "tests/compat/typescript/secure-connection.ts");
    const files = { TLS_CA: at("ca.pem"), TLS_CERT: at("client.pem"), TLS_KEY: at("client.key") };
    const credentials = { API_KEY: keys.writer.text, WORKER_API_KEY: keys.worker.text };
    const env = { ...process.env, ...files, ...credentials, ADDRESS: `localhost:${server.port}` };
    const printed = await run(process.execPath, [program], { env });
    assert.match(printed, /^connected to default, the workflow came to 16,18,20,22,24$/m);
  });

  test("a certificate has the rights that the file gives to its name", async () => {
    const path = "/api/v1/namespaces/default/workflows";
    const statusOf = (certificate: Certificate, verb: string) => ask(server.httpPort!, certificate, { path, verb });
    assert.equal(await statusOf(callers.client, "GET"), 200);
    assert.equal(await ask(server.httpPort!, callers.client, { path: `${path}/x`, verb: "POST" }), 403);
    const unknown = authority.certificate({ commonName: "somebody new", usage: "client" });
    assert.equal(await statusOf(unknown, "GET"), 401);
  });

  test("the command line shows its key", { timeout: 60_000 }, async () => {
    const pawl = join(repository, "packages/cli/bin/pawl.cjs");
    const tls = [
      "--tls-ca-path",
      at("ca.pem"),
      "--tls-cert-path",
      at("client.pem"),
      "--tls-key-path",
      at("client.key"),
    ];
    const where = ["--address", `localhost:${server.port}`, ...tls];
    const start = ["workflow", "start", "--type", "W", "--task-queue", "q", "--workflow-id", "by-key"];
    const writer = ["--api-key", keys.writer.text];
    assert.match(await run(process.execPath, [pawl, ...start, ...where, ...writer]), /by-key/);
    const worker = ["--api-key", keys.worker.text];
    await assert.rejects(run(process.execPath, [pawl, ...start, ...where, ...worker]), /Request unauthorized/);
  });
});

test("pawl server reads its certificate again at SIGHUP", { timeout: 60_000 }, async () => {
  write("hangup", authority.certificate({ commonName: "before", hosts, usage: "server" }));
  const child = spawn(
    process.execPath,
    [join(repository, "packages/cli/bin/pawl.cjs"), "server", "--port", "0", "--tls-key-path", at("hangup.key")],
    { env: { ...process.env, PAWL_TLS_CERT_PATH: at("hangup.pem") }, stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    const [line] = await once(child.stdout, "data");
    const port = Number(/:(\d+) with TLS /.exec(String(line))![1]);
    assert.equal(await shown(port), "before");
    write("hangup", authority.certificate({ commonName: "after", hosts, usage: "server" }));
    child.kill("SIGHUP");
    while ((await shown(port)) !== "after");
  } finally {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  assert.equal(child.exitCode, 0);
});

for (const [what, tls, reason] of [
  ["a file that is not there", { certPath: at("none.pem"), keyPath: at("mutual.key") }, /none\.pem/],
  ["a key of another certificate", { certPath: at("mutual.pem"), keyPath: at("client.key") }, /key values mismatch/],
] as const) {
  test(`does not start with ${what}, and says so`, async () => {
    await assert.rejects(
      startServer({ port: 0, tls }),
      (error) => error instanceof StartFailure && reason.test(error.message),
    );
  });
}
