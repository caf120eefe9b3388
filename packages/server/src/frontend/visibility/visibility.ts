/** Lists and counts of workflows by a filter. */
import { Rejection } from "@pawl/engine";
import { type common, enums, type filter, type RequestOf, timestampMs, workflow } from "@pawl/protocol";
import type {
  ExecutionKind,
  VisibilityFilter,
  VisibilityOrder,
  VisibilityPosition,
  VisibilityQuery,
  VisibilityRow,
} from "@pawl/store";
import { limits } from "../../limits.ts";
import { invalid, isLonger } from "../field-rules.ts";
import type { Handlers } from "../handler.ts";
import type { Namespace } from "../namespace/namespace-registry.ts";
import type { Parts } from "../parts.ts";
import { QueryError } from "./query-lexer.ts";
import { type CustomAttributes, findAttribute, typeName } from "./search-attribute.ts";
import { type StatusNames, workflowStatuses } from "./status-name.ts";
import { withUnservedQueues } from "./unserved-queue.ts";
import { attributeOf, filterOf, namespaceDivision, type Resolve } from "./visibility-filter.ts";
import { notSupported, type Ordering, parseQuery } from "./visibility-query.ts";

const { WorkflowExecutionStatus } = enums;

export function visibilityHandlers(parts: Parts) {
  return {
    ...legacyHandlers(parts),

    ListWorkflowExecutions: async (request) => listByQuery(parts, request, { mayOrder: true }),

    ScanWorkflowExecutions: async (request) => listByQuery(parts, request),

    CountWorkflowExecutions: async (request) => {
      const asked = queryOf(parts, workflowLists, request);
      return asked instanceof Rejection ? asked : count(parts, await served(parts, asked));
    },
  } satisfies Handlers;
}

async function listByQuery(
  parts: Parts,
  request: RequestOf<"ListWorkflowExecutions"> | RequestOf<"ScanWorkflowExecutions">,
  allowed: Allowed = {},
) {
  const asked = queryOf(parts, workflowLists, request, allowed);
  if (asked instanceof Rejection) return asked;
  if (asked.groupBy !== undefined) return invalid("invalid query: operation is not supported: 'GROUP BY' clause");
  return listWorkflows(parts, await served(parts, asked), request);
}

/** As it can be asked of the store. */
async function served({ matching }: Pick<Parts, "matching">, asked: Asked): Promise<Asked> {
  return { ...asked, filter: await withUnservedQueues(matching, asked.namespaceId, asked.filter) };
}

/** The lists of one kind of execution: how filters name attributes there, and how statuses are written. */
export interface Lists {
  readonly kind: ExecutionKind;
  readonly statuses: StatusNames;
  resolverOf(namespace: Namespace, custom: CustomAttributes): Resolve;
}

const workflowLists: Lists = { kind: "workflow", statuses: workflowStatuses, resolverOf: workflowResolver };

/** A query of one list, read. */
export interface Asked extends ReadQuery {
  readonly lists: Lists;
  readonly namespaceId: string;
}

/** What a request asks of the list of its namespace. */
export function queryOf(
  { namespaces, searchAttributes }: Pick<Parts, "namespaces" | "searchAttributes">,
  lists: Lists,
  request: { readonly namespace: string; readonly query: string },
  allowed: Allowed = {},
): Asked | Rejection {
  const namespace = namespaces.byName(request.namespace);
  if (namespace instanceof Rejection) return namespace;
  const query = readQuery(request.query, lists.resolverOf(namespace, searchAttributes), allowed);
  return query instanceof Rejection ? query : { ...query, lists, namespaceId: namespace.id };
}

export function workflowResolver(namespace: Namespace, custom: CustomAttributes): Resolve {
  return (name) => findAttribute(name, namespace, custom);
}

export interface ReadQuery {
  readonly filter: VisibilityFilter;
  readonly groupBy: string | undefined;
  readonly orderBy: VisibilityOrder | undefined;
}

interface Allowed {
  /**
   * Whether ORDER BY is. Of the reference server's stores only the one for search engines takes it, in this very list; its scans, counts and
   * batches never do.
   */
  readonly mayOrder?: boolean;
}

