/** The columns that the list can have: facts of every run, search attributes, and what is in memos. */
import { shownPayload } from "../api/payload.ts";
import type { WorkflowInfo } from "../api/workflows.ts";
import { remembered } from "../parts/remembered.ts";
import type { Attribute } from "./attributes.ts";
import { printName } from "./conditions.ts";

export const factColumns = [
  ...["Status", "WorkflowId", "WorkflowType", "StartTime", "Duration", "Events"],
  ...["CloseTime", "RunId", "TaskQueue", "ExecutionTime", "HistorySize", "Parent", "Root"],
] as const;
export type FactColumn = (typeof factColumns)[number];

export type Column =
  | { readonly kind: "fact"; readonly name: FactColumn }
  | { readonly kind: "attribute" | "memo"; readonly name: string };

export const defaultColumns: readonly Column[] = factColumns.slice(0, 6).map((name) => ({ kind: "fact", name }));

/** What this browser shows where an address says nothing, as it would stand in the address. */
export const usualColumns = remembered<string>({
  key: "columns",
  read: (kept) => (typeof kept === "string" && columnsOf(kept) ? kept : undefined),
  otherwise: columnsKey(defaultColumns),
});

const labels: Readonly<Record<FactColumn, string>> = {
  ...{ Status: "Status", WorkflowId: "Workflow", WorkflowType: "Type", StartTime: "Started", Duration: "Took" },
  ...{ Events: "Events", CloseTime: "Closed", RunId: "Run", TaskQueue: "Task queue", ExecutionTime: "Due to begin" },
  ...{ HistorySize: "History bytes", Parent: "Parent", Root: "Root" },
};

export function columnLabel(column: Column): string {
  if (column.kind === "fact") return labels[column.name];
  return column.kind === "memo" ? `Memo: ${column.name}` : column.name;
}

/** As it stands in addresses: `Status,attribute:Customer,memo:note`. */
export function columnKey({ kind, name }: Column): string {
  return kind === "fact" ? name : `${kind}:${encodeURIComponent(name)}`;
}

export function columnsKey(columns: readonly Column[]): string {
  return columns.map(columnKey).join(",");
}

/** `undefined` when nothing of the text is a column. */
export function columnsOf(text: string): Column[] | undefined {
  const columns = text.split(",").flatMap((key) => columnOf(key) ?? []);
  return columns.length === 0 ? undefined : columns;
}

function columnOf(key: string): Column | undefined {
  const fact = factColumns.find((name) => name === key);
  if (fact) return { kind: "fact", name: fact };
  const [, kind, name] = /^(attribute|memo):(.+)$/.exec(key) ?? [];
  if (!kind || !name) return undefined;
  try {
    return { kind: kind as "attribute" | "memo", name: decodeURIComponent(name) };
  } catch {
    return undefined;
  }
}

/** What a cell shows unless it is more than a text; `undefined` where there is nothing. */
export function cellValue(column: Column, row: WorkflowInfo): string | number | undefined {
  switch (column.kind) {
    case "fact":
      return factValue(column.name, row);
    case "attribute":
      return shownCell(row.searchAttributes?.indexedFields?.[column.name]);
    case "memo":
      return shownCell(row.memo?.fields?.[column.name]);
    default:
      return column satisfies never;
  }
}

function factValue(name: FactColumn, row: WorkflowInfo): string | number | undefined {
  switch (name) {
    case "Status":
      return row.status;
    case "WorkflowId":
      return row.execution.workflowId;
    case "RunId":
      return row.execution.runId;
    case "WorkflowType":
      return row.type.name;
    case "TaskQueue":
      return row.taskQueue;
    case "StartTime":
      return timeMs(row.startTime);
    case "CloseTime":
      return timeMs(row.closeTime);
    case "ExecutionTime":
      return timeMs(row.executionTime);
    case "Duration": {
      const endMs = timeMs(row.closeTime);
      const startMs = timeMs(row.startTime);
      return endMs === undefined || startMs === undefined ? undefined : endMs - startMs;
    }
    case "Events":
      return row.historyLength === undefined ? undefined : Number(row.historyLength);
    case "HistorySize":
      return row.historySizeBytes === undefined ? undefined : Number(row.historySizeBytes);
    case "Parent":
      return row.parentExecution?.workflowId;
    case "Root":
      return row.rootExecution?.workflowId;
    default:
      return name satisfies never;
  }
}

function timeMs(time: string | undefined): number | undefined {
  const ms = Date.parse(time ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

function shownCell(payload: unknown): string | number | undefined {
  if (payload === undefined) return undefined;
  const value = shownPayload(payload);
  if (typeof value === "string" || typeof value === "number") return value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(", ");
  return JSON.stringify(value);
}

/** `-StartTime` is the other way round. */
export interface Sort {
  readonly column: Column;
  readonly isDescending: boolean;
}

export function sortOf(text: string | undefined): Sort | undefined {
  if (text === undefined) return undefined;
  const column = columnOf(text.replace(/^-/, ""));
  return column && { column, isDescending: text.startsWith("-") };
}

/** What a list of all that match is put in order by; nothing for what the server has no order of. */
export function orderOf(sort: Sort | undefined, attributes: readonly Attribute[]): string {
  const name = sort && orderName(sort.column, attributes);
  return name === undefined ? "" : `ORDER BY ${name}${sort?.isDescending ? " DESC" : ""}`;
}

/** As queries write it; `undefined` for memos, which no query knows, and for texts and lists, which have no order. */
export function orderName({ kind, name }: Column, attributes: readonly Attribute[]): string | undefined {
  if (kind === "memo") return undefined;
  if (kind === "fact") return orderNames[name];
  const type = attributes.find((one) => one.name === name)?.type;
  return type === "Text" || type === "KeywordList" ? undefined : printName(name);
}

const orderNames: Readonly<Record<FactColumn, string>> = {
  ...{ Status: "ExecutionStatus", WorkflowId: "WorkflowId", WorkflowType: "WorkflowType", StartTime: "StartTime" },
  ...{ Duration: "ExecutionDuration", Events: "HistoryLength", CloseTime: "CloseTime", RunId: "RunId" },
  ...{ TaskQueue: "TaskQueue", ExecutionTime: "ExecutionTime", HistorySize: "HistorySizeBytes" },
  ...{ Parent: "ParentWorkflowId", Root: "RootWorkflowId" },
};

/** Names that a chooser can offer because the rows have them. */
export function namesIn(rows: readonly WorkflowInfo[]): { attributes: string[]; memos: string[] } {
  const names = (fields: (row: WorkflowInfo) => Readonly<Record<string, unknown>> | undefined) =>
    [...new Set(rows.flatMap((row) => Object.keys(fields(row) ?? {})))].sort();
  return {
    attributes: names((row) => row.searchAttributes?.indexedFields),
    memos: names((row) => row.memo?.fields),
  };
}
