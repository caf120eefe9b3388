import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";
import { fileDescriptors } from "./descriptors.ts";
import { workflowservice } from "./index.ts";
import { methods } from "./service.ts";

const files = fileDescriptors.map(({ base64 }) => Buffer.from(base64, "base64"));

/** As another library reads the descriptors. */
function readByLibrary(): protobuf.Root {
  const set = descriptor.FileDescriptorSet.create({
    file: files.map((file) => descriptor.FileDescriptorProto.decode(file)),
  });
  const root = (protobuf.Root as unknown as { fromDescriptor(set: unknown): protobuf.Root }).fromDescriptor(set);
  root.resolveAll();
  return root;
}

test("every file names the files that it needs, and they are there, without a circle", () => {
  const needsOf = new Map(fileDescriptors.map(({ name, needs }) => [name, needs]));
  const visit = (name: string, path: readonly string[]) => {
    assert.ok(needsOf.has(name), `${path.at(-1)} needs ${name}`);
    assert.ok(!path.includes(name), [...path, name].join(" → "));
    for (const need of needsOf.get(name)!) visit(need, [...path, name]);
  };
  for (const { name } of fileDescriptors) visit(name, []);
});

test("another library finds every method of the table with its messages", () => {
  const root = readByLibrary();
  for (const { service, name, request, response } of Object.values(methods)) {
    const method = root.lookupService(service).methods[name];
    assert.ok(method, `${service}.${name}`);
    assert.equal(root.lookupType(method.requestType).fullName, `.${request.typeName}`);
    assert.equal(root.lookupType(method.responseType).fullName, `.${response.typeName}`);
  }
});

test("a message written by our codec is read by a library that knows it from the descriptors alone", () => {
  const bytes = workflowservice.StartWorkflowExecutionRequest.encode({
    namespace: "default",
    workflowId: "w",
    taskQueue: { name: "q", kind: 1, normalName: "" },
    workflowRunTimeout: { seconds: 90, nanos: 5 },
    workflowIdReusePolicy: 2,
    memo: {
      fields: {
        note: { metadata: { encoding: Buffer.from("json/plain") }, data: Buffer.from('"x"'), externalPayloads: [] },
      },
    },
    cronSchedule: "@daily",
  });
  const type = readByLibrary().lookupType("temporal.api.workflowservice.v1.StartWorkflowExecutionRequest");
  const read = type.toObject(type.decode(bytes), { enums: String, longs: Number, bytes: String });
  assert.deepEqual(read, {
    namespace: "default",
    workflowId: "w",
    taskQueue: { name: "q", kind: "TASK_QUEUE_KIND_NORMAL" },
    workflowRunTimeout: { seconds: 90, nanos: 5 },
    workflowIdReusePolicy: "WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY",
    memo: {
      fields: {
        note: {
          metadata: { encoding: Buffer.from("json/plain").toString("base64") },
          data: Buffer.from('"x"').toString("base64"),
        },
      },
    },
    cronSchedule: "@daily",
  });
});

test("each symbol is in one file, and the services' are there", () => {
  const symbols = fileDescriptors.flatMap((file) => file.symbols);
  assert.equal(new Set(symbols).size, symbols.length);
  for (const symbol of [
    "temporal.api.workflowservice.v1.WorkflowService.StartWorkflowExecution",
    "temporal.api.operatorservice.v1.OperatorService",
    "temporal.api.errordetails.v1.MultiOperationExecutionFailure.OperationStatus",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "google.protobuf.Duration",
  ])
    assert.ok(symbols.includes(symbol), symbol);
});
