/**
 * Who may do what, asked over real sockets: every method of the API, every route of HTTP and every stream, by everybody, for every namespace. The answers
 * are compared with docs/access.md; `PAWL_DOCS=write` writes it.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Method, methods } from "@pawl/protocol";
import { messageSchema } from "@pawl/protocol/json";
import { askHttp } from "../http/raw-http.ts";
import { type RunningServer, startServer } from "../main.ts";
import { RawClient } from "../rpc/raw-client.ts";
import { statusCodes } from "../rpc/transport.ts";
import { Callers } from "./callers.ts";
import { type AccessRow, accessOf, routeAccess, streamAccess } from "./table.ts";

const page = fileURLToPath(new URL("../../../../docs/access.md", import.meta.url));
const testMs = 120_000;

let callers: Callers;
let server: RunningServer;
let client: RawClient;
let all: readonly string[];

before(async () => {
  callers = await Callers.make();
  server = await startServer({
    ...{ port: 0, httpPort: 0, namespaces: ["a", "b"], auth: callers.auth },
    ui: { port: 0, pages: async (path) => ({ status: 200, headers: {}, body: `page ${path}` }) },
  });
  client = new RawClient(server.port);
  all = Object.keys(callers.known);
});

after(async () => {
  client[Symbol.dispose]();
  await server.stop();
  callers.end();
});

const bearer = (credential: string | undefined) =>
  credential === undefined ? {} : { authorization: `Bearer ${credential}` };

async function asked(method: Method, credential: string | undefined, namespace: string): Promise<string> {
  const takes = messageSchema(method.request.typeName)!.fields.some(({ name }) => name === "namespace");
  const request = takes ? { namespace } : {};
  const bytes = method.request.encode(request as never);
  const { code } = await client.call(method.path, bytes, { headers: bearer(credential) });
  return Object.entries(statusCodes).find(([, number]) => number === code)![0];
}

const isRefused = (code: string) => code === "PERMISSION_DENIED" || code === "UNAUTHENTICATED";
const every: readonly Method[] = Object.values(methods);

/** Would take the ground from under the other questions, and is asked of those who may not. */
const destructive = new Set(["DeleteNamespace", "DeprecateNamespace"]);

