import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection } from "@pawl/engine";
import { enums, errordetails, type Init, type RequestOf, type ResponseOf, workflowservice } from "@pawl/protocol";
import { CommitUnknown, MemoryStore } from "@pawl/store";
import { ManualClock } from "../../clock.ts";
import { limits } from "../../limits.ts";
import { seededRandom } from "../../random.ts";
import type { Handler } from "../handler.ts";
import type { Parts } from "../parts.ts";
import { Tokens } from "../tokens.ts";
import { SearchAttributeRegistry } from "../visibility/search-attribute-registry.ts";
import { namespaceHandlers } from "./namespace.ts";
import { NamespaceRegistry } from "./namespace-registry.ts";

const { REGISTERED, DEPRECATED, DELETED } = enums.NamespaceState;
const hour = { seconds: 3_600, nanos: 0 };

async function open(store = new MemoryStore()) {
  const namespaces = await NamespaceRegistry.load(store, seededRandom(1));
  const clock = new ManualClock(1_000_000);
  const searchAttributes = await SearchAttributeRegistry.load(store);
  const parts = { namespaces, searchAttributes, clock, store, tokens: await Tokens.load(store) } as unknown as Parts;
  const handlers = namespaceHandlers(parts);
  type Name = keyof typeof handlers;
  /** As a client would: the request and the response go over the wire. */
  async function call<N extends Name>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N> | Rejection> {
    const requestCodec = workflowservice[`${name}Request` as "DescribeNamespaceRequest"];
    const responseCodec = workflowservice[`${name}Response` as "DescribeNamespaceResponse"];
    const handler = handlers[name] as unknown as Handler<"DescribeNamespace">;
    const response = await handler(requestCodec.decode(requestCodec.encode(request as never)), undefined as never);
    if (response instanceof Rejection) return response;
    return responseCodec.decode(responseCodec.encode(response)) as ResponseOf<N>;
  }
  async function ask<N extends Name>(name: N, request: Init<RequestOf<N>>): Promise<ResponseOf<N>> {
    const response = await call(name, request);
    if (response instanceof Rejection) assert.fail(`${response.code} ${response.message}`);
    return response;
  }
  async function refused<N extends Name>(name: N, request: Init<RequestOf<N>>): Promise<Rejection> {
    const response = await call(name, request);
    assert.ok(response instanceof Rejection, `${name} is refused`);
    return response;
  }
  return { store, namespaces, ask, refused };
}

