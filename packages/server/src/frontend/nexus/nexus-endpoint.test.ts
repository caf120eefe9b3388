import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import type { Init, nexus } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { InProcess, jsonPayloads, testNamespace } from "../in-process.ts";
import { NexusEndpointRegistry } from "./nexus-endpoint-registry.ts";

const worker = { worker: { namespace: testNamespace, taskQueue: "q" } };
const unknownId = "00000000-0000-4000-8000-000000000000";

async function create(server: InProcess, spec: Init<nexus.EndpointSpec>): Promise<nexus.Endpoint> {
  const { endpoint } = await server.ask("CreateNexusEndpoint", { spec: { target: worker, ...spec } });
  return endpoint!;
}

describe("a Nexus endpoint", () => {
  test("is created with version 1, a path for callers over HTTP, and everything that was given", async () => {
    await using server = await InProcess.open();
    const description = jsonPayloads("text").payloads[0]!;
    const made = await create(server, { name: "made", description });
    assert.equal(made.version, 1);
    assert.equal(made.urlPrefix, `/nexus/endpoints/${made.id}/services`);
    assert.deepEqual(made.spec?.target, worker);
    assert.equal(new TextDecoder().decode(made.spec?.description?.data), '"text"');
    assert.ok(made.createdTime && !made.lastModifiedTime);
    const { endpoint } = await server.ask("GetNexusEndpoint", { id: made.id });
    assert.deepEqual(endpoint, made);
  });

  test("has a name that no other has, also when it is renamed", async () => {
    await using server = await InProcess.open();
    await create(server, { name: "first" });
    const second = await create(server, { name: "second" });
    const taken = (doing: string) =>
      `ALREADY_EXISTS error ${doing} Nexus endpoint. Endpoint with name first already registered`;
    assert.equal(
      await server.verdict("CreateNexusEndpoint", { spec: { name: "first", target: worker } }),
      taken("creating"),
    );
    const spec = { name: "first", target: worker };
    assert.equal(await server.verdict("UpdateNexusEndpoint", { id: second.id, version: 1, spec }), taken("updating"));
  });

  test("is changed and deleted only in the version that the caller has seen", async () => {
    await using server = await InProcess.open();
    const made = await create(server, { name: "made" });
    const spec = { name: "other", target: { external: { url: "https://example.com/x" } } };
    const { endpoint } = await server.ask("UpdateNexusEndpoint", { id: made.id, version: 1, spec });
    assert.equal(endpoint?.version, 2);
    assert.ok(endpoint.lastModifiedTime);
    assert.deepEqual(endpoint.createdTime, made.createdTime);
    const mismatch = "FAILED_PRECONDITION nexus endpoint version mismatch. received: 1 expected 2";
    assert.equal(await server.verdict("UpdateNexusEndpoint", { id: made.id, version: 1, spec }), mismatch);
    assert.equal(await server.verdict("DeleteNexusEndpoint", { id: made.id, version: 1 }), mismatch);
    await server.ask("DeleteNexusEndpoint", { id: made.id, version: 2 });
    assert.equal(
      await server.verdict("GetNexusEndpoint", { id: made.id }),
      `NOT_FOUND Nexus endpoint with ID \`${made.id}\` not found`,
    );
  });

  test("of an unknown id is not found", async () => {
    await using server = await InProcess.open();
    const spec = { name: "made", target: worker };
    assert.match(await server.verdict("UpdateNexusEndpoint", { id: unknownId, version: 1, spec }), /^NOT_FOUND /);
    assert.match(await server.verdict("DeleteNexusEndpoint", { id: unknownId, version: 1 }), /^NOT_FOUND /);
  });

  test("is there after a restart", async () => {
    await using server = await InProcess.open();
    const made = await create(server, { name: "made" });
    const again = await NexusEndpointRegistry.load(server.parts);
    assert.deepEqual(again.byName("made"), server.parts.nexusEndpoints.byId(made.id));
  });

  test("can be found by the namespace whose workers serve it", async () => {
    await using server = await InProcess.open();
    const namespace = server.parts.namespaces.byName(testNamespace);
    assert.ok(!(namespace instanceof Rejection));
    const { nexusEndpoints } = server.parts;
    await create(server, { name: "elsewhere", target: { external: { url: "http://example.com" } } });
    assert.equal(nexusEndpoints.targeting(namespace.id), undefined);
    const made = await create(server, { name: "made" });
    assert.equal(nexusEndpoints.targeting(namespace.id)?.name, "made");
    await server.ask("DeleteNexusEndpoint", { id: made.id, version: 1 });
    assert.equal(nexusEndpoints.targeting(namespace.id), undefined);
  });
});

const pattern = String.raw`endpoint name must match the regex: "^[a-zA-Z][a-zA-Z0-9\\-]*[a-zA-Z0-9]$"`;

