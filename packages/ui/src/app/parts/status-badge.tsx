import { statusName } from "../workflows/filter.ts";

const labels: Readonly<Record<string, string>> = { TimedOut: "Timed out", ContinuedAsNew: "Continued as new" };

/** A status as the API or the list writes it; never by colour alone. */
export function StatusBadge({ status }: { readonly status: string }) {
  const name = statusName(status);
  return <span className={`badge status-${name}`}>{labels[name] ?? name}</span>;
}

export function statusLabel(name: string): string {
  return labels[name] ?? name;
}
