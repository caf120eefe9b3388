/**
 * What the index of attributes (`sqlite-attributes.ts`, `postgres-entry.ts`) can answer of a filter. Its rows are values of attributes, each with the
 * position of its run in the list, so that those of one value are in the order of the list.
 */

import type { VisibilityFilter } from "../store.ts";
import { prefixEnd } from "../text-order.ts";
import { textPhrases } from "./text-words.ts";
import { conjuncts, isColumn, type Order, type Scalar } from "./visibility-sql.ts";

/** `attribute.form`: what a row of the index is of its attribute. */
export const attributeForms = { value: 0, element: 1, word: 2, empty: 3 } as const;

/** In every row that runs of an SDK's workers have, and hardly ever asked for: they are not in the index. */
export const unindexedAttributes: readonly string[] = ["BuildIds"];

/** A part of a filter, all of whose rows the index names. */
export interface IndexedCondition {
  readonly part: VisibilityFilter;
  readonly name: string;
  readonly form: number;
  readonly value: { readonly oneOf: readonly Scalar[] } | { readonly all: readonly (readonly [Order, Scalar])[] };
  /** All other values of the attribute are meant. */
  readonly isNot?: true;
  /** The index has one row for each run that the part selects, and no other row for the condition. */
  readonly isExact: boolean;
}

/** One value: its rows are in the order of the list. */
export function isPlace({ value, isNot }: IndexedCondition): boolean {
  return "oneOf" in value && value.oneOf.length === 1 && !isNot;
}

/** Whether the filter already asks for few rows by a column. */
export function isSelective(filter: VisibilityFilter): boolean {
  return conjuncts(filter).some(
    (part) => (part.op === "=" || part.op === "in") && ["WorkflowId", "RunId"].includes(part.name),
  );
}

const indexedNames: readonly string[] = ["ExecutionStatus", "StartTime", "CloseTime"];

/**
 * Whether a row of the index of attributes, or of that of start times, tells whether the filter holds. `absent`: attributes that no row has;
 * `hasShape`: rows of the index name the shape of their run.
 */
export function isIndexed(
  filter: VisibilityFilter,
  absent: ReadonlySet<string> = new Set(),
  hasShape = false,
): boolean {
  if ("all" in filter) return filter.all.every((one) => isIndexed(one, absent, hasShape));
  if ("filter" in filter) return isIndexed(filter.filter, absent, hasShape);
  if (indexedNames.includes(filter.name) || absent.has(filter.name)) return true;
  return hasShape && (filter.op === "isNull" || filter.op === "isNotNull") && isInIndex(filter.name);
}

function isInIndex(name: string): boolean {
  return !isColumn(name) && !unindexedAttributes.includes(name);
}

export function indexedConditions(filter: VisibilityFilter): IndexedCondition[] {
  return conjuncts(filter).flatMap((part) => {
    if ("all" in part) return alternativesOf(part) ?? [];
    if (!("name" in part) || !isInIndex(part.name)) return [];
    return conditionOf(part) ?? [];
  });
}

/** Of the parts that `indexedConditions` knows nothing of, those that mean all values of an attribute but some: many rows, good for counting. */
export function complementConditions(filter: VisibilityFilter): IndexedCondition[] {
  return conjuncts(filter).flatMap((part) => {
    const but = part.op === "not" ? part.filter : positiveOf(part);
    if (!but || !("name" in but) || !isInIndex(but.name)) return [];
    const condition = conditionOf(but);
    return condition?.form === attributeForms.value ? [{ ...condition, part, isNot: true as const }] : [];
  });
}

/** What a part denies of single values. */
function positiveOf(part: VisibilityFilter): VisibilityFilter | undefined {
  switch (part.op) {
    case "!=":
      return { ...part, op: "=" };
    case "notIn":
      return { ...part, op: "in" };
    case "notBetween":
      return { ...part, op: "between" };
    case "notStartsWith":
      return { ...part, op: "startsWith" };
    default:
      return undefined;
  }
}

/** Values of one attribute, of which any will do. */
function alternativesOf(part: Extract<VisibilityFilter, { all: unknown }>): IndexedCondition | undefined {
  const [first] = part.all;
  if (part.op !== "or" || !first || !("name" in first)) return undefined;
  const { name } = first;
  if (!isInIndex(name)) return undefined;
  const oneOf: Scalar[] = [];
  for (const one of part.all) {
    if (!("name" in one) || one.name !== name || (one.op !== "=" && one.op !== "in")) return undefined;
    oneOf.push(...("values" in one ? one.values : [one.value]));
  }
  return { part, name, form: attributeForms.value, isExact: true, value: { oneOf } };
}

type Named = Extract<VisibilityFilter, { name: string }>;

function conditionOf(part: Named): IndexedCondition | undefined {
  const { name } = part;
  const single = { part, name, form: attributeForms.value, isExact: true };
  switch (part.op) {
    case "=":
      return { ...single, value: { oneOf: [part.value] } };
    case "in":
      return { ...single, value: { oneOf: part.values } };
    case "<":
    case "<=":
    case ">":
    case ">=":
      return { ...single, value: { all: [[part.op, part.value]] } };
    case "between":
      return {
        ...single,
        value: {
          all: [
            [">=", part.low],
            ["<=", part.high],
          ],
        },
      };
    case "startsWith":
      return { ...single, value: { all: prefixRange(part.prefix) } };
    case "contains": {
      const isExact = part.values.length === 1;
      return { part, name, form: attributeForms.element, value: { oneOf: part.values }, isExact };
    }
    case "matches":
      return wordsOf(part);
    case "!=":
    case "notIn":
    case "notBetween":
    case "notStartsWith":
    case "isNull":
    case "isNotNull":
      return undefined;
    default:
      return part satisfies never;
  }
}

function prefixRange(prefix: string): (readonly [Order, string])[] {
  const end = prefixEnd(prefix);
  return end === null ? [[">=", prefix]] : [[">=", prefix], ["<", end]]; // biome-ignore format: one thing
}

/** Of each phrase its longest word: the longer, the rarer. */
function wordsOf(part: Extract<Named, { op: "matches" }>): IndexedCondition {
  const phrases = textPhrases(part.text);
  const longest = phrases.map((phrase) => phrase.reduce((best, word) => (word.length > best.length ? word : best)));
  const isExact = phrases.length === 1 && phrases[0]!.length === 1;
  return { part, name: part.name, form: attributeForms.word, value: { oneOf: longest }, isExact };
}
