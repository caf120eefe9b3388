/** Events of a history as the API writes them. */
export interface HistoryEvent {
  readonly eventId: string;
  readonly eventTime: string;
  /** Such as EVENT_TYPE_TIMER_STARTED. */
  readonly eventType: string;
  readonly userMetadata?: { readonly summary?: unknown; readonly details?: unknown };
  readonly [more: string]: unknown;
}

export type Attributes = Readonly<Record<string, unknown>>;

/** What is particular to its type. */
export function attributesOf(event: HistoryEvent): Attributes {
  const key = Object.keys(event).find((name) => name.endsWith("EventAttributes"));
  return key === undefined ? {} : (event[key] as Attributes);
}

/** `TIMER_STARTED` */
export function typeOf({ eventType }: HistoryEvent): string {
  return eventType.replace(/^EVENT_TYPE_/, "");
}

/** `Timer started` */
export function eventTitle(event: HistoryEvent): string {
  const words = typeOf(event)
    .toLowerCase()
    .replaceAll("_", " ")
    .replace(/^workflow execution /, "workflow ")
    .replace("activity task", "activity");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
