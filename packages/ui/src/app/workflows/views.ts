/** Named filters: some that everybody needs, and those that this browser's user has saved. */
import { remembered } from "../parts/remembered.ts";

/** What of the list's address a view says. */
export interface ViewSearch {
  readonly query?: string;
  readonly status?: string;
  readonly columns?: string;
  readonly sort?: string;
}

export interface View {
  readonly name: string;
  readonly search: ViewSearch;
}

const viewsMax = 50;
export const nameCharsMax = 60;

/** Since midnight where the user is. */
export function givenViews(now: Date): View[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).toISOString();
  return [
    { name: "All", search: {} },
    { name: "Running", search: { status: "Running" } },
    { name: "Failed today", search: { status: "Failed", query: `CloseTime >= "${midnight}"` } },
    { name: "Retrying activities", search: { query: "PawlRetryingActivities IS NOT NULL" } },
    { name: "Stuck", search: { query: "PawlStuckReasons IS NOT NULL" } },
  ];
}

export const savedViews = remembered<readonly View[]>({ key: "views", read: readViews, otherwise: [] });

function readViews(kept: unknown): readonly View[] | undefined {
  if (!Array.isArray(kept)) return undefined;
  return kept.slice(0, viewsMax).flatMap((view: Partial<View> | null) => {
    if (typeof view?.name !== "string" || typeof view.search !== "object" || view.search === null) return [];
    return [{ name: view.name.slice(0, nameCharsMax), search: viewSearch(view.search) }];
  });
}

export function viewSearch(search: Readonly<Record<string, unknown>> | ViewSearch): ViewSearch {
  const { query, status, columns, sort } = search as Readonly<Record<string, unknown>>;
  const given = Object.entries({ query, status, columns, sort }).filter(
    ([, value]) => typeof value === "string" && value !== "",
  );
  return Object.fromEntries(given) as ViewSearch;
}

/** The name is taken over from a view that had it. Throws a sentence. */
export function withView(views: readonly View[], { name, search }: View): readonly View[] {
  const wanted = name.trim();
  if (wanted === "" || wanted.length > nameCharsMax) throw new Error(`A name has 1 to ${nameCharsMax} characters.`);
  const others = views.filter((view) => view.name !== wanted);
  if (others.length >= viewsMax) throw new Error(`There are ${viewsMax} views already: delete one first.`);
  return [...others, { name: wanted, search: viewSearch(search) }];
}

export function isShown({ search }: View, shown: ViewSearch): boolean {
  const same = (name: "query" | "status") => (search[name] ?? "") === (shown[name] ?? "");
  return same("query") && same("status") && (search.columns === undefined || search.columns === shown.columns);
}
