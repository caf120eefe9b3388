/** TLS and mutual TLS against a server of the test's own, with certificates made for it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { TlsConfig } from "../transport/transport.ts";
import { Connection } from "./connection.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-tls-"));
const pem = (name: string) => readFileSync(join(folder, name));

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
}

/** A certificate that the test's own authority has signed. */
function certificate(name: string, extension: string): void {
  const subject = ["-subj", `/CN=${name}`];
  openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`, ...subject);
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
  execFileSync("sh", ["-c", `printf '%s' "$1" > ext.cnf`, "sh", extension], { cwd: folder });
  openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", "ext.cnf", ...signed);
}

function isThere(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("a connection over TLS", { skip: !isThere() && "openssl is not installed" }, () => {
  let server: Http2SecureServer;
  let address = "";
  const peers: (string | undefined)[] = [];

  before(async () => {
    const authority = ["-subj", "/CN=test authority", "-days", "2"];
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", ...authority);
    certificate("server", "subjectAltName=DNS:workflows.test");
    certificate("client", "basicConstraints=CA:FALSE");
    const options = { key: pem("server.key"), cert: pem("server.pem"), ca: pem("ca.pem") };
    server = createSecureServer({ ...options, requestCert: true, rejectUnauthorized: false });
    // Every call is answered with an empty message.
    server.on("stream", (stream) => {
      const socket = stream.session?.socket as TLSSocket;
      peers.push(socket.authorized ? String(socket.getPeerCertificate().subject.CN) : undefined);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 0]));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server?.close();
    rmSync(folder, { recursive: true });
  });

  const connect = async (tls: TlsConfig | boolean) => {
    peers.length = 0;
    const connection = await Connection.connect({ address, tls, connectTimeout: 3_000 });
    await connection.close();
  };

  test("trusts the authority that it is given, under the name that it is given", async () => {
    await connect({ serverRootCACertificate: pem("ca.pem"), serverNameOverride: "workflows.test" });
    assert.deepEqual(peers, [undefined], "the server saw nobody's certificate");
  });

  test("shows its own certificate when it has one", async () => {
    await connect({
      ...{ serverRootCACertificate: pem("ca.pem"), serverNameOverride: "workflows.test" },
      clientCertPair: { crt: pem("client.pem"), key: pem("client.key") },
    });
    assert.deepEqual(peers, ["client"]);
  });

  test("takes any certificate only when it is told to", async () => {
    await connect({ disableHostVerification: true });
    assert.equal(peers.length, 1);
  });

  for (const [what, tls] of [
    ["an authority that nobody knows", true],
    ["another name", { serverRootCACertificate: () => pem("ca.pem"), serverNameOverride: "elsewhere.test" }],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const config =
        typeof tls === "boolean" ? tls : { ...tls, serverRootCACertificate: tls.serverRootCACertificate() };
      await assert.rejects(connect(config), /UNAVAILABLE|DEADLINE/);
      assert.deepEqual(peers, []);
    });
  }
});
