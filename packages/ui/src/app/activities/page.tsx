/** One standalone activity: how it stands, what it was given, how it ended, and what can be done to it. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import {
  type ActivityAddress,
  type ActivityDescription,
  type ActivityInfo,
  deleteActivity,
  describeActivity,
  endActivity,
} from "../api/activities.ts";
import { failureText } from "../api/failure.ts";
import type { PendingActivity } from "../api/workflows.ts";
import { spanText } from "../history/timeline.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { Fact } from "../parts/fact.tsx";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { MessageView, PayloadsView } from "../parts/json/payload-view.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { MissingActivity } from "../parts/missing.tsx";
import { Moment } from "../parts/moment.tsx";
import { Loading, Problem, Stale } from "../parts/notice.tsx";
import { spanOf } from "../parts/span.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Title } from "../parts/title.tsx";
import { type DialogState, useDialog } from "../parts/use-dialog.ts";
import { ActivityAnswer } from "../workflow/activity-answer.tsx";
import { progressOf } from "../workflow/progress.ts";

const refreshMs = 1_000;

export function ActivityPage() {
  const { namespace = "", activityId = "", runId = "" } = useParams({ strict: false });
  useTitle(activityId);
  const described = useQuery({
    queryKey: ["activity", namespace, activityId, runId],
    queryFn: ({ signal }) => describeActivity({ namespace, activityId, runId }, signal),
    refetchInterval: ({ state }) => (state.data && !isOpen(state.data.info) ? false : refreshMs),
  });
  if (!described.data)
    return (
      <div className="page">
        {described.error ? (
          <Problem
            error={described.error}
            onRetry={described.refetch}
            missing={<MissingActivity activityId={activityId} />}
          />
        ) : (
          <Loading what={activityId} />
        )}
      </div>
    );
  const address = { namespace, activityId, runId: described.data.runId };
  return (
    <div className="page">
      {described.error && <Stale />}
      <Header address={address} info={described.data.info} />
      <InputAndOutcome description={described.data} />
      <Attempts info={described.data.info} />
      <Attributes info={described.data.info} />
    </div>
  );
}

function Attributes({ info }: { readonly info: ActivityInfo }) {
  const attributes = info.searchAttributes?.indexedFields ?? {};
  if (Object.keys(attributes).length === 0) return null;
  return (
    <section aria-labelledby="attributes-title">
      <h2 id="attributes-title">Search attributes</h2>
      <MessageView message={attributes} label="search attributes" />
    </section>
  );
}

function isOpen({ status }: ActivityInfo): boolean {
  return /_(RUNNING|PAUSED)$/.test(status);
}

type Verb = "cancel" | "terminate" | "delete";

function Header({ address, info }: { readonly address: ActivityAddress; readonly info: ActivityInfo }) {
  const { namespace, activityId } = address;
  const dialog = useDialog<Verb>(["activity", namespace, activityId]);
  const verbs: readonly Verb[] = isOpen(info) ? ["cancel", "terminate", "delete"] : ["delete"];
  return (
    <section aria-label="Summary">
      <Title
        list={
          <Link to="/namespaces/$namespace/activities" params={{ namespace }}>
            Activities
          </Link>
        }
        name={activityId}
      >
        <CopyButton text={activityId} label="Copy the activity id" />
        <StatusBadge status={info.status} />
        <div className="actions">
          {verbs.map((verb) => (
            <button
              key={verb}
              type="button"
              className={verb === "cancel" ? "" : "danger"}
              onClick={() => dialog.show(verb)}
            >
              {titles[verb]}
            </button>
          ))}
        </div>
      </Title>
      {isHeld(info) && <Answer address={address} info={info} />}
      <dl className="facts line">
        <Fact name="Type">{info.activityType?.name}</Fact>
        <Fact name="Task queue">
          <Link
            to="/namespaces/$namespace/task-queues/$taskQueue"
            params={{ namespace, taskQueue: info.taskQueue ?? "" }}
          >
            {info.taskQueue}
          </Link>
        </Fact>
        <Fact name="Scheduled">
          <Moment at={info.scheduleTime} />
        </Fact>
        <Took info={info} />
      </dl>
      {dialog.open && <VerbDialog verb={dialog.open} address={address} dialog={dialog} />}
    </section>
  );
}

const titles: Readonly<Record<Verb, string>> = { cancel: "Cancel", terminate: "Terminate", delete: "Delete" };

/** A worker has it, or has left its end to somebody else. */
function isHeld(info: ActivityInfo): boolean {
  return isOpen(info) && /_(STARTED|CANCEL_REQUESTED|PAUSE_REQUESTED)$/.test(info.runState ?? "");
}

