/**
 * Pending activities of many executions. The inbox has those that somebody may have to answer: a worker that leaves an activity's end to a person or
 * another system tells nobody, so all that were begun and have not ended are here, and how long ago tells them from those that just run.
 */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { inboxRoute, pendingRoute } from "../addresses.ts";
import { findPending, type PendingFound, type PendingState, pendingStates } from "../api/activities.ts";
import { useTitle } from "../parts/list-page.tsx";
import { useNowMs } from "../parts/moment.tsx";
import { Empty, Loading, Problem, Stale } from "../parts/notice.tsx";
import { FoundCard } from "./found-activity.tsx";

const refreshMs = 3_000;

export interface PendingSearch {
  readonly state?: string;
  readonly type?: string;
  readonly kind?: string;
  /** Such as "60s". */
  readonly startedFor?: string;
  readonly query?: string;
  readonly after?: string;
}

export function InboxPage() {
  const { namespace } = inboxRoute.useParams();
  const search = inboxRoute.useSearch();
  return <Found title="Inbox" namespace={namespace} search={search} fixedState="started" />;
}

export function PendingPage() {
  const { namespace } = pendingRoute.useParams();
  const search = pendingRoute.useSearch();
  return <Found title="Pending activities" namespace={namespace} search={search} />;
}

interface FoundProps {
  readonly title: "Inbox" | "Pending activities";
  readonly namespace: string;
  readonly search: PendingSearch;
  readonly fixedState?: PendingState;
}

function Found({ title, namespace, search, fixedState }: FoundProps) {
  useTitle(`${title} · ${namespace}`);
  const nowMs = useNowMs();
  const state = fixedState ?? pendingStates.find((each) => each === search.state) ?? "any";
  const { type: activityType = "", startedFor = "", query = "", after } = search;
  const kind = search.kind === "activity" ? "activity" : "workflow";
  const list = useQuery({
    queryKey: ["pending", namespace, kind, state, activityType, startedFor, query, after],
    queryFn: ({ signal }) =>
      findPending(namespace, { ...{ kind, state, activityType, startedFor, query } }, after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <div className="page">
      <h1>{title}</h1>
      <p className="faint">
        {title === "Inbox"
          ? "Activities that were begun and have not ended: answer those that wait for a person or another system. What a worker is busy with is here too, for it does not say which of both it is."
          : "Activities that have not ended, those of the workflows that were started last first."}
      </p>
      <Filter key={JSON.stringify(search)} search={search} withState={fixedState === undefined} />
      {list.data && list.error && <Stale />}
      {list.data ? (
        <Cards namespace={namespace} found={list.data} nowMs={nowMs} isInbox={title === "Inbox"} search={search} />
      ) : list.error ? (
        <Problem error={list.error} onRetry={list.refetch} />
      ) : (
        <Loading what="activities" />
      )}
    </div>
  );
}

interface FilterProps {
  readonly search: PendingSearch;
  readonly withState: boolean;
}

const agos = { "": "any time ago", "10s": "10 seconds ago", "60s": "a minute ago", "3600s": "an hour ago" } as const;

function Filter({ search, withState }: FilterProps) {
  const navigate = useNavigate();
  const [type, setType] = useState(search.type ?? "");
  const set = (changed: PendingSearch) => {
    const { after: _, ...kept } = { ...search, ...changed };
    const given = Object.entries(kept).filter(([, value]) => value !== "");
    void navigate({ to: ".", search: Object.fromEntries(given) });
  };
  const apply = (event: FormEvent) => {
    event.preventDefault();
    set({ type: type.trim() });
  };
  return (
    <search>
      <form className="filter pending-filter" onSubmit={apply}>
        <label className="choice">
          <span>Of</span>
          <select
            aria-label="Of what"
            value={search.kind ?? "workflow"}
            onChange={(event) => set({ kind: event.target.value, query: "" })}
          >
            <option value="workflow">workflows</option>
            <option value="activity">no workflow</option>
          </select>
        </label>
        {withState && (
          <label className="choice">
            <span>State</span>
            <select value={search.state ?? "any"} onChange={(event) => set({ state: event.target.value })}>
              {pendingStates.map((state) => (
                <option key={state}>{state}</option>
              ))}
            </select>
          </label>
        )}
        <label className="choice">
          <span>Begun at least</span>
          <select value={search.startedFor ?? ""} onChange={(event) => set({ startedFor: event.target.value })}>
            {Object.entries(agos).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <input
          data-shortcut="filter"
          aria-label="Type of activity"
          placeholder="Type of activity"
          value={type}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setType(event.target.value)}
        />
        <button type="submit">Filter</button>
      </form>
    </search>
  );
}

interface CardsProps {
  readonly namespace: string;
  readonly found: PendingFound;
  readonly nowMs: number;
  readonly isInbox: boolean;
  readonly search: PendingSearch;
}

function Cards({ namespace, found, nowMs, isInbox, search }: CardsProps) {
  const { activities, examinedCount, nextPageToken } = found;
  // What was begun first has waited longest.
  const shown = isInbox ? activities.toSorted((a, b) => begunMs(a) - begunMs(b)) : activities;
  const of = search.kind === "activity" ? "standalone activities" : "open workflows";
  return (
    <>
      {shown.length === 0 ? (
        <Empty title={nextPageToken ? "None so far" : isInbox ? "Nothing waits for you" : "No activity is pending"}>
          <p>
            {examinedCount.toLocaleString()} {of} were looked at.
          </p>
        </Empty>
      ) : (
        <ul className="cards" aria-label="Activities">
          {shown.map((each) => (
            <FoundCard
              key={`${each.runId}/${each.activity.activityId}`}
              namespace={namespace}
              found={each}
              nowMs={nowMs}
            />
          ))}
        </ul>
      )}
      <nav className="pager" aria-label="Pages of the list">
        {search.after !== undefined && (
          <Link to="." search={({ after: _, ...kept }: PendingSearch) => kept}>
            ← First
          </Link>
        )}
        {nextPageToken !== undefined && (
          <Link to="." search={(before: PendingSearch) => ({ ...before, after: nextPageToken })}>
            Look further →
          </Link>
        )}
      </nav>
    </>
  );
}

function begunMs({ activity }: PendingFound["activities"][number]): number {
  return Date.parse(activity.lastStartedTime ?? "") || 0;
}
