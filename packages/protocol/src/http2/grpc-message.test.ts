import assert from "node:assert/strict";
import { test } from "node:test";
import { grpcMessage, grpcPrefix, grpcPrefixBytes, readGrpcPrefix } from "./grpc-message.ts";

test("a message stands behind a flag of one byte and its length in four, most significant first", () => {
  assert.deepEqual([...grpcMessage(new Uint8Array([7, 8, 9]))], [0, 0, 0, 0, 3, 7, 8, 9]);
  assert.deepEqual([...grpcMessage(new Uint8Array())], [0, 0, 0, 0, 0]);
  assert.deepEqual([...grpcPrefix(0x01020304)], [0, 1, 2, 3, 4]);
});

test("what a prefix says is read back, whatever stands behind it", () => {
  for (const length of [0, 1, 4_194_305, 0xffff_ffff])
    assert.deepEqual(readGrpcPrefix(Buffer.concat([grpcPrefix(length), Buffer.from("x")])), { flag: 0, length });
  assert.deepEqual(readGrpcPrefix(Buffer.from([1, 0, 0, 1, 0])), { flag: 1, length: 256 });
  assert.throws(() => readGrpcPrefix(Buffer.alloc(grpcPrefixBytes - 1)), RangeError);
});