function Answer({ address, info }: { readonly address: ActivityAddress; readonly info: ActivityInfo }) {
  const activity: PendingActivity = {
    ...{ activityId: address.activityId, activityType: info.activityType ?? { name: "" }, state: info.runState ?? "" },
  };
  return <ActivityAnswer address={{ ...address, workflowId: "" }} activity={activity} />;
}

function Took({ info: { scheduleTime, closeTime } }: { readonly info: ActivityInfo }) {
  const tookMs = Date.parse(closeTime ?? "") - Date.parse(scheduleTime ?? "");
  return Number.isNaN(tookMs) ? null : <Fact name="Took">{spanText(tookMs)}</Fact>;
}

interface VerbDialogProps {
  readonly verb: Verb;
  readonly address: ActivityAddress;
  readonly dialog: DialogState<Verb>;
}

const notes: Readonly<Record<Verb, string>> = {
  cancel: "Its worker is told with its next heartbeat, and may clean up before it ends.",
  terminate: "It ends at once. Its worker is not told.",
  delete: "It is gone for good; an open one is terminated first.",
};

function VerbDialog({ verb, address, dialog }: VerbDialogProps) {
  const navigate = useNavigate();
  const { namespace, activityId, runId } = address;
  const [reason, setReason] = useState("");
  const submit = async (fields: FormData) => {
    if (verb !== "delete") return endActivity(address, verb, textField(fields, "reason"));
    await deleteActivity(address);
    await navigate({ to: "/namespaces/$namespace/activities", params: { namespace } });
  };
  const flags = { namespace, "activity-id": activityId, "run-id": runId };
  return (
    <FormDialog
      title={`${titles[verb]} this activity?`}
      action={verb === "cancel" ? "Ask it to cancel" : titles[verb]}
      isDangerous={verb !== "cancel"}
      command={pawlCommand(["activity", verb], { ...flags, ...(verb !== "delete" && { reason }) })}
      onClose={dialog.close}
      onSubmit={submit}
    >
      <p>{notes[verb]}</p>
      {verb !== "delete" && (
        <TextField label="Reason" name="reason" value={reason} onChange={(event) => setReason(event.target.value)} />
      )}
    </FormDialog>
  );
}

function InputAndOutcome({ description: { input, outcome, info } }: { readonly description: ActivityDescription }) {
  return (
    <div className="pair">
      <section aria-labelledby="input-title">
        <h2 id="input-title">Input</h2>
        <PayloadsView values={input} label="input" />
      </section>
      <section aria-labelledby="result-title">
        <h2 id="result-title">Result</h2>
        {isOpen(info) ? (
          <p className="faint">It has not ended.</p>
        ) : outcome?.failure ? (
          <>
            <p className="refusal breakable">{failureText(outcome.failure)}</p>
            <details>
              <summary>The whole failure</summary>
              <MessageView message={outcome.failure} label="failure" />
            </details>
          </>
        ) : (
          <PayloadsView values={outcome?.result} label="result" />
        )}
      </section>
    </div>
  );
}

function Attempts({ info }: { readonly info: ActivityInfo }) {
  const progress = progressOf(info.heartbeatDetails);
  const most = info.retryPolicy?.maximumAttempts ?? 0;
  return (
    <section aria-labelledby="attempts-title">
      <h2 id="attempts-title">Attempts</h2>
      <dl className="facts line">
        <Fact name="Attempt">
          {info.attempt ?? 1}
          {most > 0 && ` of ${most}`}
        </Fact>
        <Fact name="Last worker">{info.lastWorkerIdentity || "–"}</Fact>
        <Fact name="Last begun">
          <Moment at={info.lastStartedTime} />
        </Fact>
        {isOpen(info) && (
          <Fact name="Next try">
            <Moment at={info.nextAttemptScheduleTime} />
          </Fact>
        )}
        <Fact name="Time for one attempt">{spanOf(info.startToCloseTimeout) || "–"}</Fact>
        <Fact name="Time for all">{spanOf(info.scheduleToCloseTimeout) || "–"}</Fact>
        <Fact name="Heartbeat timeout">{spanOf(info.heartbeatTimeout) || "–"}</Fact>
        {info.canceledReason && <Fact name="Asked to stop">{info.canceledReason}</Fact>}
      </dl>
      {info.lastFailure && <p className="refusal breakable">{failureText(info.lastFailure)}</p>}
      {progress && (
        <div className="progress">
          <progress value={progress.share} max={1} aria-label="Progress" />
          <span>{progress.label}</span>
        </div>
      )}
      {(info.heartbeatDetails ?? []).length > 0 && (
        <>
          <h3>Heartbeat details</h3>
          <PayloadsView values={info.heartbeatDetails} label="heartbeat details" />
        </>
      )}
    </section>
  );
}
