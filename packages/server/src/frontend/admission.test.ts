import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { errordetails, googleRpc, methods } from "@pawl/protocol";
import { ManualClock } from "../clock.ts";
import { askHttp } from "../http/raw-http.ts";
import { limits } from "../limits.ts";
import { startServer } from "../main.ts";
import { RawClient } from "../rpc/raw-client.ts";
import { statusCodes } from "../rpc/transport.ts";
import { Admission, type Seat } from "./admission.ts";

const clock = new ManualClock();
const namespaces = { find: (name: string) => (name === "a" || name === "b" ? ({} as never) : undefined) };

function seat(given: Seat | Rejection): Seat {
  assert.ok(!(given instanceof Rejection), "it is let in");
  return given;
}

describe("a namespace's share", () => {
  for (const [kind, method, max] of [
    ["calls under way", "StartWorkflowExecution", limits.namespaceRunningMax],
    ["long polls", "PollWorkflowTaskQueue", limits.namespaceWaitingMax],
  ] as const)
    test(`of ${kind} has an end, which is its own alone`, () => {
      const admission = new Admission({ namespaces, clock });
      const seats = Array.from({ length: max }, () => seat(admission.enter(method, { namespace: "a" })));
      const refused = admission.enter(method, { namespace: "a" });
      assert.ok(refused instanceof Rejection && refused.code === "RESOURCE_EXHAUSTED");
      assert.match(refused.message, /^namespace "a" has \d+ /);
      seat(admission.enter(method, { namespace: "b" }));
      seat(admission.enter(method, { namespace: "nobody's" }));
      seat(
        admission.enter(method === "StartWorkflowExecution" ? "PollNexusTaskQueue" : "ListWorkers", { namespace: "a" }),
      );
      admission.leave(seats[0]!);
      seat(admission.enter(method, { namespace: "a" }));
    });

  test("of what requests hold has an end for large ones, and leaves small ones their way", () => {
    const admission = new Admission({ namespaces, clock });
    const query = (namespace: string, bytes: number) =>
      admission.enter("QueryWorkflow", { namespace }, undefined, bytes);
    const large = 2 << 20;
    const count = Math.floor(limits.namespaceRequestBytesMax / (large - limits.smallRequestBytes));
    const seats = Array.from({ length: count }, () => seat(query("a", large)));
    const refused = query("a", large);
    assert.ok(refused instanceof Rejection && refused.code === "RESOURCE_EXHAUSTED");
    assert.match(refused.message, /there is no room for 2097152 more$/);
    seat(query("a", limits.smallRequestBytes));
    seat(query("b", large));
    admission.leave(seats[0]!);
    seat(query("a", large));
  });

  test("of calls a second is given anew each second", () => {
    const admission = new Admission({ namespaces, clock, requestsPerSecond: 3 });
    const ask = (namespace: string) => {
      const given = admission.enter("ListWorkers", { namespace });
      if (given instanceof Rejection) return given.message;
      admission.leave(given);
      return "in";
    };
    const over = 'namespace "a" makes more than 3 calls a second';
    assert.deepEqual(
      Array.from({ length: 4 }, () => ask("a")),
      ["in", "in", "in", over],
    );
    assert.equal(ask("b"), "in");
    clock.advance(334);
    assert.deepEqual([ask("a"), ask("a")], ["in", over]);
  });

  test("of connections counts each while it is open, and is not of those that say no namespace", () => {
    const admission = new Admission({ namespaces, clock, connectionsMax: 2 });
    const connections = Array.from({ length: 3 }, () => new EventEmitter());
    const ask = (namespace: string | undefined, index: number) => {
      const given = admission.enter("ListWorkers", { namespace }, connections[index]);
      if (given instanceof Rejection) return given.message;
      admission.leave(given);
      return "in";
    };
    const over = 'namespace "a" has 2 connections, which is the most';
    assert.deepEqual([ask("a", 0), ask("a", 1), ask("a", 0), ask("a", 2)], ["in", "in", "in", over]);
    assert.deepEqual([ask("b", 2), ask(undefined, 2), ask("nobody's", 2)], ["in", "in", "in"]);
    assert.equal(ask("a", 1), "in", "what is open goes on");
    assert.equal(ask("b", 0), "in");
    const [first] = connections;
    assert.equal(first!.listenerCount("close"), 1, "however many namespaces it calls");
    first!.emit("close");
    assert.deepEqual([ask("a", 2), ask("a", 0)], ["in", over]);
    assert.equal(ask("b", 1), "in", "it made room in each of them");
  });

  test("of names that nobody has registered is one for all of them", () => {
    const admission = new Admission({ namespaces, clock, requestsPerSecond: 1 });
    seat(admission.enter("ListWorkers", { namespace: "made up" }));
    assert.ok(admission.enter("ListWorkers", { namespace: "made up as well" }) instanceof Rejection);
  });

  test("holds for requests that name it by a token alone, and leaves those of no namespace their way", () => {
    const namespaceOf = (_method: string, { token }: { token?: string }) => token ?? "";
    const admission = new Admission({ namespaces, clock, requestsPerSecond: 1, namespaceOf: namespaceOf as never });
    seat(admission.enter("RespondActivityTaskCompleted", { token: "a" } as never));
    assert.ok(admission.enter("ListWorkers", { namespace: "a" }) instanceof Rejection);
    for (const _ of [1, 2, 3]) seat(admission.enter("GetSystemInfo", {}));
  });
});

