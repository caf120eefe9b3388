/** The end of an activity by hand, for one that waits for a person or for another system. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { completeActivity, failActivity, type PendingActivity, type RunAddress } from "../api/workflows.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { FormDialog, jsonField, textField } from "../parts/form-dialog.tsx";
import { JsonEditor } from "../parts/json-editor.tsx";

interface AnswerProps {
  readonly address: RunAddress;
  readonly activity: PendingActivity;
}

export function ActivityAnswer({ address, activity }: AnswerProps) {
  const [open, setOpen] = useState<"complete" | "fail" | undefined>();
  const client = useQueryClient();
  const close = () => {
    setOpen(undefined);
    void client.invalidateQueries({ queryKey: ["workflow", address.namespace, address.workflowId] });
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
      <p>It fails for good, whatever its retry policy says.</p>
      <label>
        Why
        <input name="reason" required value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </FormDialog>
  );
}