describe("namespaces", () => {
  test("a registered namespace is described by name and by id, with what the server keeps its promise of", async () => {
    const { ask } = await open();
    await ask("RegisterNamespace", {
      ...{ namespace: "orders", description: "all orders", ownerEmail: "o@example.org" },
      ...{ data: { team: "shop" }, workflowExecutionRetentionPeriod: { seconds: 7_200, nanos: 0 } },
    });
    const described = await ask("DescribeNamespace", { namespace: "orders" });
    const { namespaceInfo, config, replicationConfig } = described;
    assert.deepEqual(
      [namespaceInfo?.name, namespaceInfo?.state, namespaceInfo?.description, namespaceInfo?.ownerEmail],
      ["orders", REGISTERED, "all orders", "o@example.org"],
    );
    assert.deepEqual({ ...namespaceInfo?.data }, { team: "shop" });
    assert.equal(config?.workflowExecutionRetentionTtl?.seconds, 7_200);
    assert.equal(replicationConfig?.activeClusterName, "active");
    assert.equal(namespaceInfo?.limits?.blobSizeLimitError, limits.blobBytesMax);
    assert.equal(described.isGlobalNamespace, false);
    assert.deepEqual(await ask("DescribeNamespace", { id: namespaceInfo!.id }), described);
  });

  test("bad registrations are refused, each by its rule", async () => {
    const { ask, refused } = await open();
    await ask("RegisterNamespace", { namespace: "orders", workflowExecutionRetentionPeriod: hour });
    const good = { namespace: "new", workflowExecutionRetentionPeriod: hour };
    const table: [Init<workflowservice.RegisterNamespaceRequest>, string, RegExp][] = [
      [{ ...good, namespace: "" }, "INVALID_ARGUMENT", /^Namespace not set on request\.$/],
      [{ ...good, namespace: "temporal-system" }, "INVALID_ARGUMENT", /stands for the whole system/],
      [{ ...good, namespace: "ü".repeat(501) }, "INVALID_ARGUMENT", /length exceeds/],
      [{ namespace: "new" }, "INVALID_ARGUMENT", /^A valid retention period is not set on request\./],
      [{ ...good, workflowExecutionRetentionPeriod: { seconds: 3_599, nanos: 0 } }, "INVALID_ARGUMENT", /retention/],
      [{ ...good, workflowExecutionRetentionPeriod: { seconds: -1, nanos: 0 } }, "INVALID_ARGUMENT", /retention/],
      [{ ...good, isGlobalNamespace: true }, "INVALID_ARGUMENT", /global/],
      [{ ...good, activeClusterName: "elsewhere" }, "INVALID_ARGUMENT", /elsewhere/],
      [{ ...good, clusters: [{ clusterName: "elsewhere" }] }, "INVALID_ARGUMENT", /elsewhere/],
      [{ ...good, historyArchivalState: enums.ArchivalState.ENABLED }, "INVALID_ARGUMENT", /history archival/],
      [
        { ...good, description: "x".repeat(limits.namespaceDescriptionBytesMax + 1) },
        "INVALID_ARGUMENT",
        /description/,
      ],
      [{ ...good, data: { x: "x".repeat(limits.namespaceDataBytesMax) } }, "INVALID_ARGUMENT", /data/],
      [{ ...good, namespace: "orders" }, "ALREADY_EXISTS", /^Namespace "orders" already exists$/],
    ];
    for (const [request, code, message] of table) {
      const rejection = await refused("RegisterNamespace", request);
      assert.equal(rejection.code, code, rejection.message);
      assert.match(rejection.message, message);
    }
    const exists = await refused("RegisterNamespace", { ...good, namespace: "orders" });
    assert.equal(exists.detail?.typeName, errordetails.NamespaceAlreadyExistsFailure.typeName);
  });

  test("a namespace that is not there is NOT_FOUND with its name in the detail", async () => {
    const { ask, refused } = await open();
    for (const rejection of [
      await refused("DescribeNamespace", { namespace: "nobody" }),
      await refused("UpdateNamespace", { namespace: "nobody" }),
      await refused("DeprecateNamespace", { namespace: "nobody" }),
      await refused("DescribeNamespace", { id: "nobody" }),
    ]) {
      assert.equal(rejection.code, "NOT_FOUND");
      assert.equal(errordetails.NamespaceNotFoundFailure.decode(rejection.detail!.bytes).namespace, "nobody");
    }
    assert.match((await refused("DescribeNamespace", {})).message, /not set/);
    await ask("RegisterNamespace", { namespace: "a", workflowExecutionRetentionPeriod: hour });
    const { namespaceInfo } = await ask("DescribeNamespace", { namespace: "a" });
    assert.equal(
      (await refused("DescribeNamespace", { namespace: "b", id: namespaceInfo!.id })).code,
      "INVALID_ARGUMENT",
    );
  });

  test("an update changes what it has and leaves the rest", async () => {
    const { ask, refused } = await open();
    await ask("RegisterNamespace", {
      namespace: "a",
      description: "old",
      data: { k: "1", l: "1" },
      workflowExecutionRetentionPeriod: hour,
    });
    const name = { namespace: "a" };
    await ask("UpdateNamespace", {
      ...name,
      updateInfo: { ownerEmail: "o@example.org", data: { l: "2", __proto__: "x" } as never },
    });
    await ask("UpdateNamespace", { ...name, config: { workflowExecutionRetentionTtl: { seconds: 86_400, nanos: 0 } } });
    await ask("UpdateNamespace", { ...name, config: { badBinaries: { binaries: { abc: { reason: "broken" } } } } });
    await ask("UpdateNamespace", {
      ...name,
      config: { customSearchAttributeAliases: { Keyword01: "Colour", Int01: "Size" } },
    });
    const last = await ask("UpdateNamespace", { ...name, config: { customSearchAttributeAliases: { Int01: "" } } });
    const info = last.namespaceInfo!;
    assert.deepEqual(
      [info.description, info.ownerEmail, { ...info.data }],
      ["old", "o@example.org", { k: "1", l: "2" }],
    );
    assert.equal(last.config?.workflowExecutionRetentionTtl?.seconds, 86_400);
    assert.deepEqual({ ...last.config?.customSearchAttributeAliases }, { Keyword01: "Colour" });
    const bad = last.config?.badBinaries?.binaries["abc"];
    assert.deepEqual([bad?.reason, bad?.createTime], ["broken", { seconds: 1_000, nanos: 0 }]);
    await ask("UpdateNamespace", { ...name, deleteBadBinary: "abc" });
    for (const request of [
      { ...name, deleteBadBinary: "toString" },
      { ...name, config: { workflowExecutionRetentionTtl: { seconds: 1, nanos: 0 } } },
      { ...name, updateInfo: { state: DELETED } },
      { ...name, promoteNamespace: true },
      { ...name, replicationConfig: { activeClusterName: "elsewhere" } },
      { ...name, config: { visibilityArchivalState: enums.ArchivalState.ENABLED } },
    ])
      assert.equal((await refused("UpdateNamespace", request)).code, "INVALID_ARGUMENT");
    assert.deepEqual((await ask("DescribeNamespace", name)).namespaceInfo?.description, "old");
  });

  test("a deprecated namespace is there for all but new workflows", async () => {
    const { ask, namespaces } = await open();
    await ask("RegisterNamespace", { namespace: "a", workflowExecutionRetentionPeriod: hour });
    await ask("DeprecateNamespace", { namespace: "a" });
    await ask("DeprecateNamespace", { namespace: "a" });
    assert.equal((await ask("DescribeNamespace", { namespace: "a" })).namespaceInfo?.state, DEPRECATED);
    const used = namespaces.byName("a");
    assert.ok(!(used instanceof Rejection));
    const started = namespaces.forStart("a");
    assert.ok(started instanceof Rejection);
    assert.equal(started.message, "Namespace has invalid state: Deprecated. Must be Registered.");
    assert.deepEqual(errordetails.NamespaceInvalidStateFailure.decode(started.detail!.bytes), {
      ...{ namespace: "a", state: DEPRECATED, allowedStates: [REGISTERED] },
    });
    await ask("UpdateNamespace", { namespace: "a", updateInfo: { state: REGISTERED } });
    assert.ok(!(namespaces.forStart("a") instanceof Rejection));
  });

  test("a list is paged by name and loses nothing when namespaces are made in between", async () => {
    const { ask, refused } = await open();
    const register = (namespace: string) =>
      ask("RegisterNamespace", { namespace, workflowExecutionRetentionPeriod: hour });
    for (const name of ["d", "a", "c", "b", "e"]) await register(name);
    const names: string[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const page = await ask("ListNamespaces", { pageSize: 2, nextPageToken });
      names.push(...page.namespaces.map(({ namespaceInfo }) => namespaceInfo!.name));
      nextPageToken = page.nextPageToken;
      if (names.length === 2) await register("aa");
    } while (nextPageToken.length > 0);
    assert.deepEqual(names, ["a", "b", "c", "d", "e"]);
    assert.equal((await ask("ListNamespaces", {})).namespaces.length, 6);
    assert.equal((await refused("ListNamespaces", { nextPageToken: Buffer.from("forged") })).code, "INVALID_ARGUMENT");
  });
});

