/**
 * Arbitrary request messages, from the API's descriptors, as bytes. A message is plausible (names that exist, tokens that the server gave out, known
 * enum members), spiced (here and there a value at or beyond the edge of its type) or broken (bytes that are no message).
 */
import * as fc from "fast-check";
import { type Field, type Message, root } from "./descriptor.ts";
import type { Known, LearnedBytes, LearnedText, NameKind } from "./known.ts";
import { delimited, double, field, float, scalarWire, varint, type WireType, whole, wireTypes } from "./wire-bytes.ts";

type Bytes = fc.Arbitrary<Buffer>;
const nothing = Buffer.alloc(0);
const absent: Bytes = fc.constant(nothing);
const depthMax = 6;

/** How often a value is hostile, in percent. */
const spices = [0, 2, 20] as const;
export type Spice = (typeof spices)[number];

/** Names by the field that holds them; `Type.field` before `field`. */
const namesOf: Readonly<Record<string, NameKind | LearnedText>> = {
  ...{ namespace: "namespace", workflowNamespace: "namespace", workflowId: "workflowId", runId: "runId" },
  ...{ firstExecutionRunId: "runId", parentRunId: "runId", activityId: "activityId", id: "activityId" },
  ...{ "RegisterNamespaceRequest.namespace": "newNamespace", "DeleteNamespaceRequest.namespace": "newNamespace" },
  ...{ "UpdateTaskQueueConfigRequest.taskQueue": "limitedQueue" },
  ...{ timerId: "timerId", updateId: "updateId", "Meta.updateId": "updateId", signalName: "signalName" },
  ...{ "TaskQueue.name": "taskQueue", normalName: "taskQueue", "WorkflowQuery.queryType": "typeName" },
  ...{ taskQueue: "taskQueue", stickyTaskQueue: "stickyQueue", identity: "identity", requestId: "requestId" },
  ...{ "WorkflowType.name": "typeName", "ActivityType.name": "typeName", "Input.name": "typeName" },
  ...{ queryType: "typeName", type: "typeName", reason: "reason", cronSchedule: "cron", query: "query" },
  ...{ protocolInstanceId: "protocolInstanceId", "Message.id": "messageId", acceptedRequestMessageId: "messageId" },
  ...{ rejectedRequestMessageId: "messageId", indexedFields: "attribute", searchAttributes: "attribute" },
  ...{
    scheduleId: "scheduleId",
    cronString: "cron",
    timezoneName: "zone",
    jobId: "jobId",
    visibilityQuery: "liveQuery",
  },
  ...{ second: "calendarField", minute: "calendarField", hour: "calendarField", dayOfMonth: "calendarField" },
  ...{ month: "calendarField", year: "calendarField", dayOfWeek: "calendarField", buildId: "buildId" },
  ...{ deploymentName: "deploymentName", "EndpointSpec.name": "endpointName", endpoint: "endpointName" },
  ...{ "GetNexusEndpointRequest.id": "endpointId", "UpdateNexusEndpointRequest.id": "endpointId" },
  ...{ "DeleteNexusEndpointRequest.id": "endpointId" },
  ...{ paths: "mask", workerInstanceKey: "workerInstanceKey", "TaskQueuePartition.name": "taskQueue" },
};

/** Calls that change a namespace get this one: the live traffic must not lose its own. */
export const spareNamespace = "fuzz-spare";
const changesNamespace = /^(Update|Deprecate)Namespace/;

export class Messages {
  readonly #known: Known;
  readonly #made = new Map<string, Bytes>();
  readonly #any: Bytes;

