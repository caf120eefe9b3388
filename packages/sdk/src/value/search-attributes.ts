/**
 * Search attributes: what lists of workflows can be filtered by. Typed ones say of which type they are, as the namespace has registered them;
 * untyped ones are lists of values.
 */
import { ValueError } from "./errors.ts";
import type { Payload } from "./payload.ts";
import { defaultPayloadConverter } from "./payload-converter.ts";

/** The values of one untyped attribute; those of the types Text, Keyword, Int, Double, Bool and Datetime are lists of one. */
export type SearchAttributeValue = string[] | number[] | boolean[] | Date[];
export type SearchAttributeValueOrReadonly = SearchAttributeValue | Readonly<SearchAttributeValue> | undefined;
/** Untyped search attributes by name. An empty list removes the attribute. */
export type SearchAttributes = Record<string, SearchAttributeValueOrReadonly>;

/** As an operator registered the attribute with the namespace. The server refuses a value of another type. */
export const SearchAttributeType = {
  TEXT: "TEXT",
  KEYWORD: "KEYWORD",
  INT: "INT",
  DOUBLE: "DOUBLE",
  BOOL: "BOOL",
  DATETIME: "DATETIME",
  KEYWORD_LIST: "KEYWORD_LIST",
} as const;
export type SearchAttributeType = (typeof SearchAttributeType)[keyof typeof SearchAttributeType];

interface ValueOfType {
  TEXT: string;
  KEYWORD: string;
  INT: number;
  DOUBLE: number;
  BOOL: boolean;
  DATETIME: Date;
  KEYWORD_LIST: string[];
}

/** The type's name in a payload's metadata. */
const metadataNames = {
  TEXT: "Text",
  KEYWORD: "Keyword",
  INT: "Int",
  DOUBLE: "Double",
  BOOL: "Bool",
  DATETIME: "Datetime",
  KEYWORD_LIST: "KeywordList",
} as const satisfies Record<SearchAttributeType, string>;

/** Names an attribute and its type. See {@link defineSearchAttributeKey}. */
export interface SearchAttributeKey<T extends SearchAttributeType> {
  name: string;
  type: T;
}

/** A typed attribute and its value. */
export type SearchAttributePair = {
  [T in SearchAttributeType]: { key: SearchAttributeKey<T>; value: ValueOfType[T] };
}[SearchAttributeType];

/** `null` removes the attribute. */
export type SearchAttributeUpdatePair = {
  [T in SearchAttributeType]: { key: SearchAttributeKey<T>; value: ValueOfType[T] | null };
}[SearchAttributeType];

/** A key for {@link TypedSearchAttributes}. It registers nothing. */
export function defineSearchAttributeKey<T extends SearchAttributeType>(name: string, type: T): SearchAttributeKey<T> {
  return { name, type };
}

/** Typed search attributes, at most one value for each name. Immutable: an update gives a copy. */
export class TypedSearchAttributes {
  readonly #pairs = new Map<string, SearchAttributePair>();

  /** Throws `ValueError` for a name that comes twice or a value that is not of its key's type. */
  constructor(initialAttributes: readonly SearchAttributePair[] = []) {
    for (const pair of initialAttributes) {
      if (this.#pairs.has(pair.key.name)) {
        throw new ValueError(`search attribute ${JSON.stringify(pair.key.name)} is given twice`);
      }
      requireType(pair);
      this.#pairs.set(pair.key.name, pair);
    }
  }

  /** `undefined` when there is none of this name and type. */
  get<T extends SearchAttributeType>(key: SearchAttributeKey<T>): ValueOfType[T] | undefined {
    const pair = this.#pairs.get(key.name);
    return pair?.key.type === key.type ? (copyOf(pair.value) as ValueOfType[T]) : undefined;
  }

  getAll(): SearchAttributePair[] {
    return [...this.#pairs.values()].map(
      ({ key, value }) => ({ key: { ...key }, value: copyOf(value) }) as SearchAttributePair,
    );
  }

  copy(): TypedSearchAttributes {
    return new TypedSearchAttributes(this.getAll());
  }

