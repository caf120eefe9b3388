/** The history: as groups on a time axis, or event by event. Only what is in view is drawn, so its length does not matter. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import type { HistoryEvent } from "../history/event.ts";
import { eventHolds } from "../history/search.ts";
import { Rows } from "../parts/rows.tsx";
import { EventRow } from "./event-row.tsx";
import type { LiveHistory } from "./live-history.ts";
import { type HistoryProps, Timeline } from "./timeline.tsx";

const viewNames = { timeline: "Timeline", events: "Events" } as const;

export function HistoryPanel(props: HistoryProps) {
  const { history, address } = props;
  const { view = "timeline" } = useSearch({ strict: false });
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const show = (name: keyof typeof viewNames) =>
    void navigate({
      to: "/namespaces/$namespace/workflows/$workflowId/$runId",
      params: { ...address },
      search: { view: name },
      replace: true,
    });
  return (
    <section aria-labelledby="history-title">
      <div className="title">
        <h2 id="history-title">
          History <span className="faint">{history.events.length.toLocaleString()} events</span>
        </h2>
        <fieldset className="switch">
          <legend className="hidden">View</legend>
          {(Object.keys(viewNames) as (keyof typeof viewNames)[]).map((name) => (
            <button key={name} type="button" aria-pressed={view === name} onClick={() => show(name)}>
              {viewNames[name]}
            </button>
          ))}
        </fieldset>
        <input
          className="push"
          type="search"
          aria-label="Search the history"
          placeholder="Search the history"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Download history={history} workflowId={address.workflowId} />
      </div>
      {view === "timeline" ? <Timeline {...props} text={text} /> : <EventList events={history.events} text={text} />}
    </section>
  );
}

/** As the official tools write and replay it. */
function Download({ history, workflowId }: { readonly history: LiveHistory; readonly workflowId: string }) {
  const save = () => {
    const url = URL.createObjectURL(
      new Blob([JSON.stringify({ events: history.events }, null, 2)], { type: "application/json" }),
    );
    const link = document.createElement("a");
    link.href = url;
    link.download = `${workflowId.replace(/[^\w.-]+/g, "_")}-history.json`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <button type="button" onClick={save}>
      Download JSON
    </button>
  );
}

function EventList({ events, text }: { readonly events: readonly HistoryEvent[]; readonly text: string }) {
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const shown = useMemo(
    () => (wanted === "" ? events : events.filter((event) => eventHolds(event, wanted))),
    [events, wanted],
  );
  return (
    <Rows count={shown.length} keyOf={(i) => shown[i]!.eventId} label="Events">
      {(i) => <EventRow event={shown[i]!} />}
    </Rows>
  );
}
