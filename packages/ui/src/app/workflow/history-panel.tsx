/** The history: as groups on a time axis, event by event, or as JSON. Only what is in view is drawn, so its length does not matter. */
import { useDeferredValue, useMemo, useState } from "react";
import { Tabs } from "react-aria-components";
import type { View } from "../addresses.ts";
import type { HistoryEvent } from "../history/event.ts";
import type { Group, GroupKind } from "../history/groups.ts";
import { type Wanted, wantedOf } from "../history/search.ts";
import { useMatches } from "../history/use-matches.ts";
import { saveFile } from "../parts/file.ts";
import { Rows } from "../parts/rows.tsx";
import { TabRow, TabView } from "../parts/tabs.tsx";
import { EventRow } from "./event-row.tsx";
import { kindNames } from "./group-row.tsx";
import { type HistoryProps, Timeline } from "./timeline.tsx";

const viewNames = { timeline: "Timeline", events: "Events", json: "JSON" } as const satisfies Record<View, string>;

interface PanelProps extends HistoryProps {
  readonly view: View;
  readonly onView: (view: View) => void;
  /** Of the file that it is saved as. */
  readonly name: string;
}

export function HistoryPanel({ view, onView, name, ...props }: PanelProps) {
  const { history } = props;
  const [text, setText] = useState("");
  const [kind, setKind] = useState<GroupKind | "">("");
  const typed = useDeferredValue(text);
  const wanted = useMemo(() => wantedOf(typed), [typed]);
  return (
    <Tabs
      aria-labelledby="history-title"
      selectedKey={view}
      onSelectionChange={(chosen) => onView(chosen as View)}
      render={(props) => <section {...props} />}
    >
      <div className="title">
        <h2 id="history-title">
          History <span className="faint">{history.events.length.toLocaleString()} events</span>
        </h2>
        <TabRow label="View" names={viewNames} />
        <KindChoice kind={kind} onChange={setKind} />
        <input
          type="search"
          aria-label="Search the history"
          placeholder="Words, or /a pattern/"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Download events={history.events} name={name} />
      </div>
      <TabView name="timeline">
        <FoundGroups {...props} wanted={wanted} kind={kind} />
      </TabView>
      {(["events", "json"] as const).map((each) => (
        <TabView key={each} name={each}>
          <FoundEvents {...{ history, wanted, kind }} isJson={each === "json"} />
        </TabView>
      ))}
    </Tabs>
  );
}

interface KindChoiceProps {
  readonly kind: GroupKind | "";
  readonly onChange: (kind: GroupKind | "") => void;
}

function KindChoice({ kind, onChange }: KindChoiceProps) {
  return (
    <select
      className="push"
      aria-label="Kind of events"
      value={kind}
      onChange={(event) => onChange(event.target.value as GroupKind | "")}
    >
      <option value="">Everything</option>
      {(Object.keys(kindNames) as GroupKind[]).map((each) => (
        <option key={each} value={each}>
          {kindNames[each]}
        </option>
      ))}
    </select>
  );
}

/** In the form that the official tools write and replay. */
function Download({ events, name }: { readonly events: readonly HistoryEvent[]; readonly name: string }) {
  return (
    <button type="button" onClick={() => saveFile(`${name}-history.json`, JSON.stringify({ events }, null, 2))}>
      Download JSON
    </button>
  );
}

interface Search {
  readonly wanted: Wanted | undefined;
  readonly kind: GroupKind | "";
}

function FoundGroups({ wanted, kind, ...props }: HistoryProps & Search) {
  const [withTasks, setWithTasks] = useState(false);
  const matches = useMemo(
    () => (group: Group) =>
      (kind === "" ? withTasks || group.kind !== "task" : group.kind === kind) &&
      (wanted === undefined || group.events.some(wanted)),
    [kind, withTasks, wanted],
  );
  const { shown, isSearching } = useMatches(props.history.groups, matches);
  return (
    <Timeline {...props} shown={shown} isSearching={isSearching}>
      {kind === "" && (
        <label className="check">
          <input type="checkbox" checked={withTasks} onChange={(event) => setWithTasks(event.target.checked)} />{" "}
          Workflow tasks
        </label>
      )}
    </Timeline>
  );
}

interface FoundEventsProps extends Search, Pick<HistoryProps, "history"> {
  readonly isJson: boolean;
}

function FoundEvents({ history, wanted, kind, isJson }: FoundEventsProps) {
  const { events, groups } = history;
  const matches = useMemo(() => {
    if (wanted === undefined && kind === "") return undefined;
    const ofKind =
      kind === "" ? undefined : new Set(groups.filter((group) => group.kind === kind).flatMap((group) => group.events));
    return (event: HistoryEvent) => (ofKind?.has(event) ?? true) && (wanted?.(event) ?? true);
  }, [wanted, kind, groups]);
  const { shown, isSearching } = useMatches(events, matches);
  if (isSearching && shown.length === 0) return <p className="faint">Searching…</p>;
  return (
    <Rows count={shown.length} keyOf={(i) => shown[i]!.eventId} label={isJson ? "JSON" : "Events"}>
      {(i) =>
        isJson ? <pre className="event-json">{JSON.stringify(shown[i], null, 2)}</pre> : <EventRow event={shown[i]!} />
      }
    </Rows>
  );
}
