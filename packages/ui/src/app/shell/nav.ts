/** The pages that can be gone to from every other one, in groups. */
export interface NavItem {
  readonly label: string;
  readonly to: string;
  /** Pages below this address are of other items. */
  readonly isExact?: true;
}

export const navGroups = [
  {
    title: "Executions",
    items: [
      { label: "Workflows", to: "/namespaces/$namespace/workflows" },
      { label: "Activities", to: "/namespaces/$namespace/activities" },
      { label: "Pending activities", to: "/namespaces/$namespace/pending-activities" },
      { label: "Inbox", to: "/namespaces/$namespace/inbox" },
    ],
  },
  {
    title: "Automation",
    items: [
      { label: "Schedules", to: "/namespaces/$namespace/schedules" },
      { label: "Batch operations", to: "/namespaces/$namespace/batch-operations" },
    ],
  },
  {
    title: "Operations",
    items: [
      { label: "Workers", to: "/namespaces/$namespace/workers" },
      { label: "Deployments", to: "/namespaces/$namespace/deployments" },
      { label: "Task queues", to: "/namespaces/$namespace/task-queues" },
      { label: "Search attributes", to: "/namespaces/$namespace/search-attributes" },
    ],
  },
  {
    title: "Server",
    items: [
      { label: "Namespaces", to: "/namespaces", isExact: true },
      { label: "Nexus endpoints", to: "/nexus" },
      { label: "Cluster", to: "/cluster" },
    ],
  },
  {
    title: "This browser",
    items: [
      { label: "History file", to: "/import" },
      { label: "Payload codec", to: "/codec" },
    ],
  },
] as const satisfies readonly { readonly title: string; readonly items: readonly NavItem[] }[];
