/** How many there are of each status: as a bar, and as links that show only these. */
import { Link } from "@tanstack/react-router";
import { workflowsRoute } from "../addresses.ts";
import { shownPayload } from "../api/payload.ts";
import type { WorkflowCount } from "../api/workflows.ts";
import { statusLabel } from "../parts/status-badge.tsx";
import { statuses } from "./filter.ts";

export function StatusBar({ counts, status }: { readonly counts: WorkflowCount | undefined; readonly status: string }) {
  const shares = statuses
    .map((name) => ({ name, count: countOf(counts, name) }))
    .filter(({ name, count }) => count > 0 || name === status);
  const total = shares.reduce((sum, { count }) => sum + count, 0);
  return (
    <div className="counts">
      <div className="bar" aria-hidden="true">
        {shares.map(({ name, count }) => (
          <span key={name} className={`fill status-${name}`} style={{ flexGrow: count }} />
        ))}
      </div>
      <nav aria-label="Statuses">
        <Link
          from={workflowsRoute.id}
          search={({ status: _, after: __, ...kept }) => kept}
          className="chip"
          activeOptions={{ exact: true }}
          aria-current={status === "" ? "true" : undefined}
        >
          All <b>{total.toLocaleString()}</b>
        </Link>
        {shares.map(({ name, count }) => (
          <Link
            key={name}
            from={workflowsRoute.id}
            search={({ after: _, ...kept }) => ({ ...kept, status: name })}
            className={`chip status-${name}`}
            activeOptions={{ exact: true }}
            aria-current={status === name ? "true" : undefined}
          >
            {statusLabel(name)} <b>{count.toLocaleString()}</b>
          </Link>
        ))}
      </nav>
    </div>
  );
}

function countOf(counts: WorkflowCount | undefined, name: string): number {
  const group = counts?.groups?.find(({ groupValues }) => shownPayload(groupValues[0]) === name);
  return Number(group?.count ?? 0);
}
