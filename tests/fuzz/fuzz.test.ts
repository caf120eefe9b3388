/**
 * Every served call, tens of thousands of inputs, one real server: none may crash it, stall it, be answered with a fault, or change what it does not
 * name. `PAWL_FUZZ_SEED` (`seed.ts`) and `PAWL_FUZZ_INPUTS` (30000) change the run; `PAWL_FUZZ_REPORT` prints how calls were answered, `PAWL_FUZZ_LOG=debug` has the
 * server's log with stacks. In the end `pawl doctor` looks at what is left. A failing input is printed with its bytes; it then becomes a row below.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { enums, history as histories, type MethodName, methods } from "@pawl/protocol";
import { mustBeSound } from "../rig/doctor.ts";
import { type RunningServer, startPawl } from "../rig/server.ts";
import { repository } from "../rig/toolchain.ts";
import { spareNamespace } from "./arbitrary.ts";
import { Caller } from "./caller.ts";
import { Campaign } from "./campaign.ts";
import { framed } from "./input.ts";
import { Known } from "./known.ts";
import { fuzzSeed as seed } from "./seed.ts";
import { ask, liveEndpointSpec, Traffic } from "./traffic.ts";
import { notingTurns, turnCpuMsMax, turnsSince } from "./turn-probe.ts";
import { Witnesses } from "./witness.ts";

const inputCount = Number(process.env["PAWL_FUZZ_INPUTS"] ?? 30_000);
const namespace = "default";

/** What earlier runs found, with the answer that each gets now. */
const regressions: readonly {
  readonly found: string;
  readonly path: string;
  readonly message: Uint8Array;
  readonly status: number;
  readonly says: RegExp;
}[] = [
  {
    found: "a cron schedule named like a member of every object was INTERNAL",
    path: methods.StartWorkflowExecution.path,
    message: methods.StartWorkflowExecution.request.encode({
      ...{
        namespace,
        workflowId: "w",
        workflowType: { name: "T" },
        taskQueue: { name: "q" },
        cronSchedule: "toString",
      },
    }),
    status: 3,
    says: /CronSchedule/,
  },
  {
    found: "a refusal whose text ends with a space came without any",
    path: "/",
    message: new Uint8Array(),
    status: 12,
    says: /unknown service/,
  },
];

async function answersRegressions(caller: Caller): Promise<void> {
  for (const { found, path, message, status, says } of regressions) {
    const outcome = await caller.send({ path, body: framed(message), timeoutMs: 5_000 });
    assert(outcome.type === "status", found);
    assert.equal(outcome.status, status, found);
    assert.match(outcome.message, says, found);
  }
}

async function opened(server: RunningServer): Promise<Caller> {
  const caller = new Caller(server.address);
  await caller.open();
  return caller;
}

/** All calls but those that the server says it does not know. */
async function servedMethods(caller: Caller): Promise<MethodName[]> {
  const served: MethodName[] = [];
  for (const name of Object.keys(methods) as MethodName[]) {
    const outcome = await caller.send({ path: methods[name].path, body: framed(new Uint8Array()), timeoutMs: 2_000 });
    if (outcome.type !== "status" || outcome.status !== 12 || !outcome.message.includes("unknown method"))
      served.push(name);
  }
  return served;
}

async function prepare(caller: Caller): Promise<void> {
  await ask(caller, "RegisterNamespace", {
    namespace: spareNamespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 },
  });
  const { TEXT, KEYWORD, INT, BOOL, DATETIME, KEYWORD_LIST } = enums.IndexedValueType;
  const searchAttributes = {
    ...{ FuzzText: TEXT, FuzzWord: KEYWORD, FuzzNumber: INT },
    ...{ FuzzFlag: BOOL, FuzzTime: DATETIME, FuzzWords: KEYWORD_LIST },
  };
  await ask(caller, "AddSearchAttributes", { namespace, searchAttributes });
  await ask(caller, "CreateNexusEndpoint", { spec: liveEndpointSpec });
}

/** What no client of gRPC would send at all. */
async function rawBytes(port: number): Promise<void> {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = Buffer.from("000000040000000000", "hex");
  const rows = [
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Buffer.from("160301020001000001fc0303", "hex"),
    preface.subarray(0, 11),
    Buffer.concat([preface, Buffer.alloc(64, 0xff)]),
    Buffer.concat([preface, settings, Buffer.from("000005000000000001", "hex"), Buffer.alloc(5)]),
    Buffer.concat([preface, settings, Buffer.from("ffffff010400000001", "hex"), Buffer.alloc(2_000, 0x82)]),
    Buffer.concat([preface, settings, Buffer.from("0000040800000000007fffffff0000040800000000007fffffff", "hex")]),
    Buffer.concat([
      preface,
      settings,
      ...Array.from({ length: 500 }, () => Buffer.from("0000080600000000000102030405060708", "hex")),
    ]),
  ];
  const sent = rows.map(async (bytes) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.write(bytes);
    await delay(200);
    socket.destroy();
  });
  await Promise.all(sent);
}

