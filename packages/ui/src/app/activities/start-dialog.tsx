/** Starts a standalone activity. */
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { startActivity } from "../api/activities.ts";
import { identity } from "../api/workflows.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { InputsField } from "../parts/form/inputs-field.tsx";
import { jsonProblem } from "../parts/json/json-syntax.ts";
import { durationOf } from "../parts/span.ts";

interface StartDialogProps {
  readonly namespace: string;
  readonly onClose: () => void;
}

export function StartActivityDialog({ namespace, onClose }: StartDialogProps) {
  const navigate = useNavigate();
  const [activityId] = useState(() => crypto.randomUUID());
  const [inputs, setInputs] = useState<readonly string[]>([""]);
  const given = inputs.filter((text) => text.trim() !== "");
  const submit = async (fields: FormData) => {
    const problem = given.map(jsonProblem).find((each) => each !== undefined);
    if (problem !== undefined) throw new Error(problem);
    const id = textField(fields, "id");
    const attempts = textField(fields, "attempts");
    const { runId } = await startActivity(namespace, id, {
      activityType: { name: textField(fields, "type") },
      taskQueue: { name: textField(fields, "queue") },
      ...{ identity, requestId: crypto.randomUUID() },
      ...(given.length > 0 && { input: given.map((text) => JSON.parse(text) as unknown) }),
      startToCloseTimeout: durationOf(textField(fields, "attempt"), "Time for one attempt"),
      scheduleToCloseTimeout: durationOf(textField(fields, "whole"), "Time for all attempts"),
      heartbeatTimeout: durationOf(textField(fields, "heartbeat"), "Heartbeat timeout"),
      ...(attempts !== "" && { retryPolicy: { maximumAttempts: Number(attempts) } }),
    });
    await navigate({
      to: "/namespaces/$namespace/activities/$activityId/$runId",
      params: { namespace, activityId: id, runId },
    });
  };
  return (
    <FormDialog
      title="Start an activity"
      action="Start"
      onClose={onClose}
      onSubmit={submit}
      command={(fields) =>
        pawlCommand(["activity", "start"], {
          ...{ namespace, type: textField(fields, "type"), "activity-id": textField(fields, "id") },
          ...{ "task-queue": textField(fields, "queue"), input: given },
          "start-to-close-timeout": textField(fields, "attempt"),
          "schedule-to-close-timeout": textField(fields, "whole"),
          "heartbeat-timeout": textField(fields, "heartbeat"),
          "retry-maximum-attempts": textField(fields, "attempts"),
        })
      }
    >
      <TextField label="Activity type" name="type" required />
      <TextField label="Activity id" name="id" required defaultValue={activityId} />
      <TextField label="Task queue" name="queue" required />
      <InputsField inputs={inputs} onChange={setInputs} />
      <div className="field-pair">
        <TextField label="Time for one attempt" name="attempt" required defaultValue="1m" />
        <TextField label="Time for all attempts" name="whole" placeholder="without end" />
        <TextField label="Heartbeat timeout" name="heartbeat" placeholder="none" />
        <TextField label="Attempts at most" name="attempts" placeholder="without end" pattern="\d{1,9}" />
      </div>
    </FormDialog>
  );
}