export function readQuery(text: string, resolve: Resolve, { mayOrder = false }: Allowed = {}): ReadQuery | Rejection {
  if (isLonger(text, limits.visibilityQueryBytesMax))
    return invalid(`invalid query: malformed SQL query: longer than ${limits.visibilityQueryBytesMax} bytes`);
  try {
    const { where, groupBy: groupNames, orderBy } = parseQuery(text);
    if (orderBy.length > 0 && !mayOrder) throw notSupported("'ORDER BY' clause");
    const groupBy = groupOf(groupNames, resolve);
    return { filter: filterOf(where, groupBy, resolve), groupBy, orderBy: orderOf(orderBy, resolve) };
  } catch (error) {
    if (error instanceof QueryError) return invalid(`invalid query: ${error.message}`);
    throw error;
  }
}

/** Attributes with few values: only by them may be counted. */
const groupable: readonly string[] = ["ExecutionStatus", namespaceDivision];

function groupOf(names: readonly string[], resolve: Resolve): string | undefined {
  const [first] = names;
  if (first === undefined) return undefined;
  if (names.length > 1) throw notSupported("'GROUP BY' clause supports only a single field");
  const { name } = attributeOf(first, resolve);
  if (groupable.includes(name)) return name;
  throw notSupported(`'GROUP BY' clause is not supported for search attribute ${first}`);
}

function orderOf([first, ...others]: readonly Ordering[], resolve: Resolve): VisibilityOrder | undefined {
  if (first === undefined) return undefined;
  if (others.length > 0) throw notSupported("'ORDER BY' clause supports only a single field");
  const { name, column = name, type } = attributeOf(first.name, resolve);
  if (type === enums.IndexedValueType.TEXT || type === enums.IndexedValueType.KEYWORD_LIST)
    throw notSupported(`'ORDER BY' clause is not supported for ${typeName(type)} type search attribute '${name}'`);
  return { name: column, isDescending: first.isDescending };
}

const encoder = new TextEncoder();

function groupValue(value: string | number | boolean): common.Payload {
  return {
    metadata: {
      encoding: encoder.encode("json/plain"),
      type: encoder.encode(typeName(enums.IndexedValueType.KEYWORD)),
    },
    data: encoder.encode(JSON.stringify(value)),
    externalPayloads: [],
  };
}

export interface Page {
  readonly nextPageToken: Uint8Array;
  readonly pageSize: number;
}

/** How many there are, by group when the query asks for groups. */
export async function count(
  { store }: Pick<Parts, "store">,
  { lists: { kind, statuses }, namespaceId, filter, groupBy }: Asked,
): Promise<{ count: number; groups: { groupValues: common.Payload[]; count: number }[] }> {
  const counts = await store.countVisibility({ kind, namespaceId, filter, ...(groupBy !== undefined && { groupBy }) });
  const groups = groupBy === undefined ? [] : counts;
  return {
    count: counts.reduce((sum, group) => sum + group.count, 0),
    groups: groups.map((group) => ({
      // What is in no division is in that of an empty name.
      groupValues: [
        groupValue(groupBy === "ExecutionStatus" ? statuses.nameOf(Number(group.value)) : (group.value ?? "")),
      ],
      count: group.count,
    })),
  };
}

/** The rows of one list that a filter selects. */
type Selection = Pick<VisibilityQuery, "namespaceId"> & {
  readonly filter: VisibilityFilter;
  readonly orderBy?: VisibilityOrder | undefined;
};

async function listWorkflows(parts: Parts, selection: Selection, page: Page) {
  const rows = await listRows(parts, "workflow", selection, page);
  if (rows instanceof Rejection) return rows;
  const { infos, ...more } = rows;
  return { executions: infos.map((info) => workflow.WorkflowExecutionInfo.decode(info)), ...more };
}

/** One page of a kind's rows, as they were stored. */
export async function listRows(
  { store, tokens }: Pick<Parts, "store" | "tokens">,
  kind: ExecutionKind,
  { namespaceId, filter, orderBy }: Selection,
  page: Page,
): Promise<{ infos: Uint8Array[]; nextPageToken?: Uint8Array } | Rejection> {
  const of = `${kind === "workflow" ? "visibility" : `visibility of ${kind}`}${orderBy ? ` by ${JSON.stringify(orderBy)}` : ""}`;
  const values = tokens.openPage(of, namespaceId, page.nextPageToken);
  if (values instanceof Rejection) return values;
  const { visibilityPageMax } = limits;
  const size = page.pageSize <= 0 || page.pageSize > visibilityPageMax ? visibilityPageMax : page.pageSize;
  // One more than asked for tells whether there is another page.
  const rows = await store.listVisibility({
    kind,
    namespaceId,
    filter,
    limit: size + 1,
    ...(orderBy && { orderBy }),
    ...(values && { after: positionOf(values as Position) }),
  });
  const shown = rows.slice(0, size);
  const last = rows.length > size ? shown.at(-1) : undefined;
  return {
    infos: shown.map(({ info }) => info),
    ...(last && { nextPageToken: tokens.sealPage(of, namespaceId, valuesOf(last)) }),
  };
}

