/** One request is for one namespace: what its token, its nested fields and its commands say is held against that, and credentials end when they should. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import {
  enums,
  type Init,
  type MethodName,
  history as messages,
  methods,
  type RequestOf,
  type ResponseOf,
} from "@pawl/protocol";
import { type MessageSchema, messageOf, messageSchema } from "@pawl/protocol/json";
import { type RunningServer, startServer } from "../main.ts";
import { type Answer, RawClient } from "../rpc/raw-client.ts";
import { type StatusCode, statusCodes } from "../rpc/transport.ts";
import { authFileText, parseAuthFile } from "./auth-file.ts";
import { Callers } from "./callers.ts";

const { History } = messages;
const testMs = 60_000;
let callers: Callers;
let server: RunningServer;
let client: RawClient;

before(async () => {
  callers = await Callers.make();
  server = await startServer({ port: 0, namespaces: ["a", "b"], auth: callers.auth });
  client = new RawClient(server.port);
});

after(async () => {
  client[Symbol.dispose]();
  await server.stop();
  callers.end();
});

function call<N extends MethodName>(credential: string, name: N, request: Init<RequestOf<N>>): Promise<Answer> {
  const headers = { authorization: `Bearer ${credential}` };
  const bytes = methods[name].request.encode(request as never);
  return client.call(methods[name].path, bytes, { headers, deadlineMs: Date.now() + 30_000 });
}

async function ok<N extends MethodName>(who: string, name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N>> {
  const { code, text, bytes } = await call(callers.known[who]!, name, request);
  assert.equal(code, 0, text);
  return methods[name].response.decode(bytes!) as ResponseOf<N>;
}

async function refused<N extends MethodName>(who: string, name: N, request: Init<RequestOf<N>>, code: StatusCode) {
  const answer = await call(callers.known[who]!, name, request);
  assert.equal(answer.code, statusCodes[code], `${name} by ${who}: ${answer.code} ${answer.text}`);
}

function eventsOf(bytes: Uint8Array | undefined): number {
  return History.decode(bytes!).events.length;
}

async function startedTask(namespace: string, who: string) {
  const taskQueue = { name: randomUUID() };
  const ids = { namespace, workflowId: randomUUID(), requestId: randomUUID() };
  await ok(who, "StartWorkflowExecution", { ...ids, workflowType: { name: "W" }, taskQueue });
  const task = await ok(who, "PollWorkflowTaskQueue", { namespace, taskQueue });
  return { ...ids, taskToken: task.taskToken };
}

test("another's namespace is not told of by its id", { timeout: testMs }, async () => {
  const { namespaceInfo } = await ok("admin of b", "DescribeNamespace", { namespace: "b" });
  const texts = await Promise.all(
    [namespaceInfo!.id, randomUUID()].map(async (id) => {
      const { code, text } = await call(callers.known["admin of a"]!, "DescribeNamespace", { id });
      assert.equal(code, statusCodes.PERMISSION_DENIED);
      return text;
    }),
  );
  assert.equal(texts[0], texts[1], "one that is there and one that is not");
});

describe("a task token", () => {
  test("is good in its namespace alone, whatever the request says", { timeout: testMs }, async () => {
    const { taskToken, workflowId } = await startedTask("a", "writer of a");
    // Its own namespace, which the caller has nothing to do with.
    await refused("admin of b", "RespondWorkflowTaskCompleted", { namespace: "a", taskToken }, "PERMISSION_DENIED");
    // No namespace: then it is the token's.
    await refused("admin of b", "RespondWorkflowTaskCompleted", { taskToken }, "PERMISSION_DENIED");
    // The caller's namespace with another's token.
    await refused("admin of b", "RespondWorkflowTaskCompleted", { namespace: "b", taskToken }, "INVALID_ARGUMENT");
    await refused("reader of a", "RespondWorkflowTaskCompleted", { namespace: "a", taskToken }, "PERMISSION_DENIED");
    const execution = { workflowId };
    const { history } = await ok("reader of a", "GetWorkflowExecutionHistory", { namespace: "a", execution });
    assert.equal(eventsOf(history), 3, "nothing was written");
    await ok("worker of a", "RespondWorkflowTaskCompleted", { taskToken });
  });

  test("of every other kind is refused the same way", { timeout: testMs }, async () => {
    const { taskToken } = await startedTask("a", "writer of a");
    // A workflow task's token is no activity's: nobody is told more than that it is not his to use.
    for (const name of [
      "RecordActivityTaskHeartbeat",
      "RespondActivityTaskCompleted",
      "RespondQueryTaskCompleted",
      "RespondNexusTaskCompleted",
    ] as const)
      await refused("admin of b", name, { taskToken }, "PERMISSION_DENIED");
    await refused("worker of a", "RespondActivityTaskCompleted", { namespace: "a", taskToken }, "INVALID_ARGUMENT");
  });
});

test("a page token is good in its namespace alone", { timeout: testMs }, async () => {
  for (let count = 0; count < 2; count++) await startedTask("a", "writer of a");
  const page = await ok("reader of a", "ListWorkflowExecutions", { namespace: "a", pageSize: 1 });
  assert.ok(page.nextPageToken.length > 0);
  const { nextPageToken } = page;
  await refused("admin of b", "ListWorkflowExecutions", { namespace: "b", nextPageToken }, "INVALID_ARGUMENT");
});

describe("a namespace inside a request", () => {
  /** What a request may name inside itself, and what is made of it. An entry that is missing here is a field that nobody has thought about. */
  const nested: Readonly<Record<string, string>> = {
    "temporal.api.common.v1.Link.WorkflowEvent.namespace": "shown, never followed",
    "temporal.api.common.v1.Link.Activity.namespace": "shown, never followed",
    "temporal.api.common.v1.Link.NexusOperation.namespace": "shown, never followed",
    "temporal.api.common.v1.Link.Workflow.namespace": "shown, never followed",
    "temporal.api.failure.v1.ChildWorkflowExecutionFailureInfo.namespace": "shown, never followed",
    "temporal.api.workflowservice.v1.StartWorkflowExecutionRequest.namespace": "must be the request's",
    "temporal.api.workflowservice.v1.UpdateWorkflowExecutionRequest.namespace": "must be the request's",
    "temporal.api.command.v1.StartChildWorkflowExecutionCommandAttributes.namespace": "must be the run's",
    "temporal.api.command.v1.SignalExternalWorkflowExecutionCommandAttributes.namespace": "must be the run's",
    "temporal.api.command.v1.RequestCancelExternalWorkflowExecutionCommandAttributes.namespace": "must be the run's",
    "temporal.api.nexus.v1.EndpointTarget.Worker.namespace": "set by an admin of the system",
  };

  test("is a field that is known here", () => {
    const found = new Set<string>();
    const seen = new Set<string>();
    const walk = (schema: MessageSchema, isTop: boolean) => {
      if (!isTop && seen.has(schema.name)) return;
      if (!isTop) seen.add(schema.name);
      for (const field of schema.fields) {
        if (!isTop && field.kind === "string" && /namespace/i.test(field.name))
          found.add(`${schema.name}.${field.name}`);
        const value = field.map?.value ?? field;
        if (value.kind === "message") walk(messageOf(value), false);
      }
    };
    for (const { request } of Object.values(methods)) walk(messageSchema(request.typeName)!, true);
    assert.deepEqual([...found].toSorted(), Object.keys(nested).toSorted());
  });

  test("of an operation of several must be the request's", { timeout: testMs }, async () => {
    const start = {
      namespace: "b",
      workflowId: "hidden",
      requestId: "r",
      workflowType: { name: "W" },
      taskQueue: { name: "q" },
    };
    const update = { namespace: "b", workflowExecution: { workflowId: "hidden" }, request: { input: { name: "u" } } };
    const operations = [{ startWorkflow: start }, { updateWorkflow: update }];
    await refused("admin of a", "ExecuteMultiOperation", { namespace: "a", operations }, "INVALID_ARGUMENT");
    const { count } = await ok("admin of b", "CountWorkflowExecutions", { namespace: "b" });
    assert.equal(count, 0, "nothing has begun in b");
  });

  test("of a command must be the run's", { timeout: testMs }, async () => {
    const victim = await startedTask("b", "admin of b");
    const execution = { workflowId: victim.workflowId };
    const { CommandType } = enums;
    const foreign = [
      {
        commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
        signalExternalWorkflowExecutionCommandAttributes: { namespace: "b", execution, signalName: "s" },
      },
      {
        commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
        requestCancelExternalWorkflowExecutionCommandAttributes: { namespace: "b", ...execution },
      },
      {
        commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
        startChildWorkflowExecutionCommandAttributes: {
          ...{ namespace: "b", workflowId: "child", workflowType: { name: "W" }, taskQueue: { name: "q" } },
        },
      },
    ];
    for (const command of foreign) {
      const { taskToken } = await startedTask("a", "writer of a");
      await refused(
        "writer of a",
        "RespondWorkflowTaskCompleted",
        { taskToken, commands: [command] },
        "INVALID_ARGUMENT",
      );
    }
    const { history } = await ok("admin of b", "GetWorkflowExecutionHistory", { namespace: "b", execution });
    assert.equal(eventsOf(history), 3, "nobody has reached the run");
    assert.equal((await ok("admin of b", "CountWorkflowExecutions", { namespace: "b" })).count, 1);
  });
});

