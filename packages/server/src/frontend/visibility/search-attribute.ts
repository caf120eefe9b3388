/**
 * Search attributes: which there are, of which type, and which of them a caller may set. Custom ones come from a registry
 * of each namespace.
 */
import { payloadMapBytes, Rejection } from "@pawl/engine";
import { type common, enums } from "@pawl/protocol";
import { limits } from "../../limits.ts";
import { invalid } from "../field-rules.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import { parseTime } from "./time-text.ts";
import type { Literal } from "./visibility-query.ts";

const { TEXT, KEYWORD, INT, DOUBLE, BOOL, DATETIME, KEYWORD_LIST } = enums.IndexedValueType;

export type AttributeType = enums.IndexedValueType;

export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  /** Under which name the store keeps it, when that is another. */
  readonly column?: string;
  /** The stored value of a literal, where that is another; undefined when the literal is of the wrong type. */
  readonly read?: (literal: Literal) => string | number | undefined;
}

/** The attributes that a namespace has registered. */
export interface CustomAttributes {
  typeOf(namespace: Namespace, name: string): AttributeType | undefined;
}

export const noCustomAttributes: CustomAttributes = { typeOf: () => undefined };

/** Facts that the server knows of every workflow. */
const system: Readonly<Record<string, AttributeType>> = {
  WorkflowId: KEYWORD,
  RunId: KEYWORD,
  WorkflowType: KEYWORD,
  TaskQueue: KEYWORD,
  ExecutionStatus: KEYWORD,
  ParentWorkflowId: KEYWORD,
  ParentRunId: KEYWORD,
  RootWorkflowId: KEYWORD,
  RootRunId: KEYWORD,
  StartTime: DATETIME,
  ExecutionTime: DATETIME,
  CloseTime: DATETIME,
  HistoryLength: INT,
  HistorySizeBytes: INT,
  ExecutionDuration: INT,
  StateTransitionCount: INT,
};

/** In every namespace, and set by callers: SDKs and tools of the server. */
const predefined: Readonly<Record<string, AttributeType>> = {
  TemporalChangeVersion: KEYWORD_LIST,
  BinaryChecksums: KEYWORD_LIST,
  BuildIds: KEYWORD_LIST,
  TemporalPauseInfo: KEYWORD_LIST,
  TemporalReportedProblems: KEYWORD_LIST,
  BatcherNamespace: KEYWORD,
  BatcherUser: KEYWORD,
  TemporalScheduledById: KEYWORD,
  TemporalNamespaceDivision: KEYWORD,
  TemporalScheduledStartTime: DATETIME,
  TemporalSchedulePaused: BOOL,
};

/** In every namespace, and set by the server alone. */
const serverOnly: Readonly<Record<string, AttributeType>> = {
  TemporalWorkerDeployment: KEYWORD,
  TemporalWorkerDeploymentVersion: KEYWORD,
  TemporalWorkflowVersioningBehavior: KEYWORD,
  TemporalUsedWorkerDeploymentVersions: KEYWORD_LIST,
  TemporalExternalPayloadCount: INT,
  TemporalExternalPayloadSizeBytes: INT,
};

/** Ours: lists can be filtered by them, and no answer shows them, because clients of the API do not expect any. */
const unshown: Readonly<Record<string, AttributeType>> = {
  PawlRetryingActivities: KEYWORD_LIST,
  PawlStuckReasons: KEYWORD_LIST,
};

const reservedPrefix = "Temporal";

/** Every attribute that is in all namespaces, with its type. */
export const builtInAttributes: Readonly<Record<string, AttributeType>> = { ...system, ...predefined, ...serverOnly };

/** Names that nobody may register: those in use, and those kept for later. */
export function isBuiltIn(name: string): boolean {
  return (
    Object.hasOwn(builtInAttributes, name) ||
    Object.hasOwn(unshown, name) ||
    name.startsWith(reservedPrefix) ||
    ["NamespaceId", "Memo", "MemoEncoding"].includes(name)
  );
}

const typeNames: Readonly<Record<number, string>> = {
  [TEXT]: "Text",
  [KEYWORD]: "Keyword",
  [INT]: "Int",
  [DOUBLE]: "Double",
  [BOOL]: "Bool",
  [DATETIME]: "Datetime",
  [KEYWORD_LIST]: "KeywordList",
};

/** As in the `type` metadata of a payload, and in messages. */
export function typeName(type: AttributeType): string {
  return typeNames[type] ?? "Unspecified";
}

/** The type of that name, whatever its letters' case. */
export function typeOfName(name: string): AttributeType | undefined {
  const found = Object.entries(typeNames).find(([, known]) => known.toLowerCase() === name.toLowerCase());
  return found && (Number(found[0]) as AttributeType);
}

