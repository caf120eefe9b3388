/** Keys that do something on every page. */
export interface Shortcut {
  /** One key, or two pressed one after the other; as `KeyboardEvent.key` names them. */
  readonly keys: readonly [string] | readonly [string, string];
  readonly label: string;
}

export const shortcuts = {
  palette: { keys: ["Ctrl K"], label: "Open the command palette" },
  help: { keys: ["?"], label: "Show these keys" },
  filter: { keys: ["/"], label: "Go to the filter of the list" },
  next: { keys: ["j"], label: "Next row" },
  previous: { keys: ["k"], label: "Row before" },
  choose: { keys: ["x"], label: "Choose the row, or no longer" },
  start: { keys: ["n"], label: "Start a workflow" },
  workflows: { keys: ["g", "w"], label: "Go to workflows" },
  activities: { keys: ["g", "a"], label: "Go to activities" },
  pending: { keys: ["g", "p"], label: "Go to pending activities" },
  inbox: { keys: ["g", "i"], label: "Go to the inbox" },
  schedules: { keys: ["g", "s"], label: "Go to schedules" },
  batches: { keys: ["g", "b"], label: "Go to batch operations" },
  queues: { keys: ["g", "q"], label: "Go to task queues" },
} as const satisfies Readonly<Record<string, Shortcut>>;
export type ShortcutName = keyof typeof shortcuts;

export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  /** Somebody is typing, or a dialog is open: only Ctrl K counts. */
  readonly isElsewhere: boolean;
}

export interface Heard {
  readonly name?: ShortcutName;
  /** The first key of two. */
  readonly waitingFor: string | undefined;
}

/** `before`: the key that was waited with. */
export function hear(press: Press, before: string | undefined): Heard {
  const { key, ctrlKey, metaKey, altKey, isElsewhere } = press;
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") return { name: "palette", waitingFor: undefined };
  if (isElsewhere || ctrlKey || metaKey || altKey) return { waitingFor: undefined };
  const entries = Object.entries(shortcuts) as [ShortcutName, Shortcut][];
  const found = entries.find(([, { keys }]) =>
    keys.length === 2 ? keys[0] === before && keys[1] === key : before === undefined && keys[0] === key,
  );
  if (found) return { name: found[0], waitingFor: undefined };
  const isFirst = entries.some(([, { keys }]) => keys.length === 2 && keys[0] === key);
  return { waitingFor: isFirst ? key : undefined };
}
