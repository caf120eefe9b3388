/** Data converters from end to end: custom types, encryption of everything that is a user's, and search attributes that stay readable. */
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { history } from "@pawl/protocol";
import { ApplicationFailure, Client, WorkflowFailedError } from "@pawl/sdk/client";
import {
  ActivityFailure,
  type DataConverter,
  defineSearchAttributeKey,
  type Payload,
  type PayloadCodec,
} from "@pawl/sdk/common";
import { Worker } from "@pawl/sdk/worker";
import * as activities from "./converters/activities.ts";
import { Point } from "./converters/point.ts";
import * as workflows from "./converters/workflows.ts";
import { newId, newWorker, useTarget } from "./target.ts";

const target = useTarget();
const path = (name: string) => fileURLToPath(new URL(`./converters/${name}`, import.meta.url));
const workflowsPath = path("workflows.ts");
const key = randomBytes(32);

/** AES-GCM over the whole payload, as an encryption codec of a user would do it. */
const encryption: PayloadCodec = {
  encode: async (payloads) => payloads.map((payload) => encrypted(payload)),
  decode: async (payloads) => payloads.map((payload) => (isEncrypted(payload) ? decrypted(payload) : payload)),
};

function encrypted({ metadata, data }: Payload): Payload {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const plain = JSON.stringify({
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, base64(value)])),
    data: base64(data),
  });
  const bytes = Buffer.concat([cipher.update(plain), cipher.final()]);
  return {
    metadata: { encoding: Buffer.from("binary/encrypted") },
    data: Buffer.concat([iv, cipher.getAuthTag(), bytes]),
  };
}

function decrypted({ data }: Payload): Payload {
  const decipher = createDecipheriv("aes-256-gcm", key, data.subarray(0, 12)).setAuthTag(data.subarray(12, 28));
  const plain = JSON.parse(Buffer.concat([decipher.update(data.subarray(28)), decipher.final()]).toString());
  const bytes = (text: unknown) => Buffer.from(text as string, "base64");
  return {
    metadata: Object.fromEntries(Object.entries(plain.metadata).map(([name, value]) => [name, bytes(value)])),
    data: bytes(plain.data),
  };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const isEncrypted = ({ metadata }: Payload) => Buffer.from(metadata["encoding"]!).toString() === "binary/encrypted";

const dataConverter: DataConverter = {
  payloadConverterPath: path("payload-converter.ts"),
  failureConverterPath: path("payload-converter.ts"),
  payloadCodecs: [encryption],
};

describe("a data converter with types of its own and encryption", () => {
  test("values go every way as they are, and the server never sees one", async () => {
    const { connection } = target;
    const client = new Client({ connection, dataConverter });
    const worker = await newWorker(target, { workflowsPath, activities, dataConverter });
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const handle = await client.workflow.start(workflows.everywhere, {
        ...{ workflowId: newId(), taskQueue, args: [new Point(1, 2)] as [Point] },
        ...{ memo: { first: new Point(5, 6) }, staticSummary: "secret words", staticDetails: "secret details" },
      });
      // The workflow moves on between the two: what they say is its own affair, that they are points is ours.
      const pushed = await handle.executeUpdate(workflows.push, { args: [new Point(0, 0)] });
      assert.ok(pushed instanceof Point && (await handle.query(workflows.where)) instanceof Point);
      await handle.signal(workflows.told, new Point(1_000, 1_000));
      const result = await handle.result();
      assert.ok(result instanceof Point);
      assert.deepEqual(result, new Point(1 + 10 + 10 + 1 + 100 + 1_000, 2 + 10 + 10 + 1 + 200 + 1_000));
      const { memo } = await handle.describe();
      const first = client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
      const { staticSummary, staticDetails } = await first.describe();
      assert.deepEqual(memo, { first: new Point(5, 6), secretMemo: new Point(1, 2) });
      assert.deepEqual([await staticSummary(), await staticDetails()], ["secret words", "secret details"]);
      for (const runId of [undefined, handle.firstExecutionRunId]) {
        const raw = await client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
        assertNothingSecret(raw);
        await Worker.runReplayHistory({ workflowsPath, dataConverter }, raw);
      }
    });
  });

  test("failures keep their words to themselves, and arrive whole", async () => {
    const client = new Client({ connection: target.connection, dataConverter });
    const worker = await newWorker(target, { workflowsPath, activities, dataConverter });
    const { taskQueue } = worker.options;
    await worker.runUntil(async () => {
      const handle = await client.workflow.start(workflows.failing, { workflowId: newId(), taskQueue });
      await assert.rejects(handle.result(), (error: unknown) => {
        assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.message, "secret end");
        assert.deepEqual(error.cause.details, [new Point(3, 4)]);
        assert.ok(error.cause.cause instanceof ActivityFailure);
        const refusal = error.cause.cause.cause;
        assert.ok(refusal instanceof ApplicationFailure);
        assert.equal(refusal.message, "secret refusal");
        assert.deepEqual(refusal.details, [new Point(1, 2)]);
        return true;
      });
      assertNothingSecret(await handle.fetchHistory());
    });
  });

  test("a key that is not there fails the workflow task with the reason, and the workflow goes on when it is", async () => {
    const client = new Client({ connection: target.connection, dataConverter });
    const decode = () => Promise.reject(new Error("no such key"));
    const broken = { ...dataConverter, payloadCodecs: [{ encode: encryption.encode, decode }] };
    const worker = await newWorker(target, { workflowsPath, activities, dataConverter: broken });
    const { taskQueue } = worker.options;
    const handle = await client.workflow.start(workflows.child, {
      ...{ workflowId: newId(), taskQueue, args: [new Point(1, 2)] as [Point], workflowTaskTimeout: "1 second" },
    });
    await worker.runUntil(async () => {
      for (;;) {
        const { events } = await handle.fetchHistory();
        const failed = events.find(({ workflowTaskFailedEventAttributes: each }) => each);
        if (!failed) continue;
        assert.match(failed.workflowTaskFailedEventAttributes!.failure!.message, /failed to decode: no such key/);
        break;
      }
    });
    const mended = await newWorker(target, { workflowsPath, activities, dataConverter, taskQueue });
    assert.deepEqual(await mended.runUntil(handle.result()), new Point(2, 3));
  });
});