  constructor(known: Known) {
    this.#known = known;
    const protocolBodies = ["Acceptance", "Rejection", "Response", "Request"];
    this.#any = fc.oneof(
      ...protocolBodies.map((name) => {
        const type = `temporal.api.update.v1.${name}`;
        const url = delimited(1, Buffer.from(`type.googleapis.com/${type}`));
        return fc
          .constant(null)
          .chain(() => this.message(root.lookupType(type), 0, 3))
          .map((value) => Buffer.concat([url, delimited(2, value)]));
      }),
    );
  }

  /** Requests of the type with this full name. */
  of(typeName: string): Bytes {
    const type = root.lookupType(typeName);
    const [unpaired, mild, hot] = spices.map((spice) => this.message(type, spice, 0)) as [Bytes, Bytes, Bytes];
    const plain = this.#withLiveActivity(type, unpaired);
    return fc.oneof(
      { weight: 8, arbitrary: plain },
      { weight: 6, arbitrary: mild },
      { weight: 2, arbitrary: hot },
      { weight: 2, arbitrary: broken(mild) },
      { weight: 1, arbitrary: nested(type) },
    );
  }

  /** Half of the requests that name a workflow and an activity name an activity of that workflow. A field that comes again replaces the first. */
  #withLiveActivity(type: Message, message: Bytes): Bytes {
    const [workflowId, activityId, runId] = ["workflowId", "activityId", "runId"].map((name) =>
      type.fieldsArray.find((each) => each.name === name),
    );
    if (!workflowId || !activityId) return message;
    return fc.tuple(message, fc.nat({ max: 2 ** 20 })).map(([bytes, choice]) => {
      const live = choice % 2 === 0 ? this.#known.activity(choice >> 1) : undefined;
      if (!live) return bytes;
      const ids = [
        delimited(workflowId.id, Buffer.from(live.workflowId)),
        delimited(activityId.id, Buffer.from(live.activityId)),
      ];
      return Buffer.concat([bytes, ...ids, ...(runId ? [delimited(runId.id, nothing)] : [])]);
    });
  }

  message(type: Message, spice: Spice, depth: number): Bytes {
    const key = `${type.fullName} ${spice} ${depth}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = this.#special(type, spice, depth) ?? this.#general(type, spice, depth);
    this.#made.set(key, made);
    return made;
  }

  /** Two of three with little more than what the call needs: each further field is a reason to be refused before any state is met. */
  #general(type: Message, spice: Spice, depth: number): Bytes {
    const [sparse, dense] = ([4, 35] as const).map((percent) => this.#fields(type, spice, depth, percent)) as [
      Bytes,
      Bytes,
    ];
    return fc.oneof({ weight: 2, arbitrary: sparse }, { weight: 1, arbitrary: dense });
  }

  #fields(type: Message, spice: Spice, depth: number, percent: number): Bytes {
    const alone = type.fieldsArray.filter((each) => !isMember(each));
    const parts = alone.map((each) => this.#optional(each, spice, depth, percent));
    for (const { fieldsArray } of type.oneofsArray.filter((oneof) => oneof.fieldsArray.some(isMember))) {
      const members = fieldsArray.map((each) => this.#present(each, spice, depth)).filter((each) => each !== absent);
      if (members.length === 0) continue;
      const one = fc.oneof({ weight: 1, arbitrary: absent }, { weight: 8, arbitrary: fc.oneof(...members) });
      parts.push(spiced(spice, one, fc.tuple(fc.oneof(...members), fc.oneof(...members)).map(joined)));
    }
    return parts.length === 0 ? absent : fc.tuple(...parts).map(joined);
  }

  /** Types whose parts must fit each other to get anywhere. */
  #special(type: Message, spice: Spice, depth: number): Bytes | undefined {
    if (type.fullName === ".google.protobuf.Duration")
      return spiced(spice, seconds([0, 1, 1, 2, 10, 60, 3600, 86_400]), hostileTime);
    if (type.fullName === ".google.protobuf.Timestamp")
      return spiced(spice, seconds([0, 1_700_000_000, 1_790_000_000, 1_900_000_000]), hostileTime);
    if (type.fullName === ".google.protobuf.Any") return spice === 0 ? this.#any : undefined;
    if (type.fullName === ".temporal.api.common.v1.Payload")
      return spiced(spice, payload, this.#general(type, spice, depth));
    if (type.fullName === ".temporal.api.command.v1.Command") return this.#command(type, spice, depth);
    if (type.fullName === ".temporal.api.workflowservice.v1.ExecuteMultiOperationRequest")
      return spiced(spice, this.#startAndUpdate(spice, depth), this.#general(type, spice, depth));
    return undefined;
  }

  /** The one list of operations that is served: a start and an update of the same workflow. */
  #startAndUpdate(spice: Spice, depth: number): Bytes {
    const request = (name: string) =>
      this.message(root.lookupType(`temporal.api.workflowservice.v1.${name}Request`), spice, depth + 1);
    const both = fc.tuple(
      request("StartWorkflowExecution"),
      request("UpdateWorkflowExecution"),
      fc.nat({ max: 2 ** 20 }),
    );
    return both.map(([start, update, choice]) => {
      // A field that comes again replaces the first, or is merged into it.
      const id = Buffer.from(this.#known.name("workflowId", choice));
      const starting = delimited(1, Buffer.concat([start, delimited(2, id)]));
      const updating = delimited(2, Buffer.concat([update, delimited(2, delimited(1, id))]));
      return Buffer.concat([delimited(1, Buffer.from("default")), delimited(2, starting), delimited(2, updating)]);
    });
  }

  /** A command whose type is that of its attributes. */
  #command(type: Message, spice: Spice, depth: number): Bytes {
    const numbers = root.lookupEnum("temporal.api.enums.v1.CommandType").values;
    const fitting = type.fieldsArray.flatMap((each) => {
      const words = /^(.+)CommandAttributes$/.exec(each.name)?.[1];
      if (words === undefined) return [];
      const number = numbers[`COMMAND_TYPE_${words.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`];
      if (number === undefined) throw new Error(`no command type for ${each.name}`);
      const head = field(1, wireTypes.varint, varint(BigInt(number)));
      return [this.#present(each, spice, depth).map((attributes) => Buffer.concat([head, attributes]))];
    });
    return spiced(spice, fc.oneof(...fitting), this.#general(type, spice, depth));
  }

  #optional(each: Field, spice: Spice, depth: number, percent: number): Bytes {
    const present = this.#present(each, spice, depth);
    if (present === absent) return absent;
    const weight = needed.test(each.name) ? 97 : refused.test(each.name) ? 1 : percent;
    return fc.oneof({ weight: 100 - weight, arbitrary: absent }, { weight, arbitrary: present });
  }

  #present(given: Field, spice: Spice, depth: number): Bytes {
    const each = given.resolve();
    const { id, resolvedType } = each;
    if (resolvedType && "fieldsArray" in resolvedType && depth >= depthMax) return absent;
    const wire: WireType = resolvedType && "fieldsArray" in resolvedType ? 2 : (scalarWire[each.type] ?? 0);
    const value = this.#value(each, spice, depth).map((bytes) => field(id, wire, bytes));
    const wrong = fc
      .tuple(fc.constantFrom(...Object.values(wireTypes)), fc.uint8Array({ minLength: 8, maxLength: 8 }))
      .map(([type, bytes]) => field(id, type, bytes));
    if (each.map) return this.#entries(each, spice, depth);
    if (!each.repeated) return spiced(spice, value, fc.oneof(wrong, fc.tuple(value, value).map(joined)));
    const many = fc.array(value, { minLength: 40, maxLength: 120 }).map(joined);
    const few = fc.array(value, { minLength: 1, maxLength: 3 }).map(joined);
    return spiced(spice, few, depth > 1 ? wrong : fc.oneof(wrong, many));
  }

  #entries(each: Field, spice: Spice, depth: number): Bytes {
    const valueWire: WireType =
      each.resolvedType && "fieldsArray" in each.resolvedType ? 2 : (scalarWire[each.type] ?? 0);
    const key = each.keyType === "string" ? this.#text(each, spice) : number(each, spice);
    const entry = fc
      .tuple(key, this.#value(each, spice, depth))
      .map(([name, value]) =>
        delimited(each.id, Buffer.concat([field(1, scalarWire[each.keyType!]!, name), field(2, valueWire, value)])),
      );
    return fc.array(entry, { minLength: 1, maxLength: 2 }).map(joined);
  }

  #value(each: Field, spice: Spice, depth: number): Bytes {
    const { resolvedType, type } = each;
    if (resolvedType && "fieldsArray" in resolvedType) return this.message(resolvedType, spice, depth + 1);
    if (resolvedType) {
      const members = Object.values(resolvedType.values).map((value) => varint(BigInt(value)));
      return spiced(spice, fc.constantFrom(...members), hostileEnum);
    }
    if (type === "string") return this.#text(each, spice);
    if (type === "bytes") return spiced(spice, this.#plausibleBytes(each), hostileBytes);
    return number(each, spice);
  }

  #text(each: Field, spice: Spice): Bytes {
    const kind = namesOf[`${each.parent?.name}.${each.name}`] ?? namesOf[each.name] ?? "plain";
    const known = this.#known;
    const request = each.parent?.name ?? "";
    if (each.name === "namespace" && changesNamespace.test(request))
      return spiced(spice, fc.constant(Buffer.from(spareNamespace)), hostileText);
    const plausible = fc.nat({ max: 2 ** 20 }).map((choice) => {
      // Most calls name a workflow without its run; one that asks for a run that has gone gets no further.
      if (kind === "runId" && choice % 3 > 0) return nothing;
      if (
        kind === "runId" ||
        kind === "protocolInstanceId" ||
        kind === "messageId" ||
        kind === "liveActivityId" ||
        kind === "endpointId"
      )
        return Buffer.from(known.text(kind, choice));
      if (kind === "activityId" && choice % 3 > 0) return Buffer.from(known.text("liveActivityId", choice));
      return Buffer.from(known.name(kind, choice));
    });
    return spiced(spice, plausible, hostileText);
  }

  #plausibleBytes(each: Field): Bytes {
    const kind = bytesKind(each);
    if (!kind) return fc.constantFrom(Buffer.from('"text"'), Buffer.from("17"), nothing);
    return fc.nat({ max: 2 ** 20 }).map((choice) => {
      if (kind === "pageToken" && choice % 2 === 0) return nothing;
      return Buffer.from(this.#known.bytes(kind, choice));
    });
  }
}

function bytesKind({ name, parent }: Field): LearnedBytes | undefined {
  if (name === "nextPageToken" || name === "historyPageToken") return "pageToken";
  if (name !== "taskToken") return undefined;
  const request = parent?.name ?? "";
  if (request.includes("Query")) return "queryToken";
  if (request.includes("Nexus")) return "nexusToken";
  return request.includes("WorkflowTask") ? "workflowToken" : "activityToken";
}

const needed =
  /^(namespace|workflowId|execution|workflowExecution|taskQueue|taskToken|workflowType|activityType|activityId|timerId|name|commands|signalName|request|operations|query|queryType|updateRef|meta|updateId|input|startToCloseTimeout|startToFireTimeout|markerName|activity|id|body|identity|protocolInstanceId|requestId|workerInstanceKey|workflowExecutionRetentionPeriod|paths|updateMask|scheduleId|schedule|action|patch|startTime|endTime|jobId|reason|visibilityQuery|deploymentVersion|deploymentName|buildId|spec|target|endpoint|service|operation)$/;

/** Whatever is in them, nearly every request with one of them is refused. */
const refused =
  /^(intermediatePage|pageNumber|completionCallbacks|versioningOverride|versioningBehavior|deploymentOptions|timeSkippingConfig|isGlobalNamespace|promoteNamespace|useWorkflowBuildId|timezoneData|computeConfig)$/;

/** A proto3 `optional` is a oneof of its own in the descriptor, and an ordinary field to us. */
function isMember({ partOf }: Field): boolean {
  return partOf !== null && !partOf.name.startsWith("_");
}

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

function spiced(spice: Spice, plausible: Bytes, hostile: Bytes): Bytes {
  if (spice === 0) return plausible;
  return fc.oneof({ weight: 100 - spice, arbitrary: plausible }, { weight: spice, arbitrary: hostile });
}

function number({ type }: Field, spice: Spice): Bytes {
  if (type === "double" || type === "float") {
    const bytesOf = type === "double" ? double : float;
    return spiced(
      spice,
      fc.constantFrom(0, 0.5, 1, 2, 100).map(bytesOf),
      fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, -1, Number.MAX_VALUE, Number.MIN_VALUE).map(bytesOf),
    );
  }
  if (type === "bool") return fc.boolean().map((value) => varint(value ? 1n : 0n));
  return spiced(
    spice,
    fc.constantFrom(0n, 1n, 1n, 2n, 3n, 5n, 8n, 20n).map((value) => whole(type, value)),
    hostileNumber.map((value) => whole(type, value)),
  );
}

const hostileNumber = fc.constantFrom(
  ...[-1n, 2n ** 31n - 1n, -(2n ** 31n), 2n ** 31n, 2n ** 32n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)],
);

const hostileEnum: Bytes = fc.constantFrom(-1n, 63n, 9_999n, 2n ** 31n - 1n, 2n ** 40n).map(varint);

const hostileTime: Bytes = fc
  .tuple(hostileNumber, fc.constantFrom(0n, -1n, 999_999_999n, 1_000_000_000n, 2n ** 31n - 1n, -(2n ** 31n)))
  .map(([secs, nanos]) => Buffer.concat([field(1, 0, varint(secs)), field(2, 0, varint(nanos))]));

function seconds(choices: readonly number[]): Bytes {
  return fc.constantFrom(...choices).map((secs) => field(1, 0, varint(BigInt(secs))));
}

const longText = "ab".repeat(50_000);
const hostileText: Bytes = fc.oneof(
  fc
    .constantFrom(
      ...[
        "",
        " ",
        "\0",
        "a\0b",
        "\n\r\t",
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
        "..",
        "/",
        "%s%n",
        "' OR 1=1 --",
      ],
      ...[
        "\u202eabc",
        "e\u0301\u0301\u0301",
        "👩‍👩‍👧‍👦",
        "\ufffd",
        "\ufeffx",
        "\u2028",
        "ﷺ",
        "NaN",
        "-1",
        "null",
        "((((((",
        "*/0 * * * *",
        "@every -1s",
      ],
      ...["x".repeat(1_000), "x".repeat(1_001), "ü".repeat(501), longText],
    )
    .map((text) => Buffer.from(text)),
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.constantFrom("c080", "eda080", "ff", "f4908080", "e282", "61fe62").map((hex) => Buffer.from(hex, "hex")),
);

const hostileBytes: Bytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(nothing, Buffer.alloc(70_000, 0xa5)),
);

/** As SDKs write them, now and then with a type for a search attribute. */
const payload: Bytes = fc
  .tuple(
    fc.constantFrom('"a"', "17", "true", "null", "[]", '["a","b"]', "{", '"2024-05-05T05:05:05Z"', ""),
    fc.constantFrom("json/plain", "json/plain", "json/plain", "binary/plain", "binary/null", "odd"),
    fc.constantFrom("", "", "Keyword", "Text", "Int", "Double", "Bool", "Datetime", "KeywordList", "Odd"),
  )
  .map(([data, encoding, type]) => {
    const entry = (key: string, value: string) =>
      delimited(1, Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, Buffer.from(value))]));
    const head = [entry("encoding", encoding), ...(type === "" ? [] : [entry("type", type)])];
    return Buffer.concat([...head, delimited(2, Buffer.from(data))]);
  });

/** Bytes that are no message, or not quite. */
function broken(message: Bytes): Bytes {
  const at = fc.nat({ max: 2 ** 20 });
  return fc.oneof(
    fc.tuple(message, at).map(([bytes, n]) => bytes.subarray(0, n % (bytes.length + 1))),
    fc.tuple(message, at, fc.nat({ max: 255 })).map(([bytes, n, value]) => {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[n % changed.length] = value;
      return changed;
    }),
    fc.tuple(message, message).map(joined),
    fc
      .tuple(message, fc.integer({ min: 300, max: 2 ** 29 - 1 }), fc.uint8Array({ maxLength: 30 }))
      .map(([bytes, id, value]) => Buffer.concat([bytes, delimited(id, value)])),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    // A field number of zero, groups, a length beyond the end, a varint that never ends.
    fc
      .tuple(
        message,
        fc.constantFrom("00", "0b0c", "0b", "0c", "0affffffff0f", "08ffffffffffffffffffffff01", "ff", "fa"),
      )
      .map(([bytes, hex]) => Buffer.concat([bytes, Buffer.from(hex, "hex")])),
  );
}

/** The way from `type` back into itself or as deep as its messages go, walked many times. */
function nested(type: Message): Bytes {
  const path: Field[] = [];
  return fc.tuple(fc.nat({ max: 2 ** 20 }), fc.constantFrom(10, 64, 101, 2_000)).map(([choice, depth]) => {
    path.length = 0;
    let current: Message = type;
    for (let step = 0; step < depth; step++) {
      const inner = current.fieldsArray
        .map((each) => each.resolve())
        .filter(
          (each) =>
            !each.map &&
            each.resolvedType &&
            "fieldsArray" in each.resolvedType &&
            each.resolvedType.fieldsArray.length > 0,
        );
      if (inner.length === 0) break;
      // Of those that lead into themselves the first, or the walk is over soon.
      const next = inner.find((each) => each.resolvedType === current) ?? inner[(choice + step * 7) % inner.length]!;
      path.push(next);
      current = next.resolvedType as Message;
    }
    let bytes: Buffer = nothing;
    for (const each of path.toReversed()) bytes = delimited(each.id, bytes);
    return bytes;
  });
}
