/** Values from a path or a query string, put into the JSON of a request at the field that a name leads to. */
import { type FieldSchema, isObject, JsonProblem, type MessageSchema, messageOf } from "@pawl/protocol/json";
import type { Json } from "./method-call.ts";

/** `name` is a path of field names in either spelling, such as `execution.runId`. False when there is no such field. */
export function setParameter(json: Json, schema: MessageSchema, name: string, values: readonly string[]): boolean {
  const names = name.split(".");
  let at = json;
  let of = schema;
  for (const [index, each] of names.entries()) {
    const field = of.byName.get(each);
    if (!field) return false;
    if (index === names.length - 1) {
      forgetOther(at, field);
      at[field.name] = parameterValue(field, name, values);
      return true;
    }
    if (field.kind !== "message" || field.repeated) return false;
    at = enter(at, field, name);
    of = messageOf(field);
  }
  return false;
}

/** The object of a field, made if it is not there, under the one spelling. */
function enter(json: Json, field: FieldSchema, name: string): Json {
  const found = json[field.name] ?? json[field.protoName] ?? {};
  if (!isObject(found)) throw new JsonProblem(field.name, `an object is expected, because ${name} is set in it`);
  const own = { ...found };
  forgetOther(json, field);
  json[field.name] = own;
  return own;
}

function forgetOther(json: Json, field: FieldSchema): void {
  if (field.protoName !== field.name) delete json[field.protoName];
}

function parameterValue(field: FieldSchema, name: string, values: readonly string[]): unknown {
  if (field.map) throw new JsonProblem(name, "a map cannot be given as a parameter");
  if (field.repeated) return values.map((value) => oneOf(field, name, value));
  if (values.length > 1) throw new JsonProblem(name, `one value is expected, not ${values.length}`);
  return oneOf(field, name, values[0]!);
}

const booleans: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

/** Messages of which JSON has a text. */
const textual = new Set(["Timestamp", "Duration", "FieldMask", "StringValue", "BytesValue", "DoubleValue"]);
const textualOthers = new Set(["Int64Value", "Int32Value", "FloatValue", "UInt64Value", "UInt32Value"]);

function oneOf(field: FieldSchema, name: string, value: string): unknown {
  const { kind, typeName } = field;
  if (kind === "bool" || typeName === "google.protobuf.BoolValue") {
    const read = Object.hasOwn(booleans, value) ? booleans[value] : undefined;
    if (read === undefined)
      throw new JsonProblem(name, `true or false is expected, not ${JSON.stringify(value.slice(0, 100))}`);
    return read;
  }
  if (kind === "enum") return /^-?\d{1,9}$/.test(value) ? Number(value) : value;
  if (kind !== "message") return value;
  const [, wellKnown = ""] = /^google\.protobuf\.(\w+)$/.exec(typeName) ?? [];
  if (!textual.has(wellKnown) && !textualOthers.has(wellKnown))
    throw new JsonProblem(name, "a message cannot be given as a parameter; name a field of it");
  return value;
}