test("a batch does nothing outside the namespace that it was allowed for", { timeout: testMs }, async () => {
  const victim = await startedTask("b", "admin of b");
  const own = await startedTask("a", "writer of a");
  const executions = [{ workflowId: victim.workflowId }, { workflowId: own.workflowId }];
  const batch = { namespace: "a", jobId: randomUUID(), reason: "test", executions, terminationOperation: {} };
  await refused("admin of b", "StartBatchOperation", batch, "PERMISSION_DENIED");
  await ok("writer of a", "StartBatchOperation", batch);
  const { jobId } = batch;
  for (let isOver = false; !isOver; ) {
    const { state } = await ok("reader of a", "DescribeBatchOperation", { namespace: "a", jobId });
    isOver = state !== enums.BatchOperationState.RUNNING;
  }
  const statusOf = async (who: string, { namespace, workflowId }: typeof own) => {
    const execution = { workflowId };
    return (await ok(who, "DescribeWorkflowExecution", { namespace, execution })).workflowExecutionInfo?.status;
  };
  const { RUNNING, TERMINATED } = enums.WorkflowExecutionStatus;
  assert.deepEqual([await statusOf("admin of b", victim), await statusOf("reader of a", own)], [RUNNING, TERMINATED]);
});

describe("a credential", () => {
  test("that is taken out of the file is refused, and one that is put in is good", { timeout: testMs }, async () => {
    const key = callers.known["reader of a"]!;
    const before = readFileSync(callers.authPath, "utf8");
    const file = parseAuthFile(before);
    writeFileSync(
      callers.authPath,
      authFileText({ ...file, apiKeys: file.apiKeys.filter(({ name }) => name !== "reader") }),
    );
    assert.equal(await server.reload(), true);
    assert.equal((await call(key, "GetSystemInfo", {})).code, statusCodes.UNAUTHENTICATED);
    writeFileSync(callers.authPath, "{ broken");
    assert.equal(await server.reload(), false, "what makes no sense changes nothing");
    assert.equal((await call(callers.known["system admin"]!, "GetSystemInfo", {})).code, 0);
    writeFileSync(callers.authPath, before);
    assert.equal(await server.reload(), true);
    assert.equal((await call(key, "GetSystemInfo", {})).code, 0);
  });

  test("that names nobody is refused", { timeout: testMs }, async () => {
    for (const sub of ["", null, { name: "alice" }, 7] as unknown as string[]) {
      const { code, text } = await call(await callers.token({ sub, permissions: ["a:admin"] }), "GetSystemInfo", {});
      assert.deepEqual([code, text], [statusCodes.UNAUTHENTICATED, "the token's sub is not what is expected here"]);
    }
  });

  test("that is no Bearer credential is refused", async () => {
    const headers = { authorization: "Basic dXNlcjpwYXNz" };
    const answer = await client.call(methods.GetSystemInfo.path, Buffer.alloc(0), { headers });
    assert.deepEqual([answer.code, answer.text], [16, "the authorization is not a Bearer credential"]);
  });

  test("may be signed with keys behind a URL; when they cannot be had, callers are told to try again", {
    timeout: testMs,
  }, async () => {
    const { jwt } = callers.auth;
    const keys = createServer((request, response) => {
      response.statusCode = request.url === "/keys" ? 200 : 503;
      response.end(readFileSync(jwt!.jwks));
    });
    keys.listen(0, "127.0.0.1");
    await once(keys, "listening");
    const { port } = keys.address() as AddressInfo;
    for (const [path, code] of [["keys", 0] as const, ["down", statusCodes.UNAVAILABLE] as const]) {
      const jwks = `http://127.0.0.1:${port}/${path}`;
      const other = await startServer({ port: 0, namespaces: ["a"], auth: { jwt: { ...jwt!, jwks } } });
      using asker = new RawClient(other.port);
      const headers = { authorization: `Bearer ${callers.known["writer of a"]}` };
      assert.equal((await asker.call(methods.GetSystemInfo.path, Buffer.alloc(0), { headers })).code, code, path);
      await other.stop();
    }
    keys.close();
  });
});
