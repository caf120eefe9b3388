/** The API's messages as JSON Schema (2020-12), by their descriptors: how this server writes them, and a little less than what it reads. */
import { enumOf, type FieldSchema, type MessageSchema, messageOf, messageSchema } from "@pawl/protocol/json";

export type JsonSchema = Readonly<Record<string, unknown>>;

const text: JsonSchema = { type: "string" };

const scalars: Readonly<Record<Exclude<FieldSchema["kind"], "message" | "enum">, JsonSchema>> = {
  string: text,
  bytes: { type: "string", contentEncoding: "base64" },
  bool: { type: "boolean" },
  double: { type: "number", format: "double" },
  float: { type: "number", format: "float" },
  ...{ int32: { type: "integer", format: "int32" }, sint32: { type: "integer", format: "int32" } },
  ...{ sfixed32: { type: "integer", format: "int32" }, uint32: { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 } },
  fixed32: { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 },
  ...{
    int64: long("int64"),
    sint64: long("int64"),
    sfixed64: long("int64"),
    uint64: long("uint64"),
    fixed64: long("uint64"),
  },
};

function long(format: string): JsonSchema {
  return { type: "string", format, pattern: format === "int64" ? "^-?\\d+$" : "^\\d+$" };
}

/** Messages that JSON writes in a way of their own. */
const special: Readonly<Record<string, JsonSchema>> = {
  "google.protobuf.Duration": { type: "string", pattern: "^-?\\d+(\\.\\d{1,9})?s$", examples: ["10s"] },
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.FieldMask": { type: "string", description: "Field names in camel case, with commas between them." },
  "google.protobuf.Any": { type: "object", properties: { "@type": text }, additionalProperties: true },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Empty": { type: "object" },
  "temporal.api.common.v1.Payload": {
    description:
      "A value that is JSON, as it is; null for the null payload; an object with `_protoMessageType` for a message; or the payload in full, `metadata` and `data` in base64.",
  },
  "temporal.api.common.v1.Payloads": {
    anyOf: [
      { type: "array", items: ref("temporal.api.common.v1.Payload") },
      { type: "object", properties: { payloads: { type: "array", items: ref("temporal.api.common.v1.Payload") } } },
    ],
  },
};

function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** The schemas that were referred to, and all that they need. */
export class SchemaCollection {
  readonly #schemas = new Map<string, JsonSchema>();

  /** A reference to the message's schema. */
  message(name: string): JsonSchema {
    if (!this.#schemas.has(name)) {
      this.#schemas.set(name, {}); // a message may hold itself
      this.#schemas.set(name, this.#describe(name));
    }
    return ref(name);
  }

  field(field: FieldSchema): JsonSchema {
    if (field.map) return { type: "object", additionalProperties: this.#one(field.map.value) };
    const one = this.#one(field);
    const schema = field.repeated ? { type: "array", items: one } : one;
    return field.deprecated ? { ...schema, deprecated: true } : schema;
  }

  /** By name. */
  get all(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #describe(name: string): JsonSchema {
    const known = special[name];
    if (known) {
      if (name.endsWith(".Payloads")) this.message("temporal.api.common.v1.Payload");
      return known;
    }
    const schema = messageSchema(name);
    if (!schema) throw new Error(`the descriptors have no message ${name}`);
    if (isWrapper(schema)) return this.field(schema.fields[0]!);
    const properties = Object.fromEntries(schema.fields.map((field) => [field.name, this.field(field)]));
    return { type: "object", properties, additionalProperties: false };
  }

  #one(field: FieldSchema): JsonSchema {
    if (field.kind === "message") return this.message(field.typeName);
    return field.kind === "enum" ? this.#enum(field) : scalars[field.kind];
  }

  #enum(field: FieldSchema): JsonSchema {
    this.#schemas.set(field.typeName, { type: "string", enum: [...enumOf(field).byNumber.values()] });
    return ref(field.typeName);
  }
}

function isWrapper({ name }: MessageSchema): boolean {
  return /^google\.protobuf\.\w+Value$/.test(name);
}

/** Whether a message can be written as one text, as parameters are. */
function isTextual({ typeName }: FieldSchema): boolean {
  return /^google\.protobuf\.(Duration|Timestamp|FieldMask|\w+Value)$/.test(typeName);
}

/** The fields of a request that can be given in a query: also those of the messages in it, by a path of names, three deep. */
export function queryFields(
  schema: MessageSchema,
  prefix = "",
  depth = 1,
): (readonly [name: string, field: FieldSchema])[] {
  return schema.fields.flatMap((field) => {
    const name = `${prefix}${field.name}`;
    if (field.map) return [];
    if (field.kind !== "message" || isTextual(field)) return [[name, field] as const];
    return field.repeated || depth === 3 || isPayload(field)
      ? []
      : queryFields(messageOf(field), `${name}.`, depth + 1);
  });
}

function isPayload({ typeName }: FieldSchema): boolean {
  return /\.Payloads?$/.test(typeName);
}

/** The field that a path of names in either spelling leads to. */
export function fieldAt(schema: MessageSchema, path: string): FieldSchema | undefined {
  const [name = "", ...rest] = path.split(".");
  const field = schema.byName.get(name);
  return field && rest.length > 0 ? fieldAt(messageOf(field), rest.join(".")) : field;
}
