/** What is written down of calls, and what never is. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { type Init, type MethodName, methods, type RequestOf } from "@pawl/protocol";
import { systemClock } from "../clock.ts";
import { StartFailure } from "../config.ts";
import { askHttp } from "../http/raw-http.ts";
import { type RunningServer, startServer } from "../main.ts";
import { RawClient } from "../rpc/raw-client.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { createLog, quietTelemetry } from "../telemetry/telemetry.ts";
import { AuditLog } from "./audit.ts";
import { Callers } from "./callers.ts";

/** Stands in every place where something secret may be: not one of them may show it. */
const marker = "m4rk3r";

let callers: Callers;
let server: RunningServer;
let client: RawClient;
let auditPath: string;
const logged: string[] = [];

before(async () => {
  callers = await Callers.make();
  auditPath = join(dirname(callers.authPath), "audit.log");
  const log = createLog({ level: "debug", format: "text", nowMs: () => 0, write: (line) => logged.push(line) });
  server = await startServer({
    ...{ port: 0, httpPort: 0, namespaces: ["a", "b"], auth: callers.auth, auditLogPath: auditPath },
    ui: { port: 0, pages: async () => undefined },
    telemetry: { log, metrics: new Metrics(), stopwatchMs: () => performance.now() },
  });
  client = new RawClient(server.port);
});
after(() => callers.end());

async function call<N extends MethodName>(credential: string, name: N, request: Init<RequestOf<N>>): Promise<void> {
  const headers = { authorization: `Bearer ${credential}` };
  await client.call(methods[name].path, methods[name].request.encode(request as never), { headers });
}

test("who did what is written down, and no payload, header or credential is, here or in the log", async () => {
  const workflowId = randomUUID();
  const input = { payloads: [{ metadata: {}, data: Buffer.from(marker) }] };
  const start = { namespace: "a", workflowId, requestId: randomUUID(), workflowType: { name: "W" } };
  const taskQueue = { name: "q" };
  const execution = { workflowId };
  const memo = { fields: { [marker]: input.payloads[0]! } };
  await call(callers.known["writer of a"]!, "StartWorkflowExecution", { ...start, taskQueue, input, memo });
  await call(callers.known["reader of a"]!, "DescribeWorkflowExecution", { namespace: "a", execution });
  await call(callers.known["reader of a"]!, "TerminateWorkflowExecution", {
    ...{ namespace: "a", workflowExecution: execution, reason: marker, details: input },
  });
  await call(callers.known["admin of b"]!, "SignalWorkflowExecution", {
    ...{ namespace: "a", workflowExecution: execution, signalName: "go", input },
  });
  await call(`pawl_000000000000_${marker.padEnd(43, "x")}`, "GetSystemInfo", {});
  await call(`${marker}.${marker}.${marker}`, "GetSystemInfo", {});
  const renamed = `${auditPath}.1`;
  renameSync(auditPath, renamed);
  await server.reload(); // a log that was moved aside is begun anew
  const headers = { authorization: `Bearer ${callers.known["admin of a"]}`, "content-type": "application/json" };
  const body = JSON.stringify({ reason: marker, details: [marker] });
  const terminate = `POST /api/v1/namespaces/a/workflows/${workflowId}/terminate`;
  assert.equal((await askHttp(server.httpPort!, terminate, { headers, body })).status, 200);
  await askHttp(server.httpPort!, `GET /api/v1/namespaces/a/workflows?query=${marker}`, {
    headers: { cookie: marker },
  });
  for (const credential of [marker, callers.known["reader of a"]!]) {
    const asked = { headers: { "content-type": "application/json" }, body: JSON.stringify({ credential }) };
    await askHttp(server.uiPort!, "POST /api/v1/session", asked);
  }
  client[Symbol.dispose]();
  await server.stop();

  assert.ok(existsSync(auditPath));
  const text = readFileSync(renamed, "utf8") + readFileSync(auditPath, "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  const shown = lines.map(({ audit, who, namespace, workflowId: id, outcome }) => [audit, who, namespace, id, outcome]);
  assert.deepEqual(shown, [
    ["StartWorkflowExecution", "jwt:tester", "a", workflowId, "OK"],
    ["TerminateWorkflowExecution", "key:reader", "a", workflowId, "PERMISSION_DENIED"],
    ["SignalWorkflowExecution", "key:admin-b", "a", workflowId, "PERMISSION_DENIED"],
    [methods.GetSystemInfo.path, "", "", undefined, "UNAUTHENTICATED"],
    [methods.GetSystemInfo.path, "", "", undefined, "UNAUTHENTICATED"],
    ["TerminateWorkflowExecution", "jwt:tester", "a", workflowId, "OK"],
    ["/api/v1/namespaces/a/workflows", "", "", undefined, "UNAUTHENTICATED"],
    ["OpenSession", "", "", undefined, "UNAUTHENTICATED"],
    ["OpenSession", "key:reader", "", undefined, "OK"],
  ]);
  assert.ok(lines.every(({ time }) => /^\d{4}-\d\d-\d\dT/.test(time!)));
  assert.ok(
    logged.some((line) => line.includes("method=StartWorkflowExecution")),
    "the log says what was called",
  );
  for (const secret of [marker, ...Object.values(callers.known)]) {
    assert.ok(!text.includes(secret), "the audit log shows a secret");
    assert.ok(!logged.join("").includes(secret), "the log shows a secret");
  }
});

test("a server whose audit log cannot be opened does not start, and says so", async () => {
  const auditLogPath = join(dirname(auditPath), "no such folder", "audit.log");
  const opening = startServer({ port: 0, auth: callers.auth, auditLogPath });
  await assert.rejects(
    opening,
    (error) => error instanceof StartFailure && /audit log cannot be opened/.test(error.message),
  );
});

test("a line is short, and a terminal that shows it gets no orders, whatever a caller writes", async () => {
  const path = join(dirname(auditPath), "short.log");
  const audit = new AuditLog(path, { clock: systemClock, log: quietTelemetry().log });
  const long = "\u009b31m\u202e".padEnd(1_000_000, "x");
  audit.write({ who: long, what: long, namespace: long, target: { workflowId: long }, outcome: "PERMISSION_DENIED" });
  await audit.close();
  const text = readFileSync(path, "utf8");
  assert.ok(text.length < 2_000);
  assert.match(text, /^[\x20-\x7e]+\n$/);
});
