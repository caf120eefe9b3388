import type { ReactNode } from "react";

interface TableProps {
  readonly columns: readonly string[];
  /** Its `tr`s. */
  readonly children: ReactNode;
}

export function Table({ columns, children }: TableProps) {
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
