/** The pages that can be gone to from every other one, in groups. */
export interface NavItem {
  readonly label: string;
  readonly to: string;
}

export const navGroups = [
  { title: "Executions", items: [{ label: "Workflows", to: "/namespaces/$namespace/workflows" }] },
  {
    title: "Automation",
    items: [{ label: "Schedules", to: "/namespaces/$namespace/schedules" }],
  },
  {
    title: "Operations",
    items: [{ label: "Workers", to: "/namespaces/$namespace/workers" }],
  },
] as const satisfies readonly { readonly title: string; readonly items: readonly NavItem[] }[];