/** As a token holds it. */
type Position =
  | [closeTimeMs: number | null, startTimeMs: number, runId: string]
  | [closeTimeMs: number | null, startTimeMs: number, runId: string, orderValue: string | number | null];

function valuesOf({ closeTimeMs, startTimeMs, runId, orderValue }: VisibilityRow): Position {
  return orderValue === undefined ? [closeTimeMs, startTimeMs, runId] : [closeTimeMs, startTimeMs, runId, orderValue];
}

function positionOf([closeTimeMs, startTimeMs, runId, orderValue]: Position): VisibilityPosition {
  return { closeTimeMs, startTimeMs, runId, ...(orderValue !== undefined && { orderValue }) };
}

/** Older clients filter by fields of their request instead of a text. */
function legacyHandlers(parts: Parts) {
  const { namespaces } = parts;
  return {
    ListOpenWorkflowExecutions: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const filters = legacyFilters(request, "StartTime");
      if (filters instanceof Rejection) return filters;
      const open: VisibilityFilter = { op: "=", name: "ExecutionStatus", value: WorkflowExecutionStatus.RUNNING };
      const filter = undivided([open, ...filters]);
      return listWorkflows(parts, { namespaceId: namespace.id, filter }, pageOf(request));
    },

    ListClosedWorkflowExecutions: async (request) => {
      const namespace = namespaces.byName(request.namespace);
      if (namespace instanceof Rejection) return namespace;
      const filters = legacyFilters(request, "CloseTime");
      if (filters instanceof Rejection) return filters;
      const closed: VisibilityFilter = { op: "!=", name: "ExecutionStatus", value: WorkflowExecutionStatus.RUNNING };
      const status = statusFilter(request);
      if (status instanceof Rejection) return status;
      const filter = undivided([closed, ...filters, ...status]);
      return listWorkflows(parts, { namespaceId: namespace.id, filter }, pageOf(request));
    },
  } satisfies Handlers;
}

interface LegacyRequest {
  readonly startTimeFilter?: filter.StartTimeFilter | undefined;
  readonly executionFilter?: filter.WorkflowExecutionFilter | undefined;
  readonly typeFilter?: filter.WorkflowTypeFilter | undefined;
  readonly maximumPageSize: number;
  readonly nextPageToken: Uint8Array;
}

function pageOf({ maximumPageSize, nextPageToken }: LegacyRequest): Page {
  return { pageSize: maximumPageSize, nextPageToken };
}

function undivided(filters: readonly VisibilityFilter[]): VisibilityFilter {
  return { op: "and", all: [{ op: "isNull", name: namespaceDivision }, ...filters] };
}

function legacyFilters(request: LegacyRequest, timeName: string): VisibilityFilter[] | Rejection {
  const { startTimeFilter, executionFilter, typeFilter } = request;
  const earliestMs = timestampMs(startTimeFilter?.earliestTime);
  const latestMs = timestampMs(startTimeFilter?.latestTime);
  if (earliestMs > 0 && latestMs > 0 && earliestMs > latestMs)
    return invalid("EarliestTime in StartTimeFilter should not be larger than LatestTime.");
  const filters: VisibilityFilter[] = [];
  if (earliestMs > 0) filters.push({ op: ">=", name: timeName, value: earliestMs });
  if (latestMs > 0) filters.push({ op: "<=", name: timeName, value: latestMs });
  if (executionFilter) {
    filters.push({ op: "=", name: "WorkflowId", value: executionFilter.workflowId });
    if (executionFilter.runId !== "") filters.push({ op: "=", name: "RunId", value: executionFilter.runId });
  } else if (typeFilter) filters.push({ op: "=", name: "WorkflowType", value: typeFilter.name });
  return filters;
}

/** The filters exclude each other: like the reference server, the first one given counts. */
function statusFilter(request: RequestOf<"ListClosedWorkflowExecutions">): VisibilityFilter[] | Rejection {
  if (!request.statusFilter || request.executionFilter || request.typeFilter) return [];
  const { status } = request.statusFilter;
  if (status === WorkflowExecutionStatus.UNSPECIFIED || status === WorkflowExecutionStatus.RUNNING)
    return invalid("StatusFilter must be specified and must be not Running.");
  return [{ op: "=", name: "ExecutionStatus", value: status }];
}