describe("namespace registry", () => {
  const draft = (name: string) => ({
    ...{ name, description: "", ownerEmail: "", data: {}, retentionMs: 3_600_000 },
    ...{ badBinaries: { binaries: {} } },
  });

  test("a token's namespace wins, and a request that names another is refused", async () => {
    const namespaces = await NamespaceRegistry.load(new MemoryStore(), seededRandom(1));
    const [a, b] = [await namespaces.create(draft("a")), await namespaces.create(draft("b"))];
    assert.ok(!(a instanceof Rejection) && !(b instanceof Rejection));
    assert.equal(namespaces.ofToken({ namespaceId: a.id }, ""), a);
    assert.equal(namespaces.ofToken({ namespaceId: a.id }, "a"), a);
    const mixed = namespaces.ofToken({ namespaceId: a.id }, "b");
    assert.ok(mixed instanceof Rejection);
    assert.equal(mixed.message, "Operation requested with a token from a different namespace.");
    assert.ok(namespaces.ofToken({ namespaceId: "gone" }, "") instanceof Rejection);
    assert.ok(namespaces.byName("") instanceof Rejection);
  });

  test("namespaces are read back after a restart as they were", async () => {
    const store = new MemoryStore();
    const before = await NamespaceRegistry.load(store, seededRandom(1));
    await before.create({ ...draft("a"), description: "d", data: { k: "v" } });
    await before.update("a", (current) => ({ ...current, state: DEPRECATED }));
    const after = await NamespaceRegistry.load(store, seededRandom(2));
    // Records from the wire have no prototype: compared as what they hold.
    assert.deepEqual(JSON.parse(JSON.stringify(after.all())), JSON.parse(JSON.stringify(before.all())));
  });

  test("changes made at once go one after the other, and none is lost", async () => {
    const namespaces = await NamespaceRegistry.load(new MemoryStore(), seededRandom(1));
    await namespaces.create(draft("a"));
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    await Promise.all([
      ...keys.map((key) =>
        namespaces.update("a", (current) => ({ ...current, data: { ...current.data, [key]: "1" } })),
      ),
      ...["b", "b", "b"].map((name) => namespaces.create(draft(name))),
    ]);
    assert.deepEqual(Object.keys((namespaces.find("a")?.data ?? {}) as object), keys);
    assert.deepEqual(
      namespaces.all().map(({ name }) => name),
      ["a", "b"],
    );
  });

  test("after a change of unknown outcome the store says what is true (N3)", async () => {
    for (const applied of [true, false]) {
      const store = new MemoryStore();
      const namespaces = await NamespaceRegistry.load(store, seededRandom(1));
      const commit = store.commit.bind(store);
      store.commit = async (lease, writes) => {
        store.commit = commit;
        if (applied) await commit(lease, writes);
        throw new CommitUnknown("the disk did not answer");
      };
      await assert.rejects(namespaces.create(draft("a")), CommitUnknown);
      const again = await namespaces.create(draft("a"));
      assert.equal(again instanceof Rejection, applied, applied ? "it was made after all" : "it is made now");
      assert.ok(namespaces.find("a"));
    }
  });
});
