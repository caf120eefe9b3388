import assert from "node:assert/strict";
import { describe, test } from "node:test";
import protobuf from "protobufjs";
import { RawValue } from "./payload-converter.ts";
import {
  DefaultPayloadConverterWithProtobufs,
  ProtobufBinaryPayloadConverter,
  type ProtobufTypes,
} from "./protobuf-converter.ts";

const { root } = protobuf.parse(`
  syntax = "proto3";
  package shop.v1;
  enum Colour { NONE = 0; RED = 1; }
  message Order { string id = 1; int64 cents = 2; bytes key = 3; Colour colour = 4; repeated string tags = 5; }
`);
const Order = root.lookupType("shop.v1.Order");
const order = Order.create({ id: "o-1", cents: 12, key: new Uint8Array([1, 2]), colour: 1, tags: ["a"] });
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("protobuf messages as payloads", () => {
  test("as JSON, with their type's name, in the form of every SDK", () => {
    const converter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root });
    const payload = converter.toPayload(order);
    assert.equal(text(payload.metadata["encoding"]), "json/protobuf");
    assert.equal(text(payload.metadata["messageType"]), "shop.v1.Order");
    assert.deepEqual(JSON.parse(text(payload.data)), {
      ...{ id: "o-1", cents: "12", key: "AQI=", colour: "RED", tags: ["a"] },
    });
    assert.deepEqual(Order.encode(converter.fromPayload<typeof order>(payload)).finish(), Order.encode(order).finish());
  });

  test("as bytes; the default converter reads them too", () => {
    const payload = new ProtobufBinaryPayloadConverter(root).toPayload(order)!;
    assert.equal(text(payload.metadata["encoding"]), "binary/protobuf");
    const back = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root }).fromPayload<typeof order>(payload);
    assert.deepEqual(back.toJSON(), order.toJSON());
  });

  test("values that are no messages go as before", () => {
    const converter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root });
    assert.equal(text(converter.toPayload({ id: "plain" }).metadata["encoding"]), "json/plain");
  });

  test("a type that the root does not have is named", () => {
    const metadata = { encoding: Buffer.from("json/protobuf"), messageType: Buffer.from("shop.v1.Basket") };
    const converter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root });
    assert.throws(
      () => converter.fromPayload({ metadata, data: Buffer.from("{}") }),
      /no message type shop\.v1\.Basket/,
    );
    assert.throws(() => new ProtobufBinaryPayloadConverter({}), /needs a protobufjs root/);
  });

  test("another library comes in by an adapter", () => {
    class Basket {
      readonly size = 3;
    }
    const type = {
      name: "shop.v1.Basket",
      encode: () => new Uint8Array([3]),
      decode: ([size]: Uint8Array) => ({ size }),
      toJson: () => ({ size: 3 }),
      fromJson: (json: unknown) => json,
    };
    const types: ProtobufTypes = {
      typeOf: (value) => (value instanceof Basket ? type : undefined),
      byName: (name) => (name === type.name ? type : undefined),
    };
    const converter = new ProtobufBinaryPayloadConverter(types);
    const payload = converter.toPayload(new Basket())!;
    assert.deepEqual([...payload.data], [3]);
    assert.deepEqual(converter.fromPayload(payload), { size: 3 });
    assert.equal(converter.toPayload({ size: 3 }), undefined);
  });
});

test("a raw value is sent as the payload that it is", () => {
  const converter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: root });
  const payload = converter.toPayload("x");
  assert.equal(converter.toPayload(RawValue.fromPayload(payload)), payload);
  assert.deepEqual(new RawValue("x").payload, payload);
});
