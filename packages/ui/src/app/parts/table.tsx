/** Tables: rows that are put in order by a column, chosen, and opened. TanStack Table keeps who is where; what is seen of it is here. */

import { Link } from "@tanstack/react-router";
import {
  createSortedRowModel,
  functionalUpdate,
  type Row,
  type RowData,
  type RowSelectionState,
  rowExpandingFeature,
  rowSelectionFeature,
  rowSortingFeature,
  type SortingState,
  sortFn_alphanumeric,
  sortFn_text,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { Fragment, type ReactNode, useMemo } from "react";

export interface Column<Entry> {
  /** Unique in its table; what addresses call it. Default: the title, unless that is empty. */
  readonly id?: string;
  readonly title: string;
  readonly cell: (entry: Entry) => ReactNode;
  /** By what its rows are put in order; rows without it come last. A column that lacks it has no order. */
  readonly value?: (entry: Entry) => string | number | undefined;
  /** Class of its cells. */
  readonly look?: string;
  /** Its cells open the details of their row. */
  readonly opens?: boolean;
}

export interface TableProps<Entry> {
  /** The same array as long as nothing of them changes: what is made of them is kept. */
  readonly columns: readonly Column<Entry>[];
  readonly rows: readonly Entry[];
  /** Unique among the rows, and of an entry the same whenever it is seen. */
  readonly keyOf: (entry: Entry) => string;
  /** As it stands in the address: an id of a column, `-` before it for the other way round. Without `order`, headings change nothing. */
  readonly sort?: string | undefined;
  /** Who puts the rows in order: this table, or whoever gave them. */
  readonly order?: "here" | "elsewhere";
  readonly choice?: Choice<Entry>;
  /** What is shown below a row that is opened. */
  readonly details?: (entry: Entry) => ReactNode;
  readonly look?: string;
}

/** Some rows can be chosen, also a range of them with Shift. */
export interface Choice<Entry> {
  /** By their keys, those of other pages too. */
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly nameOf: (entry: Entry) => string;
}

const features = tableFeatures({
  ...{ rowSortingFeature, rowSelectionFeature, rowExpandingFeature },
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, text: sortFn_text },
});
type Features = typeof features;
type TableModel<Entry extends RowData> = Pick<
  ReturnType<typeof useTableOf<Entry>>,
  "getColumn" | "getIsAllRowsSelected" | "getToggleAllRowsSelectedHandler"
>;

export function Table<Entry extends RowData>(props: TableProps<Entry>) {
  const { columns, choice, details, look } = props;
  const table = useTableOf(props);
  const width = columns.length + (choice ? 1 : 0);
  return (
    <div className="scroll">
      <table className={look}>
        <thead>
          <tr>
            {choice && <ChooseAll table={table} />}
            {columns.map((column) => (
              <Heading key={idOf(column)} column={column} table={table} isOrdered={props.order !== undefined} />
            ))}
          </tr>
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <Fragment key={row.id}>
              <tr className={row.getIsSelected() ? "chosen" : undefined}>
                {choice && <Choose row={row} name={choice.nameOf(row.original)} />}
                {columns.map((column) => (
                  <Cell key={idOf(column)} column={column} row={row} />
                ))}
              </tr>
              {details && row.getIsExpanded() && (
                <tr>
                  <td colSpan={width}>{details(row.original)}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function useTableOf<Entry extends RowData>({ columns, rows, keyOf, sort, order, choice, details }: TableProps<Entry>) {
  const definitions = useMemo(
    () =>
      columns.map((column) => ({
        id: idOf(column),
        accessorFn: column.value ?? (() => undefined),
        enableSorting: column.value !== undefined,
        sortDescFirst: false,
        sortUndefined: "last" as const,
      })),
    [columns],
  );
  const data = useMemo(() => [...rows], [rows]);
  const chosen = choice?.chosen;
  const rowSelection = useMemo(
    (): RowSelectionState => Object.fromEntries([...(chosen ?? [])].map((key) => [key, true])),
    [chosen],
  );
  const sorting = useMemo(() => (order === undefined ? [] : sortingOf(sort)), [order, sort]);
  return useTable<Features, Entry>({
    ...{ features, columns: definitions, data, getRowId: keyOf, manualSorting: order === "elsewhere" },
    ...{ enableMultiSort: false, getRowCanExpand: () => details !== undefined },
    state: { sorting, rowSelection },
    onRowSelectionChange: (change) => choice?.onChoose(new Set(Object.keys(functionalUpdate(change, rowSelection)))),
  });
}

function idOf<Entry>({ id, title }: Column<Entry>): string {
  return id ?? title;
}

function sortingOf(sort: string | undefined): SortingState {
  return sort === undefined ? [] : [{ id: sort.replace(/^-/, ""), desc: sort.startsWith("-") }];
}

interface HeadingProps<Entry extends RowData> {
  readonly column: Column<Entry>;
  readonly table: TableModel<Entry>;
  readonly isOrdered: boolean;
}

/** Up, down, and as the server has them. The order stands in the address. */
function Heading<Entry extends RowData>({ column, table, isOrdered }: HeadingProps<Entry>) {
  const id = idOf(column);
  const model = table.getColumn(id);
  if (!isOrdered || !model?.getCanSort()) return <th scope="col">{column.title}</th>;
  const now = model.getIsSorted();
  const next = model.getNextSortingOrder();
  const sort = next && (next === "desc" ? `-${id}` : id);
  return (
    <th scope="col" aria-sort={!now ? undefined : now === "desc" ? "descending" : "ascending"}>
      <Link
        to="."
        search={({ sort: _, after: __, ...kept }: Record<string, unknown>) => ({ ...kept, ...(sort && { sort }) })}
        title="Puts the whole list in order"
      >
        {column.title} {now && <span aria-hidden="true">{now === "desc" ? "↓" : "↑"}</span>}
      </Link>
    </th>
  );
}

interface CellProps<Entry extends RowData> {
  readonly column: Column<Entry>;
  readonly row: Row<Features, Entry>;
}

function Cell<Entry extends RowData>({ column, row }: CellProps<Entry>) {
  const content = column.cell(row.original);
  return (
    <td className={column.look}>
      {column.opens ? (
        <button
          type="button"
          className="quiet name"
          aria-expanded={row.getIsExpanded()}
          onClick={() => row.toggleExpanded()}
        >
          {content}
        </button>
      ) : (
        content
      )}
    </td>
  );
}

function ChooseAll<Entry extends RowData>({ table }: { readonly table: TableModel<Entry> }) {
  return (
    <th scope="col" className="choice-cell">
      <input
        type="checkbox"
        aria-label="Choose all of this page"
        checked={table.getIsAllRowsSelected()}
        onChange={table.getToggleAllRowsSelectedHandler()}
      />
    </th>
  );
}

function Choose<Entry extends RowData>({ row, name }: { readonly row: Row<Features, Entry>; readonly name: string }) {
  return (
    <td className="choice-cell">
      <input
        type="checkbox"
        aria-label={`Choose ${name}`}
        checked={row.getIsSelected()}
        onChange={row.getToggleSelectedHandler()}
      />
    </td>
  );
}
