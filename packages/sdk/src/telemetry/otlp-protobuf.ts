/** Metrics of OTLP as protobuf. What is encoded is the object that is sent as JSON: names as there, 64-bit numbers as decimal text. */

/** Fields by their names in JSON. A list of messages, or of what is `packed`, is an array. */
interface Message {
  readonly [field: string]: readonly [number: number, kind: Kind];
}
type Kind = "text" | "bool" | "enum" | "fixed64" | "double" | "packed fixed64" | "packed double" | Message;

const anyValue: Message = { stringValue: [1, "text"], boolValue: [2, "bool"], doubleValue: [4, "double"] };
const keyValue: Message = { key: [1, "text"], value: [2, anyValue] };
const numberPoint: Message = {
  attributes: [7, keyValue],
  startTimeUnixNano: [2, "fixed64"],
  timeUnixNano: [3, "fixed64"],
  asDouble: [4, "double"],
};
const histogramPoint: Message = {
  attributes: [9, keyValue],
  startTimeUnixNano: [2, "fixed64"],
  timeUnixNano: [3, "fixed64"],
  count: [4, "fixed64"],
  sum: [5, "double"],
  bucketCounts: [6, "packed fixed64"],
  explicitBounds: [7, "packed double"],
};
const metric: Message = {
  name: [1, "text"],
  description: [2, "text"],
  unit: [3, "text"],
  gauge: [5, { dataPoints: [1, numberPoint] }],
  sum: [7, { dataPoints: [1, numberPoint], aggregationTemporality: [2, "enum"], isMonotonic: [3, "bool"] }],
  histogram: [9, { dataPoints: [1, histogramPoint], aggregationTemporality: [2, "enum"] }],
};
const scopeMetrics: Message = {
  scope: [1, { name: [1, "text"], version: [2, "text"] }],
  metrics: [2, metric],
};
const resourceMetrics: Message = {
  resource: [1, { attributes: [1, keyValue] }],
  scopeMetrics: [2, scopeMetrics],
};
const exportMetricsServiceRequest: Message = { resourceMetrics: [1, resourceMetrics] };

/** `ExportMetricsServiceRequest`. */
export function encodeMetrics(request: object): Uint8Array {
  return encode(exportMetricsServiceRequest, request);
}

const wire = { varint: 0, fixed64: 1, bytes: 2 } as const;

function encode(message: Message, given: object): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(given)) {
    const field = message[name];
    if (!field) throw new TypeError(`OTLP has no field ${name} here`);
    const [number, kind] = field;
    const isRepeated = typeof kind === "object" && Array.isArray(value);
    for (const each of isRepeated ? value : [value]) parts.push(...encodedField(number, kind, each));
  }
  return Buffer.concat(parts);
}

function encodedField(number: number, kind: Kind, value: unknown): Uint8Array[] {
  const tag = (type: number) => varint(number * 8 + type);
  const sized = (bytes: Uint8Array) => [tag(wire.bytes), varint(bytes.length), bytes];
  if (typeof kind === "object") return sized(encode(kind, value as object));
  switch (kind) {
    case "text":
      return sized(Buffer.from(value as string));
    case "bool":
    case "enum":
      return [tag(wire.varint), varint(Number(value))];
    case "fixed64":
      return [tag(wire.fixed64), fixed64(value as string)];
    case "double":
      return [tag(wire.fixed64), double(value as number)];
    case "packed fixed64":
      return sized(Buffer.concat((value as string[]).map(fixed64)));
    case "packed double":
      return sized(Buffer.concat((value as number[]).map(double)));
    default:
      return kind satisfies never;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function fixed64(decimal: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(decimal));
  return bytes;
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
