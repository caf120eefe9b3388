/**
 * What two indexes beside that of attributes can answer of a filter: which attributes a run has (its shape), and when it started.
 */

import type { VisibilityFilter } from "../store.ts";
import { storedName } from "./visibility-attributes.ts";
import { unindexedAttributes } from "./visibility-plan.ts";
import { conjuncts, isColumn, type Order } from "./visibility-sql.ts";

/** A shape of a list: the key by which rows name it, and the stored names of its attributes. */
export interface Shape<Key extends number | string> {
  readonly key: Key;
  readonly names: ReadonlySet<string>;
}

/** The parts of a filter that say whether rows have an attribute, and the shapes of which all of them are true. */
export interface ShapeChoice<Key extends number | string> {
  readonly parts: ReadonlySet<VisibilityFilter>;
  readonly keys: readonly Key[];
}

/** A stretch of start times. */
export type StartRange = readonly (readonly [Order, number])[];

/** undefined when the filter says nothing of the kind. `absent`: attributes that no row has, of which nothing is to be chosen. */
export function shapeChoice<Key extends number | string>(
  filter: VisibilityFilter,
  shapes: readonly Shape<Key>[],
  absent: ReadonlySet<string> = new Set(),
): ShapeChoice<Key> | undefined {
  const parts = presenceParts(filter).filter(({ name }) => !absent.has(name));
  if (parts.length === 0) return undefined;
  const chosen = shapes.filter(({ names }) =>
    parts.every((part) => names.has(storedName(part.name)) === (part.op === "isNotNull")),
  );
  return { parts: new Set(parts), keys: chosen.map(({ key }) => key) };
}

/** The parts of a filter that say whether rows have an attribute that belongs to a shape. */
export function presenceParts(
  filter: VisibilityFilter,
): readonly Extract<VisibilityFilter, { op: "isNull" | "isNotNull" }>[] {
  return conjuncts(filter).flatMap((part) =>
    (part.op === "isNull" || part.op === "isNotNull") &&
    !isColumn(part.name) &&
    !unindexedAttributes.includes(part.name)
      ? [part]
      : [],
  );
}

/** undefined when the filter says nothing about when runs started. */
export function startRange(filter: VisibilityFilter): StartRange | undefined {
  const range = conjuncts(filter).flatMap((part): StartRange => {
    if (!("name" in part) || part.name !== "StartTime") return [];
    switch (part.op) {
      case "=":
      case "<":
      case "<=":
      case ">":
      case ">=":
        return bound(part.op, part.value);
      case "between":
        return [...bound(">=", part.low), ...bound("<=", part.high)];
      default:
        return [];
    }
  });
  return range.length === 0 ? undefined : range;
}

/** A time is a number; whatever else it is compared with is left to the filter itself. */
function bound(order: Order, value: unknown): StartRange {
  return typeof value === "number" ? [[order, value]] : [];
}