describe("a worker's data converter", () => {
  for (const [what, options, expected] of [
    ["an object", { payloadConverter: { toPayload() {}, fromPayload() {} } }, /cannot enter the workflow sandbox/],
    ["a module that is not there", { payloadConverterPath: "/no/such/module.ts" }, /Could not load.*no\/such/s],
    ["a module without one", { payloadConverterPath: path("point.ts") }, /must export a payloadConverter/],
    ["a codec that is none", { payloadCodecs: [{}] }, /must have the functions encode and decode/],
  ] as const) {
    test(`${what}: refused, and the error says why`, async () => {
      await assert.rejects(newWorker(target, { workflowsPath, dataConverter: options as never }), expected);
    });
  }
});

test("typed search attributes are set, seen by the workflow, changed, removed, and listed", async () => {
  const keyword = defineSearchAttributeKey("CustomKeywordField", "KEYWORD");
  const int = defineSearchAttributeKey("CustomIntField", "INT");
  await registerAttributes();
  const worker = await newWorker(target, { workflowsPath, activities });
  await worker.runUntil(async () => {
    const handle = await target.client.workflow.start(workflows.attributes, {
      ...{ workflowId: newId(), taskQueue: worker.options.taskQueue },
      typedSearchAttributes: [
        { key: keyword, value: "first" },
        { key: int, value: 7 },
      ],
    });
    assert.deepEqual(await handle.result(), { before: ["first", 7], after: ["changed", "none"] });
    const { typedSearchAttributes, searchAttributes } = await handle.describe();
    assert.equal(typedSearchAttributes.get(keyword), "changed");
    assert.equal(typedSearchAttributes.get(int), undefined);
    assert.deepEqual(searchAttributes["CustomKeywordField"], ["changed"]);
  });
  await assert.rejects(
    target.client.workflow.start(workflows.attributes, {
      ...{ workflowId: newId(), taskQueue: "none", typedSearchAttributes: [{ key: int, value: 1.5 }] },
    }),
    /"CustomIntField": 1.5 is not a value of type INT/,
  );
});

async function registerAttributes(): Promise<void> {
  const searchAttributes = { CustomKeywordField: 2, CustomIntField: 3 } as const;
  await target.connection
    .call("AddSearchAttributes", { namespace: "default", searchAttributes })
    .catch((error) => assert.match(String(error), /already exist|UNIMPLEMENTED/i));
}

/** Not in any byte of it, whichever field it is. */
function assertNothingSecret(raw: history.History): void {
  const bytes = Buffer.from(history.History.encode(raw)).toString("latin1");
  assert.doesNotMatch(bytes, /secret (?!\w*Memo)/);
  assert.match(bytes, /binary\/encrypted/);
}