describe("the spec of a Nexus endpoint is refused", () => {
  for (const [what, spec, message] of [
    ["when it is empty", {}, "endpoint name not set, empty target variant"],
    ["when its name is of one letter", { name: "a", target: worker }, pattern],
    ["when its name begins with a digit", { name: "1ab", target: worker }, pattern],
    ["when its name ends in a dash", { name: "ab-", target: worker }, pattern],
    [
      "when its name is too long",
      { name: "a".repeat(201), target: worker },
      "endpoint name exceeds length limit of 200",
    ],
    [
      "with everything that is wrong",
      { name: "1", target: { worker: {} } },
      `${pattern}, target namespace not set, invalid target task queue: "taskQueue is not set"`,
    ],
    [
      "when its queue is the server's own",
      { name: "ab", target: { worker: { namespace: testNamespace, taskQueue: "/_sys/x" } } },
      'invalid target task queue: "task queue name cannot start with reserved prefix /_sys/"',
    ],
    ["when its address is empty", { name: "ab", target: { external: {} } }, "empty target URL"],
    [
      "when its address is not of HTTP",
      { name: "ab", target: { external: { url: "ftp://x" } } },
      'invalid target URL scheme: "ftp", expected http or https',
    ],
    [
      "when its address cannot be read",
      { name: "ab", target: { external: { url: "http://x:y/" } } },
      'invalid target URL: "http://x:y/"',
    ],
    [
      "when its address begins with what is no scheme",
      { name: "ab", target: { external: { url: "-http://x" } } },
      'invalid target URL: parse "-http://x": first path segment in URL cannot contain colon',
    ],
    [
      "when its address is too long",
      { name: "ab", target: { external: { url: `http://x/${"a".repeat(4_096)}` } } },
      "target URL length exceeds limit of 4096",
    ],
    [
      "when its description is too large",
      { name: "ab", target: worker, description: { metadata: {}, data: new Uint8Array(20_000) } },
      "description size exceeds limit of 20000",
    ],
  ] as const) {
    test(what, async () => {
      await using server = await InProcess.open();
      assert.equal(await server.verdict("CreateNexusEndpoint", { spec }), `INVALID_ARGUMENT ${message}`);
    });
  }

  test("when its namespace is not there", async () => {
    await using server = await InProcess.open();
    const spec = { name: "ab", target: { worker: { namespace: "nope", taskQueue: "q" } } };
    assert.equal(
      await server.verdict("CreateNexusEndpoint", { spec }),
      "FAILED_PRECONDITION could not verify namespace referenced by target exists: Namespace nope is not found.",
    );
  });
});

test("an id that is none is named", async () => {
  await using server = await InProcess.open();
  for (const [id, message] of [
    ["", "endpoint ID not set"],
    ["x", 'malformed endpoint ID: "invalid UUID length: 1"'],
    ["x".repeat(36), 'malformed endpoint ID: "invalid UUID format"'],
  ] as const) {
    assert.equal(await server.verdict("GetNexusEndpoint", { id }), `INVALID_ARGUMENT ${message}`);
    assert.equal(
      await server.verdict("DeleteNexusEndpoint", { id }),
      `INVALID_ARGUMENT ${message}, endpoint version is non-positive`,
    );
  }
});

describe("the list of Nexus endpoints", () => {
  test("goes by id, page by page", async () => {
    await using server = await InProcess.open();
    for (let count = 0; count < 5; count++) await create(server, { name: `endpoint-${count}` });
    const seen: string[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const page = await server.ask("ListNexusEndpoints", { pageSize: 2, nextPageToken });
      assert.ok(page.endpoints.length <= 2);
      seen.push(...page.endpoints.map(({ id }) => id));
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.length > 0);
    assert.equal(seen.length, 5);
    assert.deepEqual(seen, [...seen].sort());
  });

  test("is cut to what a response holds", async () => {
    await using server = await InProcess.open();
    const data = new Uint8Array(limits.nexusEndpointDescriptionBytesMax - 16);
    const count = Math.ceil(limits.pageBytesMax / data.length) + 1;
    for (let index = 0; index < count; index++)
      await create(server, { name: `endpoint-${index}`, description: { metadata: {}, data } });
    const first = await server.ask("ListNexusEndpoints", { pageSize: 1_000 });
    assert.ok(first.endpoints.length < count && first.nextPageToken.length > 0);
    const { nextPageToken } = first;
    const second = await server.ask("ListNexusEndpoints", { pageSize: 1_000, nextPageToken });
    assert.equal(first.endpoints.length + second.endpoints.length, count);
  });

  test("holds the one of a name alone, or none", async () => {
    await using server = await InProcess.open();
    await create(server, { name: "first" });
    await create(server, { name: "second" });
    const named = async (name: string) =>
      (await server.ask("ListNexusEndpoints", { name })).endpoints.map(({ spec }) => spec?.name);
    assert.deepEqual(await named("second"), ["second"]);
    assert.deepEqual(await named("sec"), []);
  });

  test("refuses sizes that are no sizes and tokens that it did not give", async () => {
    await using server = await InProcess.open();
    assert.equal(
      await server.verdict("ListNexusEndpoints", { pageSize: -1 }),
      "INVALID_ARGUMENT page_size is negative",
    );
    assert.equal(
      await server.verdict("ListNexusEndpoints", { pageSize: 1_001 }),
      "INVALID_ARGUMENT page_size exceeds limit of 1000",
    );
    const nextPageToken = new TextEncoder().encode("x");
    assert.equal(
      await server.verdict("ListNexusEndpoints", { nextPageToken }),
      "INVALID_ARGUMENT Invalid NextPageToken.",
    );
  });
});
