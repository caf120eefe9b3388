/** The end of an activity by hand, for one that waits for a person or for another system. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { describeActivity, type ScheduledActivity, scheduledActivity } from "../api/activities.ts";
import {
  completeActivity,
  failActivity,
  type PendingActivity,
  type RunAddress,
  resolveAsCanceled,
} from "../api/workflows.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { FormDialog, jsonField, textField } from "../parts/form/form-dialog.tsx";
import { JsonEditor } from "../parts/json/json-editor.tsx";
import { PayloadsView } from "../parts/json/payload-view.tsx";

interface AnswerProps {
  readonly address: RunAddress;
  readonly activity: PendingActivity;
}

export function ActivityAnswer({ address, activity }: AnswerProps) {
  const [open, setOpen] = useState<"complete" | "fail" | "cancel" | undefined>();
  const client = useQueryClient();
  const close = () => {
    setOpen(undefined);
    void client.invalidateQueries();
  };
  const of = ` ${activity.activityType.name}`;
  return (
    <div className="buttons">
      <button type="button" onClick={() => setOpen("complete")}>
        Complete<span className="hidden">{of}</span>
      </button>
      <button type="button" onClick={() => setOpen("fail")}>
        Fail<span className="hidden">{of}</span>
      </button>
      {activity.state.endsWith("_CANCEL_REQUESTED") && (
        <button type="button" onClick={() => setOpen("cancel")}>
          Canceled<span className="hidden">{of}</span>
        </button>
      )}
      {open === "cancel" && <CancelDialog address={address} activity={activity} onClose={close} />}
      {open === "complete" && <CompleteDialog address={address} activity={activity} onClose={close} />}
      {open === "fail" && <FailDialog address={address} activity={activity} onClose={close} />}
    </div>
  );
}

interface DialogProps extends AnswerProps {
  readonly onClose: () => void;
}

function CompleteDialog({ address, activity: { activityId, activityType }, onClose }: DialogProps) {
  const { namespace, workflowId, runId } = address;
  const [result, setResult] = useState("");
  const ids = { namespace, "workflow-id": workflowId, "run-id": runId, "activity-id": activityId };
  return (
    <FormDialog
      title={`Complete ${activityType.name}`}
      action="Complete it"
      command={pawlCommand(["activity", "complete"], { ...ids, result: result || "null" })}
      onClose={onClose}
      onSubmit={async (fields) => completeActivity(address, activityId, jsonField(fields, "result") ?? null)}
    >
      <Subject address={address} activityId={activityId} />
      <p>The workflow goes on with this result. What the worker says afterwards is not heard.</p>
      <JsonEditor label="Result, as JSON" name="result" value={result} onChange={setResult} hint="Nothing is null." />
    </FormDialog>
  );
}

function FailDialog({ address, activity: { activityId, activityType }, onClose }: DialogProps) {
  const { namespace, workflowId, runId } = address;
  const [reason, setReason] = useState("");
  const ids = { namespace, "workflow-id": workflowId, "run-id": runId, "activity-id": activityId };
  return (
    <FormDialog
      title={`Fail ${activityType.name}`}
      action="Fail it"
      isDangerous
      command={pawlCommand(["activity", "fail"], { ...ids, reason })}
      onClose={onClose}
      onSubmit={(fields) => failActivity(address, activityId, textField(fields, "reason"))}
    >
      <Subject address={address} activityId={activityId} />
      <p>It fails for good, whatever its retry policy says.</p>
      <label>
        Why
        <input name="reason" required value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </FormDialog>
  );
}

function CancelDialog({ address, activity: { activityId, activityType }, onClose }: DialogProps) {
  const { namespace, workflowId, runId } = address;
  const ids = { namespace, "workflow-id": workflowId, "run-id": runId, "activity-id": activityId };
  return (
    <FormDialog
      title={`End ${activityType.name} as canceled`}
      action="End it"
      command={pawlCommand(["activity", "resolve-as-canceled"], ids)}
      onClose={onClose}
      onSubmit={() => resolveAsCanceled(address, activityId)}
    >
      <Subject address={address} activityId={activityId} />
      <p>It was asked to stop; with this it has.</p>
    </FormDialog>
  );
}

/** What the activity was given, so that whoever answers knows what it is about. */
function Subject({ address, activityId }: { readonly address: RunAddress; readonly activityId: string }) {
  const { namespace, workflowId, runId } = address;
  const given = useQuery({
    queryKey: ["activity-input", namespace, workflowId, runId, activityId],
    queryFn: async ({ signal }) => {
      if (workflowId !== "") return (await scheduledActivity(address, activityId, signal)) ?? {};
      const { input } = await describeActivity({ namespace, activityId, runId }, signal);
      return { ...(input && { input }) };
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!given.data) return <p className="faint">{given.error ? given.error.message : "Looking what it is about…"}</p>;
  const { input, summary } = given.data as ScheduledActivity;
  return (
    <>
      <h3>What it was given</h3>
      {typeof summary === "string" && <p className="breakable">{summary}</p>}
      <PayloadsView values={input} label="input" />
    </>
  );
}
