import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Rejection, scheduleKey } from "@pawl/engine";
import { enums, workflowservice } from "@pawl/protocol";
import { CommitUnknown, executionKinds } from "@pawl/store";
import { limits } from "../../limits.ts";
import { InProcess, taskQueue, testNamespace } from "../in-process.ts";
import { NamespaceDeletions } from "./namespace-deletion.ts";
import { NamespaceRegistry } from "./namespace-registry.ts";

const { DELETED } = enums.NamespaceState;
const retention = { workflowExecutionRetentionPeriod: { seconds: 86_400, nanos: 0 } };

function idOf(server: InProcess): string {
  return server.parts.namespaces.find(testNamespace)!.id;
}

function runsOf({ store }: InProcess, namespaceId: string) {
  return store.listVisibility({ kind: "workflow", namespaceId, limit: 1_000 });
}

/** Lets deletion go on until the namespace has gone, and fails after a minute of the clock. */
async function gone(server: InProcess, id: string): Promise<void> {
  for (let second = 0; second < 60; second++) {
    for (let turn = 0; turn < 40; turn++) await server.settle();
    if (server.parts.namespaces.byId(id) instanceof Rejection) return;
    server.clock.advance(1_000);
  }
  assert.fail("the namespace is still there");
}

describe("a namespace that is deleted", () => {
  test("leaves its name at once, and is known by another until all it holds has gone", async () => {
    await using server = await InProcess.open();
    const id = idOf(server);
    await server.start("open");
    await server.start("closed");
    await server.complete(await server.pollWorkflowTask());
    await server.ask("AddSearchAttributes", { searchAttributes: { Customer: enums.IndexedValueType.KEYWORD } });
    const configured = { taskQueue: "q", taskQueueType: enums.TaskQueueType.ACTIVITY };
    const updateQueueRateLimit = { rateLimit: { requestsPerSecond: 1 }, reason: "" };
    await server.ask("UpdateTaskQueueConfig", { ...configured, updateQueueRateLimit });

    const { deletedNamespace } = await server.ask("DeleteNamespace", { namespace: testNamespace });
    assert.equal(deletedNamespace, `${testNamespace}-deleted-${id.slice(0, 5)}`);
    const described = await server.ask("DescribeNamespace", { namespace: "", id });
    assert.deepEqual([described.namespaceInfo?.name, described.namespaceInfo?.state], [deletedNamespace, DELETED]);
    assert.match(await server.verdict("StartWorkflowExecution", {}), /^NOT_FOUND Namespace orders is not found/);
    assert.match(
      await server.verdict("DescribeTaskQueue", { namespace: deletedNamespace, taskQueue }),
      /^FAILED_PRECONDITION Namespace has invalid state: Deleted/,
    );
    const listed = await server.ask("ListNamespaces", {});
    assert.ok(!listed.namespaces.some(({ namespaceInfo }) => namespaceInfo?.id === id));
    const all = await server.ask("ListNamespaces", { namespaceFilter: { includeDeleted: true } });
    assert.ok(all.namespaces.some(({ namespaceInfo }) => namespaceInfo?.id === id));

    await server.ask("RegisterNamespace", { namespace: testNamespace, ...retention });
    await server.start("of the new one");
    await gone(server, id);
    assert.deepEqual(await runsOf(server, id), []);
    assert.deepEqual(await server.store.settings("task-queue/"), []);
    assert.deepEqual(await server.store.settings("search-attributes/"), []);
    assert.deepEqual(await server.store.settings("namespace-deletion/"), []);
    const rows = await server.store.namespaces();
    assert.deepEqual(
      rows.map(({ name }) => name),
      [testNamespace],
    );
    assert.equal((await runsOf(server, rows[0]!.id)).length, 1);
    assert.deepEqual(server.faults, []);
  });

  test("is named by its id too, and may be deleted again", async () => {
    await using server = await InProcess.open();
    const namespaceId = idOf(server);
    const first = await server.ask("DeleteNamespace", { namespace: "", namespaceId });
    const again = await server.ask("DeleteNamespace", { namespace: "", namespaceId });
    const byName = await server.ask("DeleteNamespace", { namespace: first.deletedNamespace });
    assert.deepEqual([again, byName], [first, first]);
    await gone(server, namespaceId);
  });

  test("ends the polls of its workers, and takes none of their answers", async () => {
    await using server = await InProcess.open();
    await server.start("w");
    const task = await server.pollWorkflowTask();
    const polled = server.pollWorkflowTask();
    await server.settle();
    const id = idOf(server);
    await server.ask("DeleteNamespace", { namespace: testNamespace });
    const answer = { taskToken: task.taskToken, identity: "worker", namespace: "" };
    assert.match(await server.verdict("RespondWorkflowTaskCompleted", answer), /^NOT_FOUND /);
    server.clock.advance(9_000);
    assert.equal((await polled).taskToken.length, 0);
    await gone(server, id);
  });

  test("may be left alone for a while first", async () => {
    await using server = await InProcess.open();
    const id = idOf(server);
    await server.start("w");
    const namespaceDeleteDelay = { seconds: 3_600, nanos: 0 };
    await server.ask("DeleteNamespace", { namespace: testNamespace, namespaceDeleteDelay });
    server.clock.advance(3_599_000);
    await server.settle();
    assert.equal((await runsOf(server, id)).length, 1);
    server.clock.advance(1_000);
    await gone(server, id);
  });

  test("goes on going after a restart, where it was", async () => {
    await using server = await InProcess.open();
    const id = idOf(server);
    const count = 2 * limits.namespaceDeleteBatch + 50;
    for (let i = 0; i < count; i++) await server.start(`w${i}`);
    const namespaceDeleteDelay = { seconds: 60, nanos: 0 };
    await server.ask("DeleteNamespace", { namespace: testNamespace, namespaceDeleteDelay });
    const { ring, store, clock, random } = server.parts;
    await server.parts.namespaceDeletions.close();

    let left = count;
    for (let process = 0; process < 20 && left > 0; process++) {
      const namespaces = await NamespaceRegistry.load(store, random);
      const onFault = (_what: string, error: unknown) => server.faults.push(error);
      const restarted = new NamespaceDeletions({ ring, store, namespaces, clock, forgetters: [], onFault });
      restarted.resume();
      if (process === 0) {
        await server.settle();
        assert.equal((await runsOf(server, id)).length, count, "the delay outlives the process, too");
        server.clock.advance(60_000);
      }
      for (let turn = 0; turn < 12; turn++) await server.settle();
      const before = left;
      left = (await runsOf(server, id)).length;
      assert.ok(left < before, `process ${process} deletes some of ${before}`);
      await restarted.close();
    }
    const namespaces = await NamespaceRegistry.load(store, random);
    const last = new NamespaceDeletions({ ring, store, namespaces, clock, forgetters: [], onFault: () => {} });
    last.resume();
    server.clock.advance(limits.namespaceSettleMs);
    for (let turn = 0; turn < 20; turn++) await server.settle();
    assert.deepEqual(await store.namespaces(), []);
    await last.close();
  });

  test("goes when the store fails on the way, a little later", async () => {
    await using server = await InProcess.open();
    const id = idOf(server);
    await server.start("w");
    const { listVisibility } = server.store;
    let failures = 0;
    server.store.listVisibility = async (query) => {
      if (failures++ < 2) throw new CommitUnknown("lost");
      return listVisibility.call(server.store, query);
    };
    await server.ask("DeleteNamespace", { namespace: testNamespace });
    await gone(server, id);
    assert.equal(server.faults.length, 2);
  });

  test("takes executions of every kind with it", async () => {
    await using server = await InProcess.open();
    const id = idOf(server);
    const type = { name: "T" };
    await server.start("same");
    const startToCloseTimeout = { seconds: 10, nanos: 0 };
    await server.ask("StartActivityExecution", {
      activityId: "same",
      activityType: type,
      taskQueue,
      startToCloseTimeout,
    });
    const action = { startWorkflow: { workflowId: "later", workflowType: type, taskQueue } };
    const codec = workflowservice.CreateScheduleRequest;
    const request = codec.decode(codec.encode({ scheduleId: "same", schedule: { action }, requestId: "r" }));
    await server.parts.ring.submit(scheduleKey(id, "same"), { type: "createSchedule", request });
    const counts = async () =>
      Promise.all(
        executionKinds.map(async (kind) => {
          const [total] = await server.store.countVisibility({ kind, namespaceId: id });
          return total?.count;
        }),
      );
    assert.deepEqual(await counts(), [1, 1, 1]);
    await server.ask("DeleteNamespace", { namespace: testNamespace });
    await gone(server, id);
    assert.deepEqual(await counts(), [0, 0, 0]);
  });

  test("is still needed while a Nexus endpoint leads to it", async () => {
    await using server = await InProcess.open();
    const target = { worker: { namespace: testNamespace, taskQueue: "q" } };
    const { endpoint } = await server.ask("CreateNexusEndpoint", { spec: { name: "billing", target } });
    assert.equal(
      await server.verdict("DeleteNamespace", { namespace: testNamespace }),
      "FAILED_PRECONDITION cannot delete a namespace that is a target of a Nexus endpoint billing",
    );
    await server.ask("DeleteNexusEndpoint", { id: endpoint!.id, version: endpoint!.version });
    const id = idOf(server);
    await server.ask("DeleteNamespace", { namespace: testNamespace });
    await gone(server, id);
  });
});

