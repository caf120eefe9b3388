import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import {
  health,
  type Init,
  type MethodName,
  methods,
  type RequestOf,
  type ResponseOf,
  reflection,
  workflowservice,
} from "@pawl/protocol";
import { fileDescriptors } from "@pawl/protocol/descriptors";
import { type OpenConfig, type ServerConfig, StartFailure } from "./config.ts";
import { healthRoute } from "./http/route/health-route.ts";
import { type OpenServer, openServer, startServer } from "./main.ts";
import type { DirectCallOptions } from "./rpc/direct-transport.ts";
import { RawClient } from "./rpc/raw-client.ts";
import { statusCodes } from "./rpc/transport.ts";

async function start(t: TestContext, config: ServerConfig = {}) {
  const server = await startServer({ port: 0, ...config });
  const client = new RawClient(server.port);
  t.after(async () => {
    client[Symbol.dispose]();
    await server.stop();
  });
  async function ask<N extends MethodName>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N>> {
    const method = methods[name];
    const { code, text, bytes } = await client.call(method.path, method.request.encode(request as never));
    assert.equal(code, 0, text);
    return method.response.decode(bytes!) as ResponseOf<N>;
  }
  return { server, client, ask };
}

function askerOf(server: OpenServer) {
  return async <N extends MethodName>(
    name: N,
    request: Init<RequestOf<N>>,
    options?: DirectCallOptions,
  ): Promise<ResponseOf<N>> => {
    const method = methods[name];
    const answer = await server.call(method.path, method.request.encode(request as never), options);
    if ("code" in answer) return assert.fail(`${answer.code}: ${answer.message}`);
    return method.response.decode(answer) as ResponseOf<N>;
  };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pawl-main-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function startFailure(config: ServerConfig): Promise<StartFailure> {
  try {
    const server = await startServer({ port: 0, ...config });
    await server.stop();
  } catch (error) {
    assert.ok(error instanceof StartFailure, String(error));
    return error;
  }
  return assert.fail("it started");
}

describe("a running server", () => {
  test("says who it is, and announces only what it serves", async (t) => {
    const { ask } = await start(t);
    const { serverVersion, capabilities } = await ask("GetSystemInfo", {});
    assert.match(serverVersion, /^\d+\.\d+\.\d+$/);
    assert.equal(capabilities?.sdkMetadata, true);
    assert.equal(capabilities?.supportsSchedules, true);
    const cluster = await ask("GetClusterInfo", {});
    assert.match(cluster.clusterId, /^[0-9a-f-]{36}$/);
    assert.deepEqual([cluster.clusterName, cluster.persistenceStore], ["active", "memory"]);
    assert.equal(cluster.supportedClients["temporal-ui"], "<3.0.0");
  });

  test("has the default namespace and those it was asked for", async (t) => {
    const { ask } = await start(t, { namespaces: ["orders", "default", "orders"] });
    const { namespaces } = await ask("ListNamespaces", {});
    assert.deepEqual(
      namespaces.map(({ namespaceInfo, config }) => [
        namespaceInfo?.name,
        config?.workflowExecutionRetentionTtl?.seconds,
      ]),
      [
        ["default", 86_400],
        ["orders", 86_400],
      ],
    );
  });

  test("refuses what no client of the API would send, and goes on", async (t) => {
    const { client, ask } = await start(t);
    const describePath = methods.DescribeNamespace.path;
    const invalid = await client.call(describePath, Buffer.from([0x0a, 0x02, 0xc3, 0x28]));
    assert.equal(invalid.code, statusCodes.INVALID_ARGUMENT);
    assert.match(invalid.text, /^DescribeNamespace: .*UTF-8/);
    const unknown = await client.call("/temporal.api.workflowservice.v1.WorkflowService/Nonsense", Buffer.alloc(0));
    assert.deepEqual([unknown.code, /unknown method Nonsense/.test(unknown.text)], [statusCodes.UNIMPLEMENTED, true]);
    const missing = await client.call(describePath, methods.DescribeNamespace.request.encode({ namespace: "nobody" }));
    assert.equal(missing.code, statusCodes.NOT_FOUND);
    assert.ok(missing.details);
    await ask("GetSystemInfo", {});
  });

  test("keeps its namespaces, its id and its tokens' key in its file", async (t) => {
    const dbFilename = join(folder(t), "pawl.db");
    const first = await startServer({ port: 0, dbFilename, namespaces: ["orders"] });
    using client = new RawClient(first.port);
    const read = async (from: RawClient) => {
      const info = await from.call(methods.GetClusterInfo.path, Buffer.alloc(0));
      const page = await from.call(
        methods.ListNamespaces.path,
        workflowservice.ListNamespacesRequest.encode({ pageSize: 1 }),
      );
      const list = workflowservice.ListNamespacesResponse.decode(page.bytes!);
      return { info: info.bytes, token: list.nextPageToken };
    };
    const before = await read(client);
    await first.stop();
    const { client: next, server } = await start(t, { dbFilename });
    assert.equal(server.storeKind, "sqlite");
    const after = await read(next);
    assert.deepEqual(after, before);
    const request = workflowservice.ListNamespacesRequest.encode({ nextPageToken: before.token });
    const rest = workflowservice.ListNamespacesResponse.decode(
      (await next.call(methods.ListNamespaces.path, request)).bytes!,
    );
    assert.deepEqual(
      rest.namespaces.map(({ namespaceInfo }) => namespaceInfo?.name),
      ["orders"],
    );
  });

  test("stops once, however often it is asked", async () => {
    const server = await startServer({ port: 0 });
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
  });

  test("serves its metrics to Prometheus", async (t) => {
    const { server, ask } = await start(t, { metricsPort: 0 });
    await ask("GetSystemInfo", {});
    const answer = await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /^service_requests\{operation="GetSystemInfo"\} 1$/m);
    assert.equal((await fetch(`http://127.0.0.1:${server.metricsPort}/`)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`, { method: "POST" })).status, 405);
  });
});

describe("a server without a port", () => {
  async function open(t: TestContext, config: OpenConfig = {}) {
    const server = await openServer(config);
    t.after(() => server.close());
    return { server, ask: askerOf(server) };
  }

  test("answers from within the process as over gRPC, and lets others in when told to", async (t) => {
    const { server, ask } = await open(t, { namespaces: ["orders"] });
    assert.equal((await ask("DescribeNamespace", { namespace: "orders" })).namespaceInfo?.name, "orders");
    const request = methods.DescribeNamespace.request.encode({ namespace: "nobody" });
    const missing = await server.call(methods.DescribeNamespace.path, request);
    assert.ok("code" in missing);
    assert.deepEqual([missing.code, missing.message], ["NOT_FOUND", "Namespace nobody is not found."]);
    assert.equal((await ask("ListClusters", {})).clusters[0]?.address, "");

    const { ip, port, httpPort, metricsPort } = await server.serve({ port: 0, httpPort: 0 });
    assert.deepEqual([ip, metricsPort], ["127.0.0.1", undefined]);
    using client = new RawClient(port);
    const over = await client.call(methods.DescribeNamespace.path, request);
    assert.deepEqual([over.code, over.text], [statusCodes.NOT_FOUND, missing.message]);
    assert.deepEqual(over.details, missing.details && Buffer.from(missing.details));
    assert.equal((await fetch(`http://127.0.0.1:${httpPort}/api/v1/namespaces/orders`)).status, 200);
    assert.equal((await ask("ListClusters", {})).clusters[0]?.address, `127.0.0.1:${port}`);
    await assert.rejects(server.serve({ port: 0 }), { name: "StartFailure", message: /listens already/ });
  });

  test("that cannot listen goes on as before, and can be told to listen elsewhere", async (t) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const { server, ask } = await open(t);
    await assert.rejects(server.serve({ port, httpPort: 0, metricsPort: 0 }), { message: /is in use/ });
    await assert.rejects(server.serve({ ip: "0.0.0.0" }), { message: /--allow-remote-without-auth/ });
    await ask("GetSystemInfo", {});
    await server.serve({ port: 0 });
  });

  test("ends a long poll when it closes, and then refuses", async (t) => {
    const { server, ask } = await open(t);
    const poll = ask(
      "PollWorkflowTaskQueue",
      { namespace: "default", taskQueue: { name: "q" }, identity: "test" },
      { timeoutMs: 60_000 },
    );
    await Promise.all([server.close(), server.close()]);
    assert.deepEqual((await poll).taskToken, new Uint8Array(0));
    const refused = await server.call(methods.GetSystemInfo.path, new Uint8Array(0));
    assert.ok("code" in refused && refused.code === "UNAVAILABLE");
    await assert.rejects(server.serve({ port: 0 }), { message: /has been closed/ });
  });

  test("holds its file alone, and releases it", async (t) => {
    const dbFilename = join(folder(t), "pawl.db");
    const { server } = await open(t, { dbFilename, namespaces: ["orders"] });
    await assert.rejects(openServer({ dbFilename }), (error: unknown) => {
      assert.ok(error instanceof StartFailure);
      assert.equal(error.reason, "environment");
      assert.match(error.message, /another process|in use|already/);
      return true;
    });
    await server.close();
    const { ask } = await open(t, { dbFilename });
    await ask("DescribeNamespace", { namespace: "orders" });
  });
});

describe("health", () => {
  const ask = async (client: RawClient, service: string) => {
    const request = health.HealthCheckRequest.encode({ service });
    const { code, bytes } = await client.call("/grpc.health.v1.Health/Check", request);
    return code === 0 ? health.HealthCheckResponse.decode(bytes!).status : code;
  };
  const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

  test("is SERVING for the server and its services, and NOT_FOUND for others", async (t) => {
    const { client } = await start(t);
    for (const service of [
      "",
      "temporal.api.workflowservice.v1.WorkflowService",
      "temporal.api.operatorservice.v1.OperatorService",
    ])
      assert.equal(await ask(client, service), SERVING, service);
    assert.equal(await ask(client, "nobody"), statusCodes.NOT_FOUND);
    const broken = await client.call("/grpc.health.v1.Health/Check", Buffer.from([0x0a]));
    assert.equal(broken.code, statusCodes.INVALID_ARGUMENT);
  });

  test("is told over HTTP too, on each port that speaks it", async () => {
    const server = await startServer({ port: 0, httpPort: 0, metricsPort: 0 });
    try {
      for (const port of [server.httpPort, server.metricsPort]) {
        const answer = await fetch(`http://127.0.0.1:${port}/health`);
        assert.equal(answer.status, 200);
        assert.match(await answer.text(), /^(\{"status":"SERVING"\}|SERVING\n)$/);
        assert.equal((await fetch(`http://127.0.0.1:${port}/health`, { method: "DELETE" })).status, 405);
      }
    } finally {
      await server.stop();
    }
  });

  test("a server that stops says 503 over HTTP", async () => {
    const { serve } = healthRoute({ status: "NOT_SERVING" });
    const reply = await serve({} as never, {} as never);
    assert.deepEqual([reply?.status, reply?.body], [503, '{"status":"NOT_SERVING"}']);
  });

  test("a watcher hears NOT_SERVING when the server stops", async () => {
    const server = await startServer({ port: 0 });
    using client = new RawClient(server.port);
    const heard: number[] = [];
    const watch = (service: string) => {
      const call = client.converse("/grpc.health.v1.Health/Watch");
      const ended = new Promise<{ code: number }>((resolve) => call.on("status", resolve));
      call.on("error", () => {}); // the status says it
      call.on("data", (bytes: Buffer) => heard.push(health.HealthCheckResponse.decode(bytes).status));
      call.write(Buffer.from(health.HealthCheckRequest.encode({ service })));
      return { first: once(call, "data"), ended };
    };
    const known = watch("");
    await known.first;
    const unknown = watch("nobody");
    await unknown.first;
    assert.deepEqual(heard, [SERVING, SERVICE_UNKNOWN]);
    await server.stop();
    assert.equal((await known.ended).code, statusCodes.UNAVAILABLE);
    assert.deepEqual(heard, [SERVING, SERVICE_UNKNOWN, NOT_SERVING]);
    await unknown.ended;
  });
});

describe("reflection", () => {
  for (const version of ["v1", "v1alpha"]) {
    test(`${version} lists the services and gives every file that a tool needs to describe them`, async (t) => {
      const { client } = await start(t);
      const call = client.converse(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
      const ask = async (request: Init<reflection.ServerReflectionRequest>) => {
        const answer = once(call, "data");
        call.write(Buffer.from(reflection.ServerReflectionRequest.encode(request)));
        return reflection.ServerReflectionResponse.decode((await answer)[0]);
      };
      const { listServicesResponse } = await ask({ listServices: "" });
      assert.deepEqual(
        listServicesResponse?.service.map(({ name }) => name),
        [
          "grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
          "temporal.api.operatorservice.v1.OperatorService",
          "temporal.api.workflowservice.v1.WorkflowService",
        ],
      );
      const bytesOf = ({ fileDescriptorResponse }: reflection.ServerReflectionResponse) =>
        Buffer.from(fileDescriptorResponse!.fileDescriptorProto[0]!).toString("base64");
      for (const { name } of listServicesResponse!.service) {
        const file = fileDescriptors.find(({ symbols }) => symbols.includes(name))!;
        assert.equal(bytesOf(await ask({ fileContainingSymbol: name })), file.base64, name);
        for (const needed of file.needs)
          assert.equal(
            bytesOf(await ask({ fileByFilename: needed })),
            fileDescriptors.find((each) => each.name === needed)!.base64,
          );
      }
      for (const request of [
        { fileContainingSymbol: "no.Such" },
        { fileByFilename: "no.proto" },
        { fileContainingExtension: { containingType: "a", extensionNumber: 1 } },
      ])
        assert.equal((await ask(request)).errorResponse?.errorCode, statusCodes.NOT_FOUND);
      assert.equal((await ask({})).errorResponse?.errorCode, statusCodes.INVALID_ARGUMENT);
      const ended = once(call, "status");
      call.end();
      assert.equal((await ended)[0].code, 0);
    });
  }
});

describe("a server that cannot start", () => {
  test("says which port is in use, and leaves nothing open", async (t) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const dbFilename = join(folder(t), "pawl.db");
    for (const ports of [{ port }, { port: 0, metricsPort: port }]) {
      const failure = await startFailure({ ...ports, dbFilename });
      assert.deepEqual(
        [failure.reason, failure.message],
        ["environment", `port ${port} on 127.0.0.1 is in use; stop what listens there or choose another port`],
      );
    }
    await start(t, { dbFilename }); // the file was released
  });

  test("names what is wrong with what it was given", async (t) => {
    const table: [ServerConfig, StartFailure["reason"], RegExp][] = [
      [{ port: 65_536 }, "usage", /^the port is a whole number/],
      [{ port: 1.5 }, "usage", /^the port is a whole number/],
      [{ metricsPort: -1 }, "usage", /^the metrics port/],
      [{ port: 7233, metricsPort: 7233 }, "usage", /must differ/],
      [{ dbFilename: "" }, "usage", /file name is empty/],
      [{ dbUrl: "mysql://user@localhost/db" }, "usage", /postgres:/],
      [{ dbUrl: "localhost" }, "usage", /postgres:/],
      [{ dbUrl: "postgres://localhost/db", dbFilename: "pawl.db" }, "usage", /both are given/],
      [
        { dbUrl: "postgres://pawl:secret@127.0.0.1:1/db" },
        "environment",
        /^cannot open postgres:\/\/127\.0\.0\.1:1\/db: /,
      ],
      [{ ip: "0.0.0.0" }, "usage", /--allow-remote-without-auth/],
      [{ ip: "::" }, "usage", /--allow-remote-without-auth/],
      [{ ip: "example.org" }, "usage", /--allow-remote-without-auth/],
      [{ ip: "127.0.0.1.example.org" }, "usage", /--allow-remote-without-auth/],
      [{ namespaces: ["x".repeat(1_001)] }, "usage", /length exceeds/],
      [{ dbFilename: join(folder(t), "none", "pawl.db") }, "environment", /does not exist/],
      [{ ip: "192.0.2.1", allowRemoteWithoutAuth: true }, "environment", /not an address of this machine/],
    ];
    for (const [config, reason, message] of table) {
      const failure = await startFailure(config);
      assert.equal(failure.reason, reason, failure.message);
      assert.match(failure.message, message);
    }
  });

  test("a remote address is served when that is meant", async (t) => {
    const { ask } = await start(t, { ip: "0.0.0.0", allowRemoteWithoutAuth: true });
    await ask("GetSystemInfo", {});
  });
});
