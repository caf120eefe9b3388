/**
 * Filters over visibility rows in memory, and the order of a list. They say the same as the SQL of `visibility-sql.ts`, and the
 * conformance suite holds them to it: a comparison with a missing value is neither true nor false, here null.
 */

import type {
  SearchValue,
  VisibilityFilter,
  VisibilityOrder,
  VisibilityPosition,
  VisibilityWrite,
  visibilityColumns,
} from "../store.ts";
import { compareText, prefixEnd } from "../text-order.ts";
import { textPhrases, textWords, wordsJson } from "./text-words.ts";

type Scalar = string | number | boolean;
type Truth = boolean | null;
type Predicate = (row: VisibilityWrite) => Truth;

const columns: Readonly<Record<(typeof visibilityColumns)[number], (row: VisibilityWrite) => string | number | null>> =
  {
    WorkflowId: (row) => row.businessId,
    RunId: (row) => row.runId,
    WorkflowType: (row) => row.type,
    TaskQueue: (row) => row.taskQueue,
    ExecutionStatus: (row) => row.status,
    StartTime: (row) => row.startTimeMs,
    ExecutionTime: (row) => row.executionTimeMs,
    CloseTime: (row) => row.closeTimeMs,
    HistoryLength: (row) => row.historyLength,
    HistorySizeBytes: (row) => row.historySizeBytes,
    ExecutionDuration: (row) => row.executionDurationMs,
    StateTransitionCount: (row) => row.stateTransitionCount,
    ParentWorkflowId: (row) => row.parentWorkflowId,
    ParentRunId: (row) => row.parentRunId,
    RootWorkflowId: (row) => row.rootWorkflowId,
    RootRunId: (row) => row.rootRunId,
  };

/** Negative when `left` comes first in a list: open runs, then the latest closed, the latest started, the greatest run id. */
export function compareListOrder(left: VisibilityPosition, right: VisibilityPosition): number {
  const leftCloseMs = left.closeTimeMs ?? Number.MAX_SAFE_INTEGER;
  const rightCloseMs = right.closeTimeMs ?? Number.MAX_SAFE_INTEGER;
  return rightCloseMs - leftCloseMs || right.startTimeMs - left.startTimeMs || compareText(right.runId, left.runId);
}

/** The value of a column or attribute; null when it is missing. */
export function visibilityValue(row: VisibilityWrite, name: string): SearchValue | null {
  if (Object.hasOwn(columns, name)) return columns[name as keyof typeof columns](row);
  return Object.hasOwn(row.searchAttributes, name) ? (row.searchAttributes[name] ?? null) : null;
}

/** What a row is put in order by. */
export function orderValue(row: VisibilityWrite, name: string): string | number | null {
  const value = visibilityValue(row, name);
  if (value === null || typeof value === "object") return null;
  return typeof value === "boolean" ? Number(value) : value;
}

/** Negative when `left` comes first. */
export function orderComparison({
  isDescending,
}: VisibilityOrder): (left: VisibilityPosition, right: VisibilityPosition) => number {
  return (left, right) => {
    const [a, b] = [left.orderValue ?? null, right.orderValue ?? null];
    if (a === null || b === null) return Number(a === null) - Number(b === null) || compareListOrder(left, right);
    return (isDescending ? compareScalars(b, a) : compareScalars(a, b)) || compareListOrder(left, right);
  };
}

/** Numbers before texts; a boolean is the number 0 or 1. */
export function compareScalars(left: Scalar, right: Scalar): number {
  if (typeof left === "string") return typeof right === "string" ? compareText(left, right) : 1;
  return typeof right === "string" ? -1 : Number(left) - Number(right);
}

/** A row is selected when the predicate is true, not when it is null. */
export function filterPredicate(filter: VisibilityFilter): Predicate {
  switch (filter.op) {
    case "and":
      return junction(filter.all.map(filterPredicate), false);
    case "or":
      return junction(filter.all.map(filterPredicate), true);
    case "not":
      return negate(filterPredicate(filter.filter));
    case "=":
      return oneOf(filter.name, [filter.value]);
    case "!=":
      return negate(oneOf(filter.name, [filter.value]));
    case "<":
      return compared(filter.name, (value) => compareScalars(value, filter.value) < 0);
    case "<=":
      return compared(filter.name, (value) => compareScalars(value, filter.value) <= 0);
    case ">":
      return compared(filter.name, (value) => compareScalars(value, filter.value) > 0);
    case ">=":
      return compared(filter.name, (value) => compareScalars(value, filter.value) >= 0);
    case "in":
      return oneOf(filter.name, filter.values);
    case "notIn":
      return negate(oneOf(filter.name, filter.values));
    case "between":
      return between(filter.name, filter.low, filter.high);
    case "notBetween":
      return negate(between(filter.name, filter.low, filter.high));
    case "startsWith":
      return startsWith(filter.name, filter.prefix);
    case "notStartsWith":
      return negate(startsWith(filter.name, filter.prefix));
    case "contains":
      return contains(filter.name, filter.values);
    case "matches":
      return matches(filter.name, filter.text);
    case "isNull":
      return (row) => visibilityValue(row, filter.name) === null;
    case "isNotNull":
      return (row) => visibilityValue(row, filter.name) !== null;
    default:
      return filter satisfies never;
  }
}

/** `decisive` is the truth of one term that decides the whole: true for "or", false for "and". */
function junction(terms: readonly Predicate[], decisive: boolean): Predicate {
  return (row) => {
    let truth: Truth = !decisive;
    for (const term of terms) {
      const found = term(row);
      if (found === decisive) return decisive;
      if (found === null) truth = null;
    }
    return truth;
  };
}

function negate(predicate: Predicate): Predicate {
  return (row) => {
    const truth = predicate(row);
    return truth === null ? null : !truth;
  };
}

/** Of single values: any comparison with a list or a text is null. */
function compared(name: string, test: (value: Scalar) => boolean): Predicate {
  return (row) => {
    const value = visibilityValue(row, name);
    return value === null || typeof value === "object" ? null : test(value);
  };
}

function oneOf(name: string, wanted: readonly Scalar[]): Predicate {
  return compared(name, (value) => wanted.some((one) => compareScalars(value, one) === 0));
}

function contains(name: string, wanted: readonly string[]): Predicate {
  return (row) => {
    const value = visibilityValue(row, name);
    return Array.isArray(value) && wanted.some((one) => value.includes(one));
  };
}

function matches(name: string, text: string): Predicate {
  const phrases = textPhrases(text).map((phrase) => wordsJson(phrase));
  return (row) => {
    const value = visibilityValue(row, name);
    if (value === null || typeof value !== "object" || !("text" in value)) return false;
    const words = wordsJson(textWords(value.text));
    return phrases.some((phrase) => words.includes(phrase));
  };
}

function between(name: string, low: Scalar, high: Scalar): Predicate {
  return compared(name, (value) => compareScalars(value, low) >= 0 && compareScalars(value, high) <= 0);
}

function startsWith(name: string, prefix: string): Predicate {
  const end = prefixEnd(prefix);
  return compared(
    name,
    (value) => compareScalars(value, prefix) >= 0 && (end === null || compareScalars(value, end) < 0),
  );
}
