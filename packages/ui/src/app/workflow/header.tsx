import { Link } from "@tanstack/react-router";
import type { Description, RunAddress } from "../api/workflows.ts";
import type { HistoryEvent } from "../history/event.ts";
import { spanText } from "../history/timeline.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { Fact } from "../parts/fact.tsx";
import { Moment } from "../parts/moment.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Title } from "../parts/title.tsx";
import { Actions } from "./actions.tsx";
import { Said } from "./facts.tsx";
import type { Reason } from "./why.ts";

export interface HeaderProps {
  readonly address: RunAddress;
  readonly description: Description;
  readonly why: Reason | undefined;
  readonly events: readonly HistoryEvent[];
}

export function Header({ address, description, why, events }: HeaderProps) {
  const { namespace, workflowId } = address;
  const { status, type, startTime, closeTime, taskQueue } = description.workflowExecutionInfo;
  const tookMs = Date.parse(closeTime ?? "") - Date.parse(startTime ?? "");
  return (
    <section aria-label="Summary">
      <Title
        list={
          <Link to="/namespaces/$namespace/workflows" params={{ namespace }}>
            Workflows
          </Link>
        }
        name={workflowId}
      >
        <CopyButton text={workflowId} label="Copy the workflow id" />
        <StatusBadge status={status} />
        <Link
          to="/namespaces/$namespace/start-workflow"
          params={{ namespace }}
          search={{ like: workflowId, run: address.runId }}
          className="quiet-link"
        >
          Start one like it
        </Link>
        <Actions address={address} status={status} events={events} />
      </Title>
      <Said description={description} />
      {why && (
        <p className={`why mood-${why.mood}`}>
          <b>{why.mood === "stuck" ? "Needs attention: " : ""}</b>
          {why.text}
        </p>
      )}
      <dl className="facts line">
        <Fact name="Type">{type.name}</Fact>
        <Fact name="Task queue">
          <Link to="/namespaces/$namespace/task-queues/$taskQueue" params={{ namespace, taskQueue: taskQueue ?? "" }}>
            {taskQueue}
          </Link>
        </Fact>
        <Fact name="Started">
          <Moment at={startTime} />
        </Fact>
        {Number.isNaN(tookMs) ? null : <Fact name="Took">{spanText(tookMs)}</Fact>}
      </dl>
    </section>
  );
}
