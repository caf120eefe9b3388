import assert from "node:assert/strict";
import { test } from "node:test";
import { CallFailed } from "@pawl/sdk/client";
import { refusalText } from "./refusal.ts";

test("what is not there may be in another namespace, and what is closed is not looked for there", () => {
  const told = (details: string) => {
    const failure = refusalText(new CallFailed(5, details), { address: "127.0.0.1:7233", namespace: "shop" });
    return (failure as Error).message;
  };
  assert.equal(
    told("workflow not found for ID: a"),
    "workflow not found for ID: a (namespace shop; --namespace names another)",
  );
  assert.equal(told("workflow execution already completed"), "workflow execution already completed");
});

test("a server that cannot be spoken to is said to be so, with what to try", () => {
  const address = "db.example.org:7233";
  const began = `No connection established to ${address}: `;
  for (const [details, expected] of [
    [
      "connect ECONNREFUSED 127.0.0.1:7233",
      /^no server answers at db\.example\.org:7233 \(connect ECONNREFUSED\); start one/,
    ],
    [`${began}getaddrinfo ENOTFOUND db.example.org`, /^no server answers .* \(getaddrinfo ENOTFOUND\)/],
    [
      `${began}40ADC1ED377F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:tlsany_meth.c:77:\n`,
      /^the server at db\.example\.org:7233 speaks no TLS; leave out --tls/,
    ],
    [
      "403D:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:rec_layer_s3.c:918:SSL alert number 116\n",
      /asks for a certificate; --tls-cert-path/,
    ],
    [
      "403D:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:rec_layer_s3.c:918:SSL alert number 48\n",
      /does not take this client's certificate \(alert unknown ca\)$/,
    ],
    [
      `${began}Hostname/IP does not match certificate's altnames: Host: x.org. is not in the cert's altnames: DNS:localhost`,
      /is another host's .*--tls-server-name/,
    ],
    [
      `${began}unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca`,
      /is not trusted \(unable to verify the first certificate\); --tls-ca-path/,
    ],
    [`${began}self-signed certificate in certificate chain`, /is not trusted \(self-signed .* chain\)/],
    ["the server does not speak HTTP/2", /speaks no gRPC/],
    ["the connection was closed", /has hung up; if it speaks TLS, say so with --tls/],
  ] as const) {
    const failure = refusalText(new CallFailed(14, details), { address, namespace: "shop" });
    assert.match((failure as Error).message, expected);
  }
  const denied = refusalText(new CallFailed(7, "It is not allowed."), { address, namespace: "shop" });
  assert.match((denied as Error).message, /^It is not allowed; --api-key/);
});
