/** Payloads that are stored outside of histories: what leaves this process, what comes back, and what is said when it cannot. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { history } from "@pawl/protocol";
import { Client } from "@pawl/sdk/client";
import {
  type DataConverter,
  ExternalStorage,
  ExternalStorageNotConfiguredError,
  type Payload,
  type StorageDriver,
  StorageDriverClaim,
  type StorageDriverTargetInfo,
  ValueError,
} from "@pawl/sdk/common";
import { Worker } from "@pawl/sdk/worker";
import * as activities from "./external-storage/activities.ts";
import * as workflows from "./external-storage/workflows.ts";
import { newId, newWorker, useTarget } from "./target.ts";

const target = useTarget();
const workflowsPath = fileURLToPath(new URL("./external-storage/workflows.ts", import.meta.url));
/** Larger than the threshold of these tests. */
const large = `large ${"x".repeat(1_000)}`;
const payloadSizeThreshold = 500;

class Shelf implements StorageDriver {
  readonly name: string;
  readonly type = "test.shelf";
  readonly kept = new Map<string, Payload>();
  readonly targets: (StorageDriverTargetInfo | undefined)[] = [];
  /** How often it is still to fail. */
  failures = 0;

  constructor(name = "shelf") {
    this.name = name;
  }

  async store({ target }: { target?: StorageDriverTargetInfo }, payloads: Payload[]): Promise<StorageDriverClaim[]> {
    if (this.failures-- > 0) throw new Error("the shelf is full");
    return payloads.map((payload) => {
      const key = `${this.name}-${this.kept.size}`;
      this.kept.set(key, payload);
      this.targets.push(target);
      return new StorageDriverClaim({ key });
    });
  }

  async retrieve(_: object, claims: StorageDriverClaim[]): Promise<Payload[]> {
    return claims.map(({ claimData }) => {
      const payload = this.kept.get(claimData["key"]!);
      assert.ok(payload, `nothing is kept under ${claimData["key"]}`);
      return payload;
    });
  }
}

function convertedBy(shelf: Shelf): DataConverter {
  return { externalStorage: new ExternalStorage({ drivers: [shelf], payloadSizeThreshold }) };
}

const textOf = (raw: history.History) => Buffer.from(history.History.encode(raw)).toString("latin1");

describe("payloads that are too large", () => {
  test("go to the driver from client, workflow and activities, and come back to each of them", async () => {
    const shelf = new Shelf();
    const dataConverter = convertedBy(shelf);
    const client = new Client({ connection: target.connection, dataConverter });
    const worker = await newWorker(target, { workflowsPath, activities, dataConverter });
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const workflowId = newId();
      const handle = await client.workflow.start(workflows.carries, { workflowId, taskQueue, args: [large] });
      const expected = `${large}, and longer, and longer`;
      assert.equal(await handle.result(), expected);
      assert.equal(await handle.query(workflows.latest), expected);
      const raw = await handle.fetchHistory();
      await Worker.runReplayHistory({ workflowsPath, dataConverter }, raw);

      // What the server has.
      const seen = await new Client({ connection: target.connection }).workflow.getHandle(workflowId).fetchHistory();
      assert.ok(!textOf(seen).includes("xxxx") && textOf(seen).includes("ExternalStorageReference"));
      const [reference] = seen.events[0]!.workflowExecutionStartedEventAttributes!.input!.payloads;
      const metadata = Object.entries(reference!.metadata).map(([name, value]) => [
        name,
        Buffer.from(value).toString(),
      ]);
      assert.deepEqual(Object.fromEntries(metadata), {
        encoding: "json/protobuf",
        messageType: "temporal.api.sdk.v1.ExternalStorageReference",
      });
      assert.deepEqual(JSON.parse(Buffer.from(reference!.data).toString()), {
        driverName: "shelf",
        claimData: { key: "shelf-0" },
      });
      assert.ok(reference!.externalPayloads[0]!.sizeBytes > large.length);

      const [first] = shelf.targets;
      const own = { kind: "workflow", namespace: "default", id: workflowId, type: "carries" };
      assert.deepEqual(first, own, "a driver is told whose payload it is");
      const ofActivity = shelf.targets.find((each) => each?.kind === "activity");
      assert.deepEqual([ofActivity?.namespace, ofActivity?.type], ["default", "longer"]);
    });
  });

  test("an update takes and gives them; what is small stays where it is", async () => {
    const shelf = new Shelf();
    const dataConverter = convertedBy(shelf);
    const client = new Client({ connection: target.connection, dataConverter });
    // No activities: the workflow waits.
    const worker = await newWorker(target, { workflowsPath, activities: {}, dataConverter });
    await worker.runUntil(async () => {
      const options = { workflowId: newId(), taskQueue: worker.options.taskQueue, args: ["small"] as [string] };
      const handle = await client.workflow.start(workflows.carries, options);
      assert.equal(await handle.executeUpdate(workflows.append, { args: [large] }), `small${large}`);
      assert.ok(shelf.kept.size >= 2);
      for (const { data } of shelf.kept.values()) assert.ok(data.length > payloadSizeThreshold);
      await handle.terminate();
    });
  });

  test("several drivers share them as the selector says, and `null` leaves one in the history", async () => {
    const [near, far] = [new Shelf("near"), new Shelf("far")];
    const textIn = ({ data }: Payload) => Buffer.from(data).toString();
    const externalStorage = new ExternalStorage({
      drivers: [near, far],
      payloadSizeThreshold: 0,
      driverSelector: (_, payload) =>
        textIn(payload).includes("stay") ? null : textIn(payload).includes("far") ? far : near,
    });
    const dataConverter = { externalStorage };
    const client = new Client({ connection: target.connection, dataConverter });
    const worker = await newWorker(target, { workflowsPath, dataConverter });
    await worker.runUntil(async () => {
      for (const text of ["far", "here", "stay"]) {
        const options = { workflowId: newId(), taskQueue: worker.options.taskQueue, args: [text] as [string] };
        assert.equal(await client.workflow.execute(workflows.returned, options), text);
      }
    });
    assert.deepEqual([near.kept.size, far.kept.size], [2, 2], "an argument and a result each");
  });
});

