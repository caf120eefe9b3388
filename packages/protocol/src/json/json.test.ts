import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { common, enums, failure, googleProtobuf, history, workflowservice } from "../index.ts";
import { methods } from "../service.ts";
import { messageFromJson } from "./message-from-json.ts";
import { messageToJson } from "./message-to-json.ts";
import { enumOf, messageSchema } from "./schema.ts";
import { JsonProblem, parseJson } from "./text.ts";

const start = workflowservice.StartWorkflowExecutionRequest;
const encode = (text: string) => new TextEncoder().encode(text);

function fromText(typeName: string, text: string, shorthand = true): Uint8Array {
  return messageFromJson(typeName, parseJson(text), { shorthand });
}

/** The text that a message's JSON becomes, and what is read from it again. */
function roundTrip(typeName: string, bytes: Uint8Array, shorthand = true): { text: string; again: unknown } {
  const text = JSON.stringify(messageToJson(typeName, bytes, { shorthand }));
  const again = messageToJson(typeName, fromText(typeName, text, shorthand), { shorthand: false });
  return { text, again };
}

const jsonPlain = (value: string) => ({ metadata: { encoding: encode("json/plain") }, data: encode(value) });

describe("a message to JSON", () => {
  test("has names in camel case, full enum names, long numbers as text, bytes as base64, and only what is set", () => {
    const bytes = history.History.encode({
      events: [
        {
          eventId: 12,
          eventTime: { seconds: 1_700_000_000, nanos: 120_000_000 },
          eventType: enums.EventType.WORKFLOW_EXECUTION_STARTED,
          workerMayIgnore: true,
          workflowExecutionStartedEventAttributes: {
            workflowRunTimeout: { seconds: 10, nanos: 500_000_000 },
            firstWorkflowTaskBackoff: {},
            lastCompletionResult: {},
            parentInitiatedEventId: 0,
          },
        },
      ],
    });
    assert.deepEqual(messageToJson("temporal.api.history.v1.History", bytes), {
      events: [
        {
          eventId: "12",
          eventTime: "2023-11-14T22:13:20.120Z",
          eventType: "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
          workerMayIgnore: true,
          workflowExecutionStartedEventAttributes: {
            workflowRunTimeout: "10.500s",
            firstWorkflowTaskBackoff: "0s",
            lastCompletionResult: [],
          },
        },
      ],
    });
  });

  test("writes a field that is kept encoded as the message that it is", () => {
    const events = history.History.encode({ events: [{ eventId: 1 }] });
    const bytes = workflowservice.GetWorkflowExecutionHistoryResponse.encode({ history: events, archived: true });
    const json = messageToJson("temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryResponse", bytes);
    assert.deepEqual(json, { history: { events: [{ eventId: "1" }] }, archived: true });
  });

  test("sorts maps, keeps a number of an enum that has no name, and expands what it knows of Any", () => {
    const memo = common.Memo.encode({ fields: { b: jsonPlain("1"), a: jsonPlain("2") } });
    assert.equal(JSON.stringify(messageToJson("temporal.api.common.v1.Memo", memo)), '{"fields":{"a":2,"b":1}}');
    const event = history.HistoryEvent.encode({ eventType: 9_999 as never });
    assert.deepEqual(messageToJson("temporal.api.history.v1.HistoryEvent", event), { eventType: 9_999 });
    const any = "google.protobuf.Any";
    const table = [
      [
        "temporal.api.common.v1.WorkflowType",
        common.WorkflowType.encode({ name: "T" }),
        { "@type": "type.googleapis.com/temporal.api.common.v1.WorkflowType", name: "T" },
      ],
      ["nobody.Knows", encode("?"), { "@type": "type.googleapis.com/nobody.Knows", value: "Pw==" }],
      [
        "google.protobuf.Duration",
        googleProtobuf.Duration.encode({ seconds: 2 }),
        { "@type": "type.googleapis.com/google.protobuf.Duration", value: "2s" },
      ],
    ] as const;
    for (const [name, value, json] of table) {
      const bytes = googleProtobuf.Any.encode({ type_url: `type.googleapis.com/${name}`, value });
      assert.deepEqual(messageToJson(any, bytes), json);
      assert.deepEqual(roundTrip(any, bytes).again, json);
    }
  });

  test("refuses bytes that are no message", () => {
    for (const bytes of [[0x0a], [0x0a, 0x05, 0x01], [0x0a, 0x02, 0xc3, 0x28]])
      assert.throws(() => messageToJson(start.typeName, Uint8Array.from(bytes)), RangeError);
    let nested = failure.Failure.encode({ message: "first" });
    for (let depth = 0; depth < 300; depth++)
      nested = Uint8Array.from(Buffer.concat([Buffer.from([0x22]), varint(nested.length), nested]));
    assert.throws(() => messageToJson("temporal.api.failure.v1.Failure", nested), /nested too deeply/);
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

describe("a message from JSON", () => {
  test("takes both spellings of a name, and enums by full name, short name, Pascal case and number", () => {
    for (const policy of [
      '"WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE"',
      '"REJECT_DUPLICATE"',
      '"RejectDuplicate"',
      "3",
    ])
      for (const name of ["workflowIdReusePolicy", "workflow_id_reuse_policy"]) {
        const request = start.decode(fromText(start.typeName, `{"${name}": ${policy}}`));
        assert.equal(request.workflowIdReusePolicy, enums.WorkflowIdReusePolicy.REJECT_DUPLICATE);
      }
  });

  test("takes durations, times, 64-bit numbers as text or number, base64 in both alphabets, wrappers and field masks", () => {
    const request = start.decode(
      fromText(
        start.typeName,
        '{"workflowRunTimeout": "1.5s", "requestEagerExecution": true, "workflowStartDelay": "-0.25s"}',
      ),
    );
    assert.deepEqual(request.workflowRunTimeout, { seconds: 1, nanos: 500_000_000 });
    assert.deepEqual(request.workflowStartDelay, { seconds: 0, nanos: -250_000_000 });
    assert.equal(request.requestEagerExecution, true);
    for (const id of ['"7"', "7", "7.0", "7e0"])
      assert.equal(
        history.HistoryEvent.decode(fromText(history.HistoryEvent.typeName, `{"eventId": ${id}}`)).eventId,
        7,
      );
    const time = fromText(history.HistoryEvent.typeName, '{"eventTime": "2030-01-31T12:00:00.000000001+02:00"}');
    assert.deepEqual(history.HistoryEvent.decode(time).eventTime, { seconds: 1_896_084_000, nanos: 1 });
    for (const text of ['"+/8="', '"-_8"', '"+/8"'])
      assert.deepEqual(
        [
          ...workflowservice.ListNamespacesRequest.decode(
            fromText(workflowservice.ListNamespacesRequest.typeName, `{"nextPageToken": ${text}}`),
          ).nextPageToken,
        ],
        [0xfb, 0xff],
      );
    const options = workflowservice.UpdateWorkflowExecutionOptionsRequest;
    const update = fromText(options.typeName, '{"updateMask": "versioningOverride,workflowId"}');
    assert.deepEqual(options.decode(update).updateMask?.paths, ["versioning_override", "workflow_id"]);
    const metadata = fromText("temporal.api.taskqueue.v1.TaskQueueMetadata", '{"maxTasksPerSecond": 0.5}');
    assert.deepEqual(messageToJson("temporal.api.taskqueue.v1.TaskQueueMetadata", metadata), {
      maxTasksPerSecond: 0.5,
    });
  });

  test("loses no digit of a 64-bit number, on either way", () => {
    for (const id of ["9223372036854775807", "-9223372036854775808", "9007199254740993"]) {
      const bytes = fromText(history.HistoryEvent.typeName, `{"eventId": ${id}}`);
      assert.deepEqual(messageToJson(history.HistoryEvent.typeName, bytes), { eventId: id });
    }
  });

  test("says which field is wrong, and what was expected", () => {
    const table = [
      ["[]", /^an object is expected, not a list$/],
      ['"x"', /^an object is expected, not a string$/],
      ['{"taskQueue": {"nam": "q"}}', /^taskQueue\.nam: .*TaskQueue has no such field$/],
      ['{"__proto__": {}}', /^__proto__: .* has no such field$/],
      ['{"workflowType": {"name": 1}}', /^workflowType\.name: a text is expected, not a number$/],
      ['{"workflowRunTimeout": "1x"}', /^workflowRunTimeout: a duration such as "1\.5s" is expected, not "1x"$/],
      ['{"workflowRunTimeout": {"seconds": 1}}', /^workflowRunTimeout: a duration .* not an object$/],
      ['{"requestEagerExecution": "true"}', /^requestEagerExecution: true or false is expected, not a string$/],
      ['{"workflowIdReusePolicy": "Nope"}', /^workflowIdReusePolicy: "Nope" is none of WORKFLOW_ID_REUSE_POLICY_/],
      ['{"workflowIdReusePolicy": "toString"}', /^workflowIdReusePolicy: "toString" is none of/],
      ['{"workflowId": "a", "workflow_id": "b"}', /^workflow_id: it cannot be set together with workflowId$/],
      ['{"input": "abc"}', /^input: an object is expected, not a string$/],
      [
        '{"retryPolicy": {"maximumAttempts": 1.5}}',
        /^retryPolicy\.maximumAttempts: a whole number is expected, not "1\.5"$/,
      ],
      [
        '{"retryPolicy": {"maximumAttempts": 3000000000}}',
        /maximumAttempts: int32 reaches from -2147483648 to 2147483647$/,
      ],
      ['{"retryPolicy": {"nonRetryableErrorTypes": "X"}}', /nonRetryableErrorTypes: a list is expected, not a string$/],
      ['{"retryPolicy": {"nonRetryableErrorTypes": ["X", 1]}}', /nonRetryableErrorTypes\[1\]: a text is expected/],
      ['{"memo": {"fields": []}}', /^memo\.fields: an object is expected, not a list$/],
      ['{"header": {"fields": {"k": {"metadata": {"encoding": 1}}}}}', undefined], // a payload, whatever it is
    ] as const;
    for (const [text, message] of table) {
      const read = () => fromText(start.typeName, text);
      if (message) assert.throws(read, (error) => error instanceof JsonProblem && message.test(error.message), text);
      else read();
    }
    const nested = `${'{"cause":'.repeat(150)}{}${"}".repeat(150)}`;
    assert.throws(() => fromText("temporal.api.failure.v1.Failure", nested), /messages nest deeper than 100/);
    assert.throws(() => parseJson("[".repeat(4_000_000)), /nested deeper than 500 levels/);
    assert.throws(() => parseJson('{"a": nope}'), /not valid JSON: Unexpected token 'o'/);
  });

  test("takes null as absent", () => {
    assert.deepEqual(fromText(start.typeName, '{"taskQueue": null, "workflowId": null, "input": null}').length, 0);
  });
});

describe("shorthand of payloads", () => {
  const payloads = "temporal.api.common.v1.Payloads";
  const full = (text: string) => messageToJson(payloads, fromText(payloads, text), { shorthand: false });
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test("a JSON value stands for its payload, null for the null payload, a marked object for a message", () => {
    assert.deepEqual(full('[1.5, "a", null, {"_protoMessageType": "a.B", "x": 2}]'), {
      payloads: [
        { metadata: { encoding: base64("json/plain") }, data: base64("1.5") },
        { metadata: { encoding: base64("json/plain") }, data: base64('"a"') },
        { metadata: { encoding: base64("binary/null") } },
        { metadata: { encoding: base64("json/protobuf"), messageType: base64("a.B") }, data: base64('{"x":2}') },
      ],
    });
  });

  test("every payload is read back as it was, in shorthand or in full", () => {
    const metadata = (encoding: string, more: Record<string, string> = {}) =>
      Object.fromEntries(Object.entries({ encoding, ...more }).map(([key, value]) => [key, encode(value)]));
    const table: readonly (readonly [
      payload: { metadata?: Record<string, Uint8Array>; data?: Uint8Array },
      short: boolean,
    ])[] = [
      [{ metadata: metadata("json/plain"), data: encode('{"a":[true,null,"é"]}') }, true],
      [{ metadata: metadata("json/plain"), data: encode("12345678901234567890") }, true],
      [{ metadata: metadata("json/plain"), data: encode("1e400") }, true],
      [{ metadata: metadata("json/plain"), data: encode('{"__proto__":{"x":1}}') }, true],
      [{ metadata: metadata("json/protobuf", { messageType: "a.B" }), data: encode('{"x":1}') }, true],
      [{ metadata: metadata("json/plain", { type: "Keyword" }), data: encode('"x"') }, false],
      [{ metadata: metadata("json/plain"), data: encode("{broken") }, false],
      [{ metadata: metadata("json/plain"), data: Uint8Array.from([34, 0xff, 34]) }, false],
      [{ metadata: metadata("json/plain"), data: encode(`${"[".repeat(2_000)}${"]".repeat(2_000)}`) }, false],
      [{ metadata: metadata("json/plain"), data: encode('{"metadata":{"encoding":"eA=="},"data":"eA=="}') }, false],
      [{ metadata: metadata("json/plain"), data: encode('{"_protoMessageType":"a.B"}') }, false],
      [{ metadata: metadata("binary/null") }, false],
      [{ metadata: metadata("binary/plain"), data: Uint8Array.from([0, 255]) }, false],
      [{ metadata: metadata("json/protobuf"), data: encode("{}") }, false],
    ];
    for (const [payload, isShort] of table) {
      const bytes = common.Payloads.encode({ payloads: [payload] });
      const { text, again } = roundTrip(payloads, bytes);
      assert.deepEqual(again, messageToJson(payloads, bytes, { shorthand: false }), text);
      assert.equal(!/^(\[|\{"payloads":\[)\{"metadata"/.test(text), isShort, text);
    }
  });

  test("a list with a payload that needs its full form says that it is a list of payloads", () => {
    const binary = { metadata: { encoding: encode("binary/plain") }, data: Uint8Array.from([1]) };
    const nothing = { metadata: { encoding: encode("binary/null") } };
    const shown = (...given: object[]) => messageToJson(payloads, common.Payloads.encode({ payloads: given }));
    const full = { metadata: { encoding: base64("binary/null") } };
    assert.deepEqual(shown(jsonPlain("1"), nothing), [1, full]);
    assert.deepEqual(shown(jsonPlain("1"), binary), {
      payloads: [1, { metadata: { encoding: base64("binary/plain") }, data: "AQ==" }],
    });
  });

  test("without it, payloads have their full form only", () => {
    assert.throws(() => fromText(payloads, "[1]", false), /an object is expected, not a list/);
    assert.throws(
      () => fromText("temporal.api.common.v1.Memo", '{"fields": {"a": 1}}', false),
      /fields\["a"\]: an object/,
    );
  });
});

describe("descriptors", () => {
  test("every message of the method table is described, down to its last field", () => {
    const seen = new Set<string>();
    const visit = (name: string) => {
      if (seen.has(name)) return;
      seen.add(name);
      const schema = messageSchema(name);
      assert.ok(schema, name);
      for (const field of schema.fields) {
        const parts = field.map ? [field.map.value] : [field];
        for (const part of parts) {
          if (part.kind === "enum") assert.ok(enumOf(part).byNumber.size > 0);
          if (part.kind === "message") visit(part.typeName);
        }
      }
    };
    for (const { request, response } of Object.values(methods)) {
      visit(request.typeName);
      visit(response.typeName);
    }
    assert.ok(seen.size > 400);
  });
});

test("google.protobuf's own messages are written as plain JSON", () => {
  const struct = { a: [1, "x", null, true, {}], b: { c: 0.5 } };
  const bytes = fromText("google.protobuf.Struct", JSON.stringify(struct));
  assert.deepEqual(messageToJson("google.protobuf.Struct", bytes), struct);
  for (const [name, value] of [
    ["BoolValue", false],
    ["DoubleValue", "NaN"],
    ["Int64Value", "5"],
    ["StringValue", ""],
    ["BytesValue", "AQ=="],
  ] as const)
    assert.deepEqual(
      messageToJson(`google.protobuf.${name}`, fromText(`google.protobuf.${name}`, JSON.stringify(value))),
      value,
    );
});
