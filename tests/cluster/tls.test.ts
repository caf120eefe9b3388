/** Mutual TLS between nodes: what they say to each other goes over it, nothing else gets in, and certificates are exchanged under way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, constants } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { call } from "../rig/call.ts";
import { Authority, type Certificate } from "../rig/certificate.ts";
import { Postgres } from "../rig/postgres.ts";
import { freePort, type RunningServer } from "../rig/server.ts";
import { insist, Nodes, namespace, until } from "./nodes.ts";

const timeout = 120_000;
const folder = mkdtempSync(join(tmpdir(), "pawl-node-tls-"));
const authority = new Authority("Authority of the nodes");
const stranger = new Authority("Somebody else's authority");
const file = (name: string) => join(folder, name);
function write(name: string, { cert, key }: Certificate): void {
  writeFileSync(file(`${name}.pem`), cert);
  writeFileSync(file(`${name}.key`), key);
}

writeFileSync(file("ca.pem"), authority.cert);
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
const nodes = await Nodes.on(postgres);
after(async () => {
  await nodes.end();
  await postgres.remove();
  rmSync(folder, { recursive: true });
});

const ports = { a: await freePort(), b: await freePort() };

function start(name: keyof typeof ports): Promise<RunningServer> {
  const tls = ["--cluster-tls-cert-path", file(`${name}.pem`), "--cluster-tls-key-path", file(`${name}.key`)];
  const args = ["--cluster-port", String(ports[name]), ...tls, "--cluster-tls-ca-path", file("ca.pem")];
  // `a` is known by the address at which it is reached, `b` expects of all the name that it was told.
  return nodes.start({ name, args: [...args, ...(name === "b" ? ["--cluster-tls-server-name", "nodes.pawl"] : [])] });
}

write("a", authority.certificate({ commonName: "a", hosts: ["127.0.0.1", "nodes.pawl"] }));
write("b", authority.certificate({ commonName: "b", hosts: ["127.0.0.1", "nodes.pawl"] }));
const a = await start("a");
let b = await start("b");
await nodes.settled("a", "b");

/** Whether calls for the executions of both nodes are answered by either. */
async function bothAnswer(round: string): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const [one, other] = i % 2 === 0 ? [a, b] : [b, a];
    const workflowId = `${round}-${i}`;
    const requests = { workflowType: { name: "T" }, taskQueue: { name: `${round}-${i}` }, requestId: workflowId };
    const { runId } = await insist(() =>
      call(one.address, "StartWorkflowExecution", { namespace, workflowId, ...requests }),
    );
    const execution = { workflowId, runId };
    const polled = () =>
      call(other.address, "PollWorkflowTaskQueue", { namespace, taskQueue: requests.taskQueue, identity: "w" });
    let task = await insist(polled);
    while (task.taskToken.length === 0) task = await insist(polled);
    assert.deepEqual(task.workflowExecution, execution);
  }
}

/** The gRPC status of one call to a node's port, or how the connection failed. */
async function answerOf(url: string, options: object): Promise<string> {
  const session = connect(url, options);
  try {
    const { promise, resolve } = Promise.withResolvers<string>();
    session.on("error", (error) => resolve(`failed: ${error.message}`));
    session.on("close", () => resolve("failed: the connection was closed"));
    session.on("goaway", () => resolve("failed: the connection was closed"));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: "/pawl.node.v1.Node/Look",
      "content-type": "application/grpc",
    });
    stream.on("error", (error) => resolve(`failed: ${error.message}`));
    for (const event of ["response", "trailers"])
      stream.on(event, (seen: Record<string, unknown>) => {
        if (seen["grpc-status"] !== undefined) resolve(String(seen["grpc-status"]));
      });
    stream.resume();
    stream.end(Buffer.alloc(5));
    return await promise;
  } finally {
    session.destroy();
  }
}

test("each node answers for the executions of both, over TLS", { timeout }, () => bothAnswer("first"));

test("who has no certificate of the nodes' authority is not heard, and who has one must still be a node", {
  timeout,
}, async () => {
  const own = authority.certificate({ commonName: "one", hosts: ["127.0.0.1"] });
  const url = `https://127.0.0.1:${ports.a}`;
  const ca = authority.cert;
  assert.equal(await answerOf(url, { ca, ...own }), "16", "let in, and refused for want of a seal");
  for (const [who, options] of [
    ["nobody's certificate", { ca }],
    ["another authority's", { ca, ...stranger.certificate({ commonName: "a", hosts: ["127.0.0.1"] }) }],
    ["one for servers alone", { ca, ...authority.certificate({ commonName: "a", usage: "server" }) }],
    ["an expired one", { ca, ...authority.certificate({ commonName: "a", notAfter: new Date(Date.now() - 1_000) }) }],
  ] as const)
    assert.match(await answerOf(url, options), /^failed/, who);
  assert.match(await answerOf(`http://127.0.0.1:${ports.a}`, {}), /^failed/, "plain text");
});

test("new certificates of a new authority are taken under way, with the old one trusted as long", {
  timeout,
}, async () => {
  const next = new Authority("The next authority of the nodes");
  writeFileSync(file("ca.pem"), `${authority.cert}${next.cert}`);
  for (const [name, node] of [
    ["a", a],
    ["b", b],
  ] as const) {
    write(name, next.certificate({ commonName: `${name}-renewed`, hosts: ["127.0.0.1", "nodes.pawl"] }));
    process.kill(node.pid, "SIGHUP");
  }
  const looker = next.certificate({ commonName: "looks" });
  const shown = async (port: number) => {
    const socket = connectTls({ host: "127.0.0.1", port, ca: next.cert, ...looker, ALPNProtocols: ["h2"] });
    try {
      await once(socket, "secureConnect");
      return socket.getPeerCertificate().subject.CN;
    } catch {
      return undefined; // still the certificate of before
    } finally {
      socket.destroy();
    }
  };
  for (const name of ["a", "b"] as const)
    await until(`${name} shows its new certificate`, async () => (await shown(ports[name])) === `${name}-renewed`);
  await bothAnswer("renewed");
  // Nobody needs the old authority now: a process that knows the new one alone is a node like the others.
  writeFileSync(file("ca.pem"), next.cert);
  await b.stop();
  b = await start("b");
  await nodes.settled("a", "b");
  await bothAnswer("restarted");
});

test("a node that the others cannot trust is said to be one", { timeout }, async () => {
  write("odd", stranger.certificate({ commonName: "odd", hosts: ["127.0.0.1"] }));
  const port = await freePort();
  const tls = ["--cluster-tls-cert-path", file("odd.pem"), "--cluster-tls-key-path", file("odd.key")];
  const odd = await nodes.start({
    name: "odd",
    args: [...["--log-level", "warn", "--cluster-port", String(port)], ...tls, "--cluster-tls-ca-path", file("ca.pem")],
  });
  await until("it says whom it cannot reach", () => odd.logs().includes("no connection to a node"));
  await odd.kill9();
});