for (const [rule, request, verdict] of [
  ["neither name nor id", { namespace: "" }, "INVALID_ARGUMENT Namespace not set on request."],
  [
    "both name and id",
    { namespaceId: "8f9b64c0-6a5e-4d1e-9d3d-2f0c6f4f0001" },
    "INVALID_ARGUMENT Only one of namespace name or Id should be set on request.",
  ],
  ["an unknown name", { namespace: "nowhere" }, "NOT_FOUND Namespace nowhere is not found."],
  ["an unknown id", { namespace: "", namespaceId: "x" }, "NOT_FOUND Namespace x is not found."],
  [
    "a negative delay",
    { namespaceDeleteDelay: { seconds: -1, nanos: 0 } },
    "INVALID_ARGUMENT An invalid NamespaceDeleteDelay is set on request. cause: negative duration",
  ],
] as const)
  test(`DeleteNamespace with ${rule}: ${verdict}`, async () => {
    await using server = await InProcess.open();
    assert.equal(await server.verdict("DeleteNamespace", request), verdict);
  });

test("two namespaces of one name that were deleted have names of their own", async () => {
  await using server = await InProcess.open();
  const registry = server.parts.namespaces;
  const firstId = idOf(server);
  const delay = { seconds: 3_600, nanos: 0 };
  const first = await server.ask("DeleteNamespace", { namespace: testNamespace, namespaceDeleteDelay: delay });
  // Somebody may have taken the very name that the next one would get.
  await server.ask("RegisterNamespace", { namespace: testNamespace, ...retention });
  const second = registry.find(testNamespace)!;
  await server.ask("RegisterNamespace", {
    namespace: `${testNamespace}-deleted-${second.id.slice(0, 5)}`,
    ...retention,
  });
  const { deletedNamespace } = await server.ask("DeleteNamespace", {
    namespace: testNamespace,
    namespaceDeleteDelay: delay,
  });
  assert.equal(deletedNamespace, `${testNamespace}-deleted-${second.id.slice(0, 6)}`);
  assert.notEqual(deletedNamespace, first.deletedNamespace);
  const reloaded = await NamespaceRegistry.load(server.store, server.parts.random);
  const kept = (namespaces: NamespaceRegistry) =>
    namespaces.all().map(({ id, name, state, deleteAtMs }) => ({ id, name, state, deleteAtMs }));
  assert.deepEqual(kept(reloaded), kept(registry));
  assert.ok(kept(registry).some(({ id, deleteAtMs }) => id === firstId && deleteAtMs !== undefined));
});