function typeIn(table: Readonly<Record<string, AttributeType>>, name: string): AttributeType | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The attribute that a filter names; `Temporal` before a name may be left out or added. */
export function findAttribute(name: string, namespace: Namespace, custom: CustomAttributes): Attribute | undefined {
  const stripped = name.startsWith(reservedPrefix) ? name.slice(reservedPrefix.length) : name;
  for (const candidate of [name, reservedPrefix + name, stripped]) {
    const type =
      custom.typeOf(namespace, candidate) ??
      typeIn(system, candidate) ??
      typeIn(predefined, candidate) ??
      typeIn(serverOnly, candidate) ??
      typeIn(unshown, candidate);
    if (type !== undefined) return { name: candidate, type };
  }
  return undefined;
}

/**
 * What is kept of the attributes that a caller sets at a start: each marked with its type, as every reader of a history or a list expects,
 * without those whose value is null.
 */
export function attributesToSet(
  attributes: common.SearchAttributes | undefined,
  namespace: Namespace,
  custom: CustomAttributes,
): common.SearchAttributes | undefined | Rejection {
  const upserted = attributesToUpsert(attributes, namespace, custom);
  if (!upserted || upserted instanceof Rejection) return upserted;
  const isSet = ([, payload]: [string, common.Payload]) => payload.metadata["type"] !== undefined;
  return { indexedFields: Object.fromEntries(Object.entries(upserted.indexedFields).filter(isSet)) };
}

/** Like `attributesToSet`, but what is null stays, without a type: it takes the attribute away. */
export function attributesToUpsert(
  attributes: common.SearchAttributes | undefined,
  namespace: Namespace,
  custom: CustomAttributes,
): common.SearchAttributes | undefined | Rejection {
  if (!attributes) return undefined;
  const given = Object.entries(attributes.indexedFields);
  const { searchAttributesMax, searchAttributeBytesMax, searchAttributesBytesMax } = limits;
  if (given.length > searchAttributesMax)
    return invalid(`number of search attributes ${given.length} exceeds limit ${searchAttributesMax}`);
  const indexedFields: Record<string, common.Payload> = {};
  for (const [name, payload] of given) {
    const type = settableType(name, namespace, custom);
    if (type instanceof Rejection) return type;
    const { length } = payload.data;
    if (length > searchAttributeBytesMax)
      return invalid(`search attribute ${name} value size ${length} exceeds size limit ${searchAttributeBytesMax}`);
    const typed = typedPayload({ name, type }, payload);
    if (typed instanceof Rejection) return typed;
    indexedFields[name] = typed;
  }
  const bytes = payloadMapBytes(indexedFields);
  if (bytes > searchAttributesBytesMax)
    return invalid(`total size of search attributes ${bytes} exceeds size limit ${searchAttributesBytesMax}`);
  return { indexedFields };
}

function settableType(name: string, namespace: Namespace, custom: CustomAttributes): AttributeType | Rejection {
  const type = custom.typeOf(namespace, name) ?? typeIn(predefined, name);
  if (type !== undefined) return type;
  if ([system, serverOnly, unshown].some((table) => typeIn(table, name) !== undefined))
    return invalid(`${name} attribute can't be set in SearchAttributes`);
  return name.startsWith(reservedPrefix)
    ? invalid(`search attribute ${name} is not defined`)
    : invalid(`Namespace ${namespace.name} has no mapping defined for search attribute ${name}`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();
const jsonEncoding = "json/plain";
const nullEncoding = "binary/null";

/** The payload with its type; without one when its value is null, which means "not set". */
function typedPayload({ name, type }: Attribute, payload: common.Payload): common.Payload | Rejection {
  const { type: _given, ...untyped } = payload.metadata;
  const wrong = (shown: string) =>
    invalid(`${shown} is not a valid value for search attribute ${name} of type ${typeName(type)}`);
  const encoding = textOf(payload.metadata["encoding"]);
  if (encoding === nullEncoding) return { ...payload, metadata: untyped };
  const text = textOf(payload.data);
  if (encoding !== jsonEncoding || text === undefined) return wrong(`value from <encoding ${encoding ?? "unset"}>`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong(text.slice(0, shownCharsMax));
  }
  if (value === null || (Array.isArray(value) && value.length === 0)) return { ...payload, metadata: untyped };
  // Older clients send a single value as a list of one.
  const single = type !== KEYWORD_LIST && Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
  if (!isOfType(single, type)) return wrong(text.slice(0, shownCharsMax));
  const metadata = { ...payload.metadata, type: encoder.encode(typeName(type)) };
  return { ...payload, metadata, ...(single !== value && { data: encoder.encode(JSON.stringify(single)) }) };
}

const shownCharsMax = 100;

function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function isOfType(value: unknown, type: AttributeType): boolean {
  switch (type) {
    case TEXT:
    case KEYWORD:
      return typeof value === "string";
    case INT:
      return typeof value === "number" && Number.isInteger(value);
    case DOUBLE:
      return typeof value === "number";
    case BOOL:
      return typeof value === "boolean";
    case DATETIME:
      return typeof value === "string" && parseTime(value) !== undefined;
    case KEYWORD_LIST:
      return typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string"));
    default:
      return false;
  }
}