/** Every run that the list holds can be described and read. Returns how many. */
async function readAll(caller: Caller): Promise<number> {
  let count = 0;
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await ask(caller, "ListWorkflowExecutions", { namespace, pageSize: 200, nextPageToken });
    await Promise.all(
      page.executions.map(async ({ execution }) => {
        await ask(caller, "DescribeWorkflowExecution", { namespace, execution });
        const { history } = await ask(caller, "GetWorkflowExecutionHistory", { namespace, execution });
        assert.equal(
          histories.History.decode(history!).events[0]?.eventId,
          1,
          `${JSON.stringify(execution)} has a history`,
        );
      }),
    );
    count += page.executions.length;
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return count;
}

/** Methods that are refused whatever they are asked, as the table of the API's methods says. */
async function switchedOffMethods(): Promise<ReadonlySet<string>> {
  const table = await readFile(join(repository, "docs/api-coverage.md"), "utf8");
  return new Set([...table.matchAll(/^\| `(\w+)` \| switched off \|/gm)].map(([, name = ""]) => name));
}

/** As any client would use it. */
async function servesNormally(caller: Caller): Promise<void> {
  const workflowId = `after-${crypto.randomUUID()}`;
  const taskQueue = { name: workflowId };
  const start = { namespace, workflowId, taskQueue, workflowType: { name: "After" }, requestId: workflowId };
  await ask(caller, "StartWorkflowExecution", start);
  const { taskToken } = await ask(caller, "PollWorkflowTaskQueue", { namespace, taskQueue });
  const commands = [
    { commandType: enums.CommandType.COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: {} },
  ];
  await ask(caller, "RespondWorkflowTaskCompleted", { namespace, taskToken, commands });
  const { workflowExecutionInfo } = await ask(caller, "DescribeWorkflowExecution", {
    namespace,
    execution: { workflowId },
  });
  assert.equal(workflowExecutionInfo?.status, enums.WorkflowExecutionStatus.COMPLETED);
}

test(`no input crashes the server, stalls it or changes what it does not name (PAWL_FUZZ_SEED=${seed})`, {
  timeout: 900_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  const dbFilename = join(folder, "state.db");
  const { PAWL_FUZZ_LOG: logLevel } = process.env;
  const args = logLevel === undefined ? [] : ["--log-level", logLevel];
  const turnFile = join(folder, "turns");
  let server = await startPawl({ dbFilename, args, env: notingTurns(turnFile) });
  try {
    const caller = await opened(server);
    await prepare(caller);
    await answersRegressions(caller);
    const served = await servedMethods(caller);
    const witnesses = await Witnesses.make(caller);
    const before = await witnesses.histories();

    const known = new Known();
    const traffic = new Traffic(caller, known);
    traffic.start();
    const campaign = new Campaign(server.address, known, seed);
    const switchedOff = await switchedOffMethods();
    const passable = served.filter((name) => !switchedOff.has(name));
    const startedAtMs = performance.now();
    const sinceMs = Date.now();
    const [findings] = await Promise.all([campaign.run(served, passable, inputCount), rawBytes(server.port)]);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    await traffic.stop();
    const turns = await turnsSince(turnFile, sinceMs);

    t.diagnostic(
      `${findings.sent} inputs over ${served.length} calls, ${Math.round(findings.sent / seconds)}/s; ${JSON.stringify({ turns, traffic: traffic.counts })}`,
    );
    if (process.env["PAWL_FUZZ_REPORT"]) {
      for (const [row, count] of [...findings.byStatus, ...findings.byReason].sort()) t.diagnostic(`${count}\t${row}`);
      for (const { ms, input } of findings.slowest) t.diagnostic(`${ms} ms: ${input}`);
    }
    assert.deepEqual(
      findings.failures,
      [],
      `PAWL_FUZZ_SEED=${seed}: ${findings.failures.length} inputs failed:\n${findings.failures.join("\n")}`,
    );
    assert.deepEqual(traffic.failures, []);
    assert.equal(
      server
        .logs()
        .match(/.*\b(ERROR|WARN|unhandled|Unhandled)\b.*/g)
        ?.join("\n"),
      undefined,
      "the log is without faults",
    );
    assert(turns.cpuMsMax < turnCpuMsMax, `a turn of the server's loop took ${turns.cpuMsMax} ms`);
    const neverOk = campaign.neverOk(passable);
    t.diagnostic(`calls that no input got past: ${neverOk.join(", ") || "none"}`);
    assert(neverOk.length <= served.length / 10, `inputs got past the checks of too few calls; not of ${neverOk}`);
    assert.deepEqual(await witnesses.histories(), before);
    await servesNormally(caller);
    caller.close();

    await server.kill9();
    server = await startPawl({ dbFilename });
    const again = await opened(server);
    assert.deepEqual(await witnesses.histories(again), before);
    const runs = await readAll(again);
    assert(runs > 20, `only ${runs} runs were left to read`);
    t.diagnostic(`${runs} runs described and read after kill -9`);
    await servesNormally(again);
    again.close();
    await mustBeSound(dbFilename);
    await mustBeSound(server.address);
  } catch (error) {
    t.diagnostic(
      `what the server said:\n${server
        .logs()
        .match(/^.*\b(ERROR|WARN|Error|at)\b.*$/gm)
        ?.slice(0, 60)
        .join("\n")}`,
    );
    throw error;
  } finally {
    await server.kill9();
    await rm(folder, { recursive: true, force: true });
  }
});