  updateCopy(updates: readonly SearchAttributeUpdatePair[]): TypedSearchAttributes {
    const changed = new Map(this.#pairs);
    for (const update of updates) {
      if (update.value === null) changed.delete(update.key.name);
      else changed.set(update.key.name, update as SearchAttributePair);
    }
    return new TypedSearchAttributes([...changed.values()]);
  }

  toJSON(): SearchAttributePair[] {
    return this.getAll();
  }

  static toMetadataType(type: SearchAttributeType): string {
    return metadataNames[type];
  }

  static toSearchAttributeType(name: string): SearchAttributeType | undefined {
    return (Object.keys(metadataNames) as SearchAttributeType[]).find((type) => metadataNames[type] === name);
  }
}

function copyOf(value: SearchAttributePair["value"]): SearchAttributePair["value"] {
  if (Array.isArray(value)) return [...value];
  return isDate(value) ? new Date(value) : value;
}

function isDate(value: unknown): value is Date {
  // A date may have come from the other side of the sandbox.
  return Object.prototype.toString.call(value) === "[object Date]";
}

function isOfType(type: SearchAttributeType, value: unknown): boolean {
  switch (type) {
    case "TEXT":
    case "KEYWORD":
      return typeof value === "string";
    case "INT":
      return Number.isInteger(value);
    case "DOUBLE":
      return typeof value === "number";
    case "BOOL":
      return typeof value === "boolean";
    case "DATETIME":
      return isDate(value);
    case "KEYWORD_LIST":
      return Array.isArray(value) && value.every((each) => typeof each === "string");
    default:
      return type satisfies never;
  }
}

function requireType({ key, value }: SearchAttributeUpdatePair): void {
  if (value !== null && isOfType(key.type, value)) return;
  throw new ValueError(
    `search attribute ${JSON.stringify(key.name)}: ${String(value)} is not a value of type ${key.type}`,
  );
}

/** Where both name an attribute the typed one counts. Throws `TypeError` and `ValueError` naming the attribute. */
export function encodeSearchAttributes(
  attributes: SearchAttributes | undefined,
  typed: readonly SearchAttributeUpdatePair[] | TypedSearchAttributes = [],
): Record<string, Payload> {
  const untyped = Object.entries(attributes ?? {}).map(([name, values]) => [name, encodeUntyped(name, values)]);
  const pairs = (typed instanceof TypedSearchAttributes ? typed.getAll() : typed).map(encodeTyped);
  return Object.fromEntries([...untyped, ...pairs]);
}

/** `undefined` when no attribute is given. */
export function encodeOptionalSearchAttributes(
  attributes: SearchAttributes | undefined,
  typed: readonly SearchAttributeUpdatePair[] | TypedSearchAttributes | undefined,
): Record<string, Payload> | undefined {
  return attributes || typed ? encodeSearchAttributes(attributes, typed) : undefined;
}

function encodeUntyped(name: string, values: SearchAttributeValueOrReadonly): Payload {
  if (!Array.isArray(values)) throw new TypeError(`search attribute ${name} must be an array of values`);
  const kinds = new Set(values.map((value) => (isDate(value) ? "Date" : typeof value)));
  const [kind = "string"] = kinds;
  if (kinds.size > 1 || !["string", "number", "boolean", "Date"].includes(kind)) {
    throw new TypeError(
      `search attribute ${name} must be an array of strings, numbers, booleans or dates, of one kind`,
    );
  }
  return defaultPayloadConverter.toPayload(values);
}

function encodeTyped(pair: SearchAttributeUpdatePair): [string, Payload] {
  const { key, value } = pair;
  // A removal says no type: the server reads null for what it is by that alone.
  if (value === null) return [key.name, defaultPayloadConverter.toPayload(null)];
  requireType(pair);
  const payload = defaultPayloadConverter.toPayload(value);
  const type = new TextEncoder().encode(metadataNames[key.type]);
  return [key.name, { ...payload, metadata: { ...payload.metadata, type } }];
}

/** Untyped attributes of the wire's; those without a value are left out. */
export function decodeSearchAttributes(fields: Record<string, Payload> | undefined): SearchAttributes {
  const entries = Object.entries(fields ?? {}).map(([name, payload]) => {
    const value = defaultPayloadConverter.fromPayload<unknown>(payload);
    const values: unknown[] = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
    const isDates = typeOf(payload) === "DATETIME";
    return [name, isDates ? values.map((each) => new Date(each as string)) : values] as [string, SearchAttributeValue];
  });
  return Object.fromEntries(entries.filter(([, values]) => values.length > 0));
}

/** Attributes whose payload names no type, or another than its value has, are left out. */
export function decodeTypedSearchAttributes(fields: Record<string, Payload> | undefined): TypedSearchAttributes {
  const pairs = Object.entries(fields ?? {}).flatMap(([name, payload]): SearchAttributePair[] => {
    const type = typeOf(payload);
    if (type === undefined) return [];
    let value = defaultPayloadConverter.fromPayload<unknown>(payload);
    if (type !== "KEYWORD_LIST" && Array.isArray(value) && value.length === 1) value = value[0];
    if (type === "KEYWORD_LIST" && typeof value === "string") value = [value];
    if (type === "DATETIME" && typeof value === "string") value = new Date(value);
    return isOfType(type, value) ? [{ key: { name, type }, value } as SearchAttributePair] : [];
  });
  return new TypedSearchAttributes(pairs);
}

function typeOf(payload: Payload): SearchAttributeType | undefined {
  const type = payload.metadata["type"];
  return type && TypedSearchAttributes.toSearchAttributeType(new TextDecoder().decode(type));
}
