/** The rows of the list: chosen, put in order, and walked through by the keyboard. */
import { Link } from "@tanstack/react-router";
import { workflowsRoute } from "../addresses.ts";
import type { WorkflowInfo } from "../api/workflows.ts";
import { spanText } from "../history/timeline.ts";
import { Moment } from "../parts/moment.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import type { Attribute } from "./attributes.ts";
import { type Column, cellValue, columnKey, columnLabel, orderName, type Sort, sortKey } from "./columns.ts";

interface ListProps {
  readonly rows: readonly WorkflowInfo[];
  readonly columns: readonly Column[];
  readonly sort: Sort | undefined;
  readonly attributes: readonly Attribute[];
  /** Run ids. */
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

export function List({ rows, columns, sort, attributes, chosen, onChoose }: ListProps) {
  const isAll = rows.length > 0 && rows.every(({ execution }) => chosen.has(execution.runId));
  const toggle = (runId: string) => {
    const changed = new Set(chosen);
    if (!changed.delete(runId)) changed.add(runId);
    onChoose(changed);
  };
  return (
    <div className="scroll">
      <table className="workflows">
        <thead>
          <tr>
            <th scope="col" className="choice-cell">
              <input
                type="checkbox"
                aria-label="Choose all of this page"
                checked={isAll}
                onChange={() => onChoose(isAll ? new Set() : new Set(rows.map(({ execution }) => execution.runId)))}
              />
            </th>
            {columns.map((column) => (
              <Heading key={columnKey(column)} {...{ column, sort, attributes }} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={row.execution.runId}
              row={row}
              columns={columns}
              isChosen={chosen.has(row.execution.runId)}
              onToggle={() => toggle(row.execution.runId)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadingProps extends Pick<ListProps, "sort" | "attributes"> {
  readonly column: Column;
}

function Heading({ column, sort, attributes }: HeadingProps) {
  const key = columnKey(column);
  if (orderName(column, attributes) === undefined) return <th scope="col">{columnLabel(column)}</th>;
  const isSorted = sort !== undefined && columnKey(sort.column) === key;
  // Up, down, and as the server has them.
  const next = !isSorted
    ? { column, isDescending: false }
    : sort.isDescending
      ? undefined
      : { column, isDescending: true };
  return (
    <th scope="col" aria-sort={!isSorted ? undefined : sort.isDescending ? "descending" : "ascending"}>
      <Link
        from={workflowsRoute.id}
        search={({ sort: _, after: __, ...kept }) => ({ ...kept, ...(next && { sort: sortKey(next) }) })}
        title="Puts the whole list in order"
      >
        {columnLabel(column)} {isSorted && <span aria-hidden="true">{sort.isDescending ? "↓" : "↑"}</span>}
      </Link>
    </th>
  );
}

interface RowProps {
  readonly row: WorkflowInfo;
  readonly columns: readonly Column[];
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}

function Row({ row, columns, isChosen, onToggle }: RowProps) {
  return (
    <tr className={isChosen ? "chosen" : undefined}>
      <td className="choice-cell">
        <input
          type="checkbox"
          aria-label={`Choose ${row.execution.workflowId}`}
          checked={isChosen}
          onChange={onToggle}
        />
      </td>
      {columns.map((column) => (
        <Cell key={columnKey(column)} column={column} row={row} />
      ))}
    </tr>
  );
}

function Cell({ column, row }: { readonly column: Column; readonly row: WorkflowInfo }) {
  const { namespace } = workflowsRoute.useParams();
  const value = cellValue(column, row);
  const name = column.kind === "fact" ? column.name : "";
  if (name === "Status")
    return (
      <td>
        <StatusBadge status={row.status} />
      </td>
    );
  if (name === "WorkflowId")
    return (
      <td className="breakable">
        <Link
          to="/namespaces/$namespace/workflows/$workflowId/$runId"
          params={{ namespace, ...row.execution }}
          data-shortcut="row"
        >
          {row.execution.workflowId}
        </Link>
      </td>
    );
  if (value === undefined)
    return (
      <td>
        <span className="faint">–</span>
      </td>
    );
  if (name === "StartTime" || name === "CloseTime" || name === "ExecutionTime")
    return (
      <td>
        <Moment at={new Date(Number(value)).toISOString()} />
      </td>
    );
  if (name === "Duration") return <td className="unbroken">{spanText(Number(value))}</td>;
  if (typeof value === "number") return <td>{value.toLocaleString()}</td>;
  return (
    <td className="breakable cell-text">
      <span title={value}>{value}</span>
    </td>
  );
}