describe("the gate", () => {
  test("lets nobody in without a good credential, at any method", { timeout: testMs }, async () => {
    for (const method of every) {
      const knocks = Object.entries({ nothing: undefined, ...callers.strangers });
      const answers = await Promise.all(knocks.map(([, credential]) => asked(method, credential, "a")));
      for (const [at, [who]] of knocks.entries())
        assert.equal(answers[at], "UNAUTHENTICATED", `${method.name} with ${who}`);
    }
  });

  test("lets everybody do what docs/access.md says, in his namespace alone", { timeout: testMs }, async () => {
    const seen = new Map<string, Set<string>>();
    for (const method of every) {
      const allowed = new Set<string>();
      seen.set(method.name, allowed);
      for (const who of all) {
        const row = accessOf(method.name)!;
        const credential = callers.known[who]!;
        if (destructive.has(method.name) && /admin/.test(who)) {
          allowed.add(who);
          continue;
        }
        const code = await asked(method, credential, "a");
        assert.notEqual(code, "UNAUTHENTICATED", `${method.name} by ${who}`);
        if (!isRefused(code)) allowed.add(who);
        if (row.of !== "namespace" || who.startsWith("system")) continue;
        const elsewhere = who.endsWith("of a") ? "b" : "a";
        const others = await Promise.all([elsewhere, "nowhere", ""].map((each) => asked(method, credential, each)));
        for (const code of others) assert.equal(code, "PERMISSION_DENIED", `${method.name} by ${who}`);
      }
    }
    const document = documentOf(seen);
    if (process.env["PAWL_DOCS"] === "write") writeFileSync(page, document);
    assert.equal(document, readFileSync(page, "utf8"), "docs/access.md is behind; PAWL_DOCS=write writes it");
  });

  test("stands before every route of HTTP and of the web UI", { timeout: testMs }, async () => {
    const openApi = await askHttp(server.httpPort!, "GET /openapi.json");
    assert.equal(openApi.status, 200);
    const routes = Object.entries(openApi.json["paths"] as Record<string, Record<string, { operationId: string }>>);
    const open: string[] = [];
    let judged = 0;
    for (const port of [server.httpPort!, server.uiPort!])
      for (const [template, operations] of routes)
        for (const [verb, { operationId }] of Object.entries(operations)) {
          if (port === server.uiPort && !template.startsWith("/api/")) continue;
          const operation = operationId.replace(/_\d+$/, "");
          const path = template.replaceAll("{namespace}", "b").replaceAll(/\{[^}]+\}/g, "x");
          const ask = async (headers: Record<string, string>) => {
            const body = verb === "get" || verb === "delete" ? {} : { body: "{}" };
            return (await askHttp(port, `${verb.toUpperCase()} ${path}`, { headers, ...body })).status;
          };
          const row = accessOf(operation);
          assert.ok(row, `${operation} has a row in table.ts`);
          if (row.of === "open") {
            open.push(operation);
            continue;
          }
          judged++;
          const what = `${verb} ${template}`;
          assert.equal(await ask({}), 401, `${what} by nobody`);
          assert.equal(await ask(bearer(callers.strangers["a stranger's signature"])), 401, `${what} by a stranger`);
          if (row.of !== "namespace") continue;
          // What names no namespace in its path names none at all here, and nobody but a system's role may do that.
          if (operation in routeAccess || template.includes("{namespace}") || verb === "get")
            assert.equal(await ask(bearer(callers.known["admin of a"])), 403, `${what} by another's admin`);
        }
    assert.ok(judged > 300, `${judged}`);
    // Those of the web UI's session are on its port alone, and asked about in session.test.ts.
    const expected = Object.entries<AccessRow>(routeAccess).flatMap(([name, { of }]) =>
      of === "open" && !/^(Open|Close)Session$/.test(name) ? [name] : [],
    );
    assert.deepEqual([...new Set(open)].toSorted(), expected.toSorted());
  });

  test("stands before streams: of events, and of gRPC", { timeout: testMs }, async () => {
    const events = { accept: "text/event-stream" };
    const stream = "GET /api/v1/namespaces/b/workflows/none/history";
    assert.equal((await askHttp(server.httpPort!, stream, { headers: events })).status, 401);
    const foreign = { ...events, ...bearer(callers.known["admin of a"]) };
    assert.equal(
      (await askHttp(server.httpPort!, stream, { headers: foreign })).status,
      403,
      "not even that it is not there",
    );
    const own = { ...events, ...bearer(callers.known["admin of b"]) };
    assert.equal((await askHttp(server.httpPort!, stream, { headers: own })).status, 404);

    for (const [path, { of }] of Object.entries(streamAccess)) {
      if (path.endsWith("/Check")) continue;
      const conversation = client.converse(path);
      const code = await new Promise<number>((resolve) => {
        conversation.on("error", ({ code }: { code: number }) => resolve(code));
        conversation.on("data", () => resolve(0));
        conversation.write(Buffer.from(path.includes("Reflection") ? [0x3a, 0] : [])); // listServices
      });
      conversation.on("error", () => {});
      conversation.cancel();
      assert.equal(code, of === "open" ? 0 : statusCodes.UNAUTHENTICATED, path);
    }
    assert.equal((await client.call("/grpc.health.v1.Health/Check", Buffer.alloc(0))).code, 0);
  });

  test("shows everybody his own namespaces", async () => {
    const listed = async (who: string) => {
      const { bytes } = await client.call(methods.ListNamespaces.path, Buffer.alloc(0), {
        headers: bearer(callers.known[who]),
      });
      return methods.ListNamespaces.response.decode(bytes!).namespaces.map(({ namespaceInfo }) => namespaceInfo?.name);
    };
    assert.deepEqual(await listed("reader of a"), ["a"]);
    assert.deepEqual(await listed("admin of b"), ["b"]);
    assert.deepEqual(await listed("system reader"), ["a", "b", "default"]);
  });
});

function documentOf(seen: ReadonlyMap<string, ReadonlySet<string>>): string {
  const roles = ["reader of a", "worker of a", "writer of a", "admin of a", "system reader", "system admin"];
  const head = ["", "reader", "worker", "writer", "admin", "system reader", "system admin"];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rows = [...seen].map(([name, allowed]) =>
    line([name, ...roles.map((role) => (allowed.has(role) ? "yes" : ""))]),
  );
  const table = [line(head), line(head.map(() => "---")), ...rows].join("\n");
  return `# Who may do what

Made by the tests, which ask a running server about every cell ([security](security.md) says what roles are and how to give them). Roles without
"system" count in their own namespace, and nowhere else; a writer has the rights of a reader and of a worker, an admin has all.

## Methods of the API

${table}

Routes of HTTP that carry one of these methods are judged as the method. What else is served is in \`access/table.ts\`, and asked about by the same tests:
health, the description of the HTTP API and what a signed link or callback allows are open to everybody, all else asks for one of these rights.
`;
}
