/**
 * The index of search attributes in PostgreSQL: what a row of the table `attribute` says, as one text, its entry. A run has one for the value of each of
 * its attributes, for each element of a list and each word of a text, with its position in the list; entries are in collation "C".
 *
 *   - An entry begins with a digest of the list and the attribute's name, so that a namespace's entries are together and as short as any others, and
 *     goes on with what it is (`forms`) and the value. Entries of all attributes in one column let PostgreSQL know how frequent each value is.
 *   - Numbers are written so that their texts have the order of the numbers. They come before texts, as everywhere.
 *   - Long texts are cut, as an index takes no long ones: `boundsOf` then selects more than was asked for, and says so.
 */
import { createHash } from "node:crypto";
import { kindCode } from "../kind-code.ts";
import type { ExecutionKey, SearchValue } from "../store.ts";
import { compareText } from "../text-order.ts";
import { textWords } from "../visibility/text-words.ts";
import { attributeForms, type IndexedCondition, unindexedAttributes } from "../visibility/visibility-plan.ts";
import type { Order, Scalar } from "../visibility/visibility-sql.ts";
import { storedText } from "./postgres-text.ts";

/** A list: one kind of execution in a namespace. */
export type ListKey = Pick<ExecutionKey, "kind" | "namespaceId">;

const forms = { element: "e", number: "n", text: "t", word: "w" } as const;
const afterTexts = "u";

/** Characters of a value that are in an entry: at four bytes each far below the 2,704 bytes that an index takes. */
const textMax = 200;
/** 72 bits. Rows that a list shows are held against the filter itself. */
const digestLength = 12;
/** Digests kept: a server has few attributes, whose runs are many. */
const digestsMax = 10_000;
const digests = new Map<string, string>();

function digestOf(text: string): string {
  let digest = digests.get(text);
  if (digest === undefined) {
    digest = createHash("sha256").update(text).digest("base64url").slice(0, digestLength);
    if (digests.size >= digestsMax) digests.clear();
    digests.set(text, digest);
  }
  return digest;
}

function beginning({ kind, namespaceId }: ListKey, name: string): string {
  return digestOf(JSON.stringify([namespaceId, kindCode(kind), name.toWellFormed()]));
}

/** An attribute may hold half of a surrogate pair, which JSON can write and PostgreSQL refuses. */
export function attributeText(value: string): string {
  return storedText(value.toWellFormed());
}

/** Each once. */
export function entriesOf(list: ListKey, attributes: Readonly<Record<string, SearchValue>>): string[] {
  const entries = new Set<string>();
  for (const [name, value] of Object.entries(attributes)) {
    if (unindexedAttributes.includes(name)) continue;
    const first = beginning(list, name);
    if (typeof value === "object") {
      const [form, all] = "text" in value ? [forms.word, textWords(value.text)] : [forms.element, value];
      for (const each of all) entries.add(`${first}${form}${cut(attributeText(each))}`);
    } else if (typeof value !== "number" || Number.isFinite(value)) entries.add(`${first}${scalarText(value)}`);
  }
  return [...entries];
}

/** Which attributes a run has, as a short text; empty when it has none that are in the index. */
export function shapeOf(attributes: Readonly<Record<string, SearchValue>>): string {
  const names = Object.keys(attributes).filter((name) => !unindexedAttributes.includes(name));
  return names.length === 0 ? "" : digestOf(JSON.stringify(names.sort()));
}

/** Where in the index the rows of a condition are. */
export interface EntryBounds {
  readonly bounds:
    | { readonly oneOf: readonly string[] }
    | { readonly from: readonly [">" | ">=", string]; readonly to: readonly ["<" | "<=", string] };
  /** There is one entry of each run that the condition selects, and no other. */
  readonly isExact: boolean;
}

export function boundsOf(list: ListKey, { name, form, value, isExact }: IndexedCondition): EntryBounds {
  const first = beginning(list, name);
  if ("oneOf" in value) {
    const letter = form === attributeForms.word ? forms.word : forms.element;
    const entry = (one: Scalar) =>
      form === attributeForms.value ? scalarText(one) : `${letter}${cut(attributeText(String(one)))}`;
    const oneOf = [...new Set(value.oneOf.map((one) => `${first}${entry(one)}`))];
    return { bounds: { oneOf }, isExact: isExact && !value.oneOf.some(isCut) };
  }
  let from: readonly [">" | ">=", string] = [">=", `${first}${forms.number}`];
  let to: readonly ["<" | "<=", string] = ["<", `${first}${afterTexts}`];
  for (const [order, bound] of value.all) {
    const entry = `${first}${scalarText(bound)}`;
    const narrow = order === "=" ? (["<=", ">="] as const) : ([widened(order, isCut(bound))] as const);
    for (const each of narrow)
      if (each === ">" || each === ">=") from = narrower(from, [each, entry], -1);
      else to = narrower(to, [each, entry], 1);
  }
  return { bounds: { from, to }, isExact: isExact && !value.all.some(([, bound]) => isCut(bound)) };
}

/** The bound that leaves less. */
function narrower<Side extends readonly [Order, string]>(one: Side, other: Side, sign: 1 | -1): Side {
  const order = sign * compareText(one[1], other[1]);
  if (order === 0) return one[0].length === 1 ? one : other;
  return order < 0 ? one : other;
}

/** A longer text has the same entry as the bound that was cut, and may be on either side of it. */
function widened(order: Exclude<Order, "=">, isWide: boolean): Exclude<Order, "="> {
  if (!isWide) return order;
  return order === "<" || order === "<=" ? "<=" : ">=";
}

function isCut(value: Scalar): boolean {
  return typeof value === "string" && value.length >= textMax / 2 && cut(attributeText(value)).length >= textMax;
}

/** Whole characters, so that what is left has the order of the whole. */
function cut(text: string): string {
  return text.length <= textMax ? text : [...text].slice(0, textMax).join("");
}

/** With its form. A boolean is the number 0 or 1. */
function scalarText(value: Scalar): string {
  return typeof value === "string"
    ? `${forms.text}${cut(attributeText(value))}`
    : `${forms.number}${numberText(Number(value))}`;
}

const view = new DataView(new ArrayBuffer(8));
const signBit = 1n << 63n;

/** The bits of a number, those of negative ones turned over, in hexadecimal digits. Both zeros are one number. */
function numberText(value: number): string {
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigUint64(0);
  const ordered = (bits & signBit) === 0n ? bits | signBit : BigInt.asUintN(64, ~bits);
  return ordered.toString(16).padStart(16, "0");
}