test("who was one too many is told when to come again, over gRPC and over HTTP, and another namespace notices nothing", async (t) => {
  const server = await startServer({ port: 0, httpPort: 0, namespaces: ["a", "b"], namespaceRequestsPerSecond: 0.001 });
  using client = new RawClient(server.port);
  t.after(() => server.stop());
  const ask = (namespace: string) =>
    client.call(methods.DescribeNamespace.path, methods.DescribeNamespace.request.encode({ namespace }));
  assert.equal((await ask("a")).code, 0);
  const { code, text, details } = await ask("a");
  assert.deepEqual(
    [code, text],
    [statusCodes.RESOURCE_EXHAUSTED, 'namespace "a" makes more than 0.001 calls a second'],
  );
  const [first, second] = googleRpc.Status.decode(details!).details;
  assert.equal(first!.type_url, `type.googleapis.com/${errordetails.ResourceExhaustedFailure.typeName}`);
  assert.equal(second!.type_url, "type.googleapis.com/google.rpc.RetryInfo");
  assert.equal(Buffer.from(second!.value).toString("hex"), "0a0408011000", "one second");
  const over = await askHttp(server.httpPort!, "GET /api/v1/namespaces/a");
  assert.deepEqual([over.status, over.headers["retry-after"]], [429, "1"]);
  assert.match(over.text, /"@type":"type.googleapis.com\/google.rpc.RetryInfo","retryDelay":"1s"/);
  // A route that is no call of the API.
  const own = await askHttp(server.httpPort!, "GET /api/v1/namespaces/a/pending-activities");
  assert.deepEqual([own.status, own.headers["retry-after"]], [429, "1"]);
  assert.equal((await client.call(methods.GetSystemInfo.path, new Uint8Array())).code, 0);
  assert.equal((await client.call(methods.GetSystemInfo.path, new Uint8Array())).code, 0);
  assert.equal((await ask("b")).code, 0);
});

test("a namespace's connections are those of gRPC and HTTP together, and one that closes makes room", async (t) => {
  const server = await startServer({ port: 0, httpPort: 0, namespaces: ["a", "b"], namespaceConnectionsMax: 1 });
  t.after(() => server.stop());
  const ask = async (client: RawClient, namespace: string) => {
    const request = methods.DescribeNamespace.request.encode({ namespace });
    const { code, text } = await client.call(methods.DescribeNamespace.path, request);
    return code === 0 ? "in" : `${code} ${text}`;
  };
  const over = `${statusCodes.RESOURCE_EXHAUSTED} namespace "a" has 1 connections, which is the most`;
  using second = new RawClient(server.port);
  {
    using first = new RawClient(server.port);
    assert.deepEqual([await ask(first, "a"), await ask(first, "a")], ["in", "in"]);
    assert.deepEqual([await ask(second, "a"), await ask(second, "b")], [over, "in"]);
    const { status, headers } = await askHttp(server.httpPort!, "GET /api/v1/namespaces/a");
    assert.deepEqual([status, headers["retry-after"]], [429, "1"]);
  }
  while ((await ask(second, "a")) !== "in"); // once the first has closed
  using third = new RawClient(server.port);
  assert.equal(await ask(third, "a"), over);
});
