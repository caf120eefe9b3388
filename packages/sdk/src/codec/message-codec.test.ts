/** Which payloads of a message a codec sees, and which it must not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { history, update } from "@pawl/protocol";
import type { Payload } from "../value/payload.ts";
import { defaultPayloadConverter } from "../value/payload-converter.ts";
import { MessageCodec } from "./message-codec.ts";

const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const marked = (each: Payload) => each.metadata["mark"] !== undefined;

/** Marks what it encodes, counts its calls, and takes the mark away again. */
function marking() {
  const seen: number[] = [];
  const mark = new TextEncoder().encode("x");
  return {
    seen,
    encode: async (payloads: Payload[]) => {
      seen.push(payloads.length);
      return payloads.map((each) => ({ ...each, metadata: { ...each.metadata, mark } }));
    },
    decode: async (payloads: Payload[]) =>
      payloads.map((each) => {
        const { mark: _, ...metadata } = each.metadata;
        return { ...each, metadata };
      }),
  };
}

describe("a message codec", () => {
  test("reaches arguments, memos, failures and metadata, and leaves headers and search attributes alone", async () => {
    const codec = marking();
    const message = {
      input: { payloads: [payload(1), payload(2)] },
      memo: { fields: { header: payload("a memo of this name"), data: payload(3) } },
      failure: { message: "m", encodedAttributes: payload(4), cause: { details: { payloads: [payload(5)] } } },
      userMetadata: { summary: payload("s"), details: undefined },
      header: { fields: { h: payload(6) } },
      searchAttributes: { indexedFields: { s: payload(7) } },
      queryResults: { q: { answer: { payloads: [payload(8)] } } },
      taskToken: new Uint8Array([1, 2, 3]),
    };
    const before = structuredClone(message);
    const encoded = await new MessageCodec([codec]).encode(message);
    assert.deepEqual(message, before, "what the caller holds is not changed");
    assert.ok(encoded.input.payloads.every(marked));
    assert.ok(marked(encoded.memo.fields.header) && marked(encoded.memo.fields.data));
    assert.ok(marked(encoded.failure.encodedAttributes) && marked(encoded.failure.cause.details.payloads[0]!));
    assert.ok(marked(encoded.userMetadata.summary) && marked(encoded.queryResults.q.answer.payloads[0]!));
    assert.ok(!marked(encoded.header.fields.h) && !marked(encoded.searchAttributes.indexedFields.s));
    assert.deepEqual(codec.seen.toSorted(), [1, 1, 1, 1, 1, 1, 2], "arguments of one call go to the codec together");
    assert.deepEqual(await new MessageCodec([codec]).decode(encoded), before);
  });

  test("reaches into histories and messages that travel as bytes, and leaves the SDK's own markers alone", async () => {
    const events = [
      { eventId: 1, workflowExecutionStartedEventAttributes: { input: { payloads: [payload("in")] } } },
      {
        eventId: 2,
        markerRecordedEventAttributes: {
          markerName: "core_local_activity",
          details: { data: { payloads: [payload("own")] }, result: { payloads: [payload("r")] } },
        },
      },
    ];
    const request = { input: { name: "u", args: { payloads: [payload("arg")] } } };
    const message = {
      history: history.History.encode({ events }),
      messages: [
        {
          body: {
            type_url: "type.googleapis.com/temporal.api.update.v1.Request",
            value: update.Request.encode(request),
          },
        },
      ],
    };
    const codec = new MessageCodec([marking()]);
    const encoded = await codec.encode(message);
    const [started, marker] = history.History.decode(encoded.history).events;
    assert.ok(started!.workflowExecutionStartedEventAttributes!.input!.payloads.every(marked));
    const { details } = marker!.markerRecordedEventAttributes!;
    assert.ok(details["result"]!.payloads.every(marked) && !details["data"]!.payloads.some(marked));
    const sent = update.Request.decode(encoded.messages[0]!.body.value);
    assert.ok(sent.input!.args!.payloads.every(marked));
    const decoded = await codec.decode(encoded);
    assert.deepEqual(history.History.decode(decoded.history), history.History.decode(message.history));
  });

  test("several apply in their order, and are undone in the opposite one", async () => {
    const suffix = (text: string) => ({
      encode: async (payloads: Payload[]) =>
        payloads.map((each) => ({ ...each, data: Buffer.concat([each.data, Buffer.from(text)]) })),
      decode: async (payloads: Payload[]) =>
        payloads.map((each) => {
          assert.ok(Buffer.from(each.data).toString().endsWith(text));
          return { ...each, data: each.data.subarray(0, -text.length) };
        }),
    });
    const codec = new MessageCodec([suffix("-one"), suffix("-two")]);
    const encoded = await codec.encode({ result: payload("x") });
    assert.equal(Buffer.from(encoded.result.data).toString(), '"x"-one-two');
    const decoded = await codec.decode(encoded);
    assert.equal(Buffer.from(decoded.result.data).toString(), '"x"');
  });

  for (const [what, encode, expected] of [
    ["throws", () => Promise.reject(new Error("no key")), /a payload codec failed to encode: no key/],
    ["returns nothing", async () => undefined, /must encode to an array of payloads/],
  ] as const) {
    test(`one that ${what}: the error says so`, async () => {
      const codec = new MessageCodec([{ encode: encode as never, decode: async (payloads) => payloads }]);
      await assert.rejects(codec.encode({ result: payload(1) }), expected);
    });
  }

  test("without codecs a message stays itself", async () => {
    const message = { result: payload(1) };
    assert.equal(await new MessageCodec([]).encode(message), message);
  });
});