describe("what goes wrong", () => {
  test("a driver that fails fails the task, retryably, and the workflow goes on when it works again", async () => {
    const shelf = new Shelf();
    const dataConverter = convertedBy(shelf);
    const client = new Client({ connection: target.connection, dataConverter });
    const worker = await newWorker(target, { workflowsPath, activities, dataConverter });
    const options = {
      ...{ workflowId: newId(), taskQueue: worker.options.taskQueue, args: [large] as [string] },
      workflowTaskTimeout: "1 second",
    } as const;
    const handle = await client.workflow.start(workflows.returned, options);
    shelf.failures = 1;
    await worker.runUntil(async () => {
      assert.equal(await handle.result(), large);
      const { events } = await handle.fetchHistory();
      const failed = events.find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
      assert.match(
        failed!.workflowTaskFailedEventAttributes!.failure!.message,
        /storage driver shelf failed: the shelf is full/,
      );
    });
    shelf.failures = 1;
    await assert.rejects(client.workflow.start(workflows.returned, { ...options, workflowId: newId() }), (error) => {
      return error instanceof ValueError && /storage driver shelf failed: the shelf is full/.test(error.message);
    });
  });

  test("a reader without the storage says that it has none", async () => {
    const dataConverter = convertedBy(new Shelf());
    const client = new Client({ connection: target.connection, dataConverter });
    const bare = await newWorker(target, { workflowsPath });
    const { taskQueue } = bare.options;
    const options = {
      workflowId: newId(),
      taskQueue,
      args: [large] as [string],
      workflowTaskTimeout: "1 second",
    } as const;
    const handle = await client.workflow.start(workflows.returned, options);
    await bare.runUntil(async () => {
      for (;;) {
        const { events } = await target.client.workflow.getHandle(handle.workflowId).fetchHistory();
        const failed = events.find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
        if (!failed) continue;
        assert.match(failed.workflowTaskFailedEventAttributes!.failure!.message, /TMPRL1105.*stored outside/);
        break;
      }
    });
    const worker = await newWorker(target, { workflowsPath, dataConverter, taskQueue });
    assert.equal(await worker.runUntil(handle.result()), large);
    const other = target.client.workflow.getHandle(handle.workflowId);
    await assert.rejects(other.result(), (error) => error instanceof ExternalStorageNotConfiguredError);
    const elsewhere = new Client({
      connection: target.connection,
      dataConverter: { externalStorage: new ExternalStorage({ drivers: [new Shelf("another")] }) },
    });
    await assert.rejects(elsewhere.workflow.getHandle(handle.workflowId).result(), /no driver "shelf"/);
  });

  for (const [what, options, expected] of [
    ["no driver", { drivers: [] }, /at least one driver/],
    ["a driver without a name", { drivers: [{ name: "" }] }, /must have a name/],
    ["two of a name", { drivers: [new Shelf(), new Shelf()], driverSelector: () => null }, /"shelf" is given twice/],
    ["no selector among two", { drivers: [new Shelf("a"), new Shelf("b")] }, /driverSelector/],
    ["a threshold that is none", { drivers: [new Shelf()], payloadSizeThreshold: -1 }, /payloadSizeThreshold/],
  ] as const) {
    test(`${what}: refused when it is made`, () => {
      assert.throws(
        () => new ExternalStorage(options as never),
        (error: Error) => {
          return error instanceof ValueError && expected.test(error.message);
        },
      );
    });
  }

  test("a selector that chooses a stranger fails the call, and what is no storage is no option", async () => {
    const externalStorage = new ExternalStorage({
      ...{ drivers: [new Shelf()], payloadSizeThreshold: 0 },
      driverSelector: () => new Shelf("stranger"),
    });
    const client = new Client({ connection: target.connection, dataConverter: { externalStorage } });
    const options = { workflowId: newId(), taskQueue: "nobody", args: ["x"] as [string] };
    await assert.rejects(client.workflow.start(workflows.returned, options), /chose stranger, which is none of/);
    const none = { externalStorage: { drivers: [] } } as never;
    assert.throws(() => new Client({ dataConverter: none }), /DataConverter.externalStorage must be/);
  });
});
