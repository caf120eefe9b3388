/** The rows of the list: chosen, put in order by the server, and walked through by the keyboard. */
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { workflowsRoute } from "../addresses.ts";
import type { WorkflowInfo } from "../api/workflows.ts";
import { spanText } from "../history/timeline.ts";
import { Moment } from "../parts/moment.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Table, type Column as TableColumn } from "../parts/table.tsx";
import type { Attribute } from "./attributes.ts";
import { type Column, cellValue, columnKey, columnLabel, orderName } from "./columns.ts";

interface ListProps {
  readonly rows: readonly WorkflowInfo[];
  readonly columns: readonly Column[];
  /** As it stands in the address. */
  readonly sort: string | undefined;
  readonly attributes: readonly Attribute[];
  /** Run ids. */
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

export function List({ rows, columns, sort, attributes, chosen, onChoose }: ListProps) {
  const shown = useMemo(() => columns.map((column) => tableColumn(column, attributes)), [columns, attributes]);
  return (
    <Table
      {...{ rows, sort }}
      order="elsewhere"
      look="workflows"
      columns={shown}
      keyOf={({ execution }) => execution.runId}
      choice={{ chosen, onChoose, nameOf: ({ execution }) => execution.workflowId }}
    />
  );
}

const looks: Readonly<Record<string, string>> = { Status: "", WorkflowId: "breakable", Duration: "unbroken" };

function tableColumn(column: Column, attributes: readonly Attribute[]): TableColumn<WorkflowInfo> {
  const isTime = column.kind === "fact" && /Time$/.test(column.name);
  return {
    ...{ id: columnKey(column), title: columnLabel(column), cell: (row) => <Cell column={column} row={row} /> },
    ...(orderName(column, attributes) !== undefined && { value: (row) => cellValue(column, row) }),
    look: isTime ? "unbroken" : ((column.kind === "fact" ? looks[column.name] : undefined) ?? "breakable cell-text"),
  };
}

function Cell({ column, row }: { readonly column: Column; readonly row: WorkflowInfo }) {
  const { namespace } = workflowsRoute.useParams();
  const value = cellValue(column, row);
  const name = column.kind === "fact" ? column.name : "";
  if (name === "Status") return <StatusBadge status={row.status} />;
  if (name === "WorkflowId")
    return (
      <Link
        to="/namespaces/$namespace/workflows/$workflowId/$runId"
        params={{ namespace, ...row.execution }}
        data-shortcut="row"
      >
        {row.execution.workflowId}
      </Link>
    );
  if (value === undefined) return <span className="faint">–</span>;
  if (name === "StartTime" || name === "CloseTime" || name === "ExecutionTime")
    return <Moment at={new Date(Number(value)).toISOString()} />;
  if (name === "Duration") return spanText(Number(value));
  return typeof value === "number" ? value.toLocaleString() : <span title={value}>{value}</span>;
}
