/** A page that is one list: its title, what can be done, its rows, and what stands there when there are none, or no answer. */
import type { UseQueryResult } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import type { RowData } from "@tanstack/react-table";
import { type ReactNode, useEffect } from "react";
import { Loading, Problem, Stale } from "./notice.tsx";
import { Pager } from "./pager.tsx";
import { type Column, Table } from "./table.tsx";

interface ListPageProps<Row> {
  readonly title: string;
  /** What can be done beside the title. */
  readonly actions?: ReactNode;
  /** Stands between the title and the list. */
  readonly intro?: ReactNode;
  readonly list: Pick<UseQueryResult<unknown>, "error" | "data" | "refetch">;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ReactNode;
  readonly after?: string | undefined;
  readonly next?: string | undefined;
}

export function ListPage<Row extends RowData>(props: ListPageProps<Row>) {
  const { title, actions, intro, list, rows, columns, keyOf, empty, after, next } = props;
  const { sort } = useSearch({ strict: false });
  // What would be put in order otherwise is one page of the list.
  const isWhole = after === undefined && !next;
  useTitle(title);
  return (
    <div className="page">
      <div className="title">
        <h1>{title}</h1>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {intro}
      {list.data !== undefined && list.error && <Stale />}
      {list.data !== undefined ? (
        rows.length === 0 ? (
          empty
        ) : (
          <Table {...{ columns, rows, keyOf, sort }} {...(isWhole && { order: "here" })} />
        )
      ) : list.error ? (
        <Problem error={list.error} onRetry={list.refetch} />
      ) : (
        <Loading what={title.toLowerCase()} />
      )}
      <Pager after={after} next={next} />
    </div>
  );
}

/** Of the tab. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Pawl`;
  }, [title]);
}
