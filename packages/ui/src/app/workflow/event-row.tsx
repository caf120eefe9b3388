import { useState } from "react";
import { attributesOf, eventTitle, type HistoryEvent } from "../history/event.ts";
import { MessageView } from "../parts/json/payload-view.tsx";

export function EventRow({ event }: { readonly event: HistoryEvent }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="event">
      <button type="button" className="row" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span className="number faint">{event.eventId}</span>
        <span>{eventTitle(event)}</span>
        <time className="push faint" dateTime={event.eventTime}>
          {new Date(event.eventTime).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" })}
        </time>
      </button>
      {isOpen && <MessageView message={attributesOf(event)} label={`event ${event.eventId}`} />}
    </div>
  );
}
