import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type RunAddress, resetWorkflow } from "../api/workflows.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { resetPoints } from "./reset-points.ts";

interface ResetDialogProps {
  readonly address: RunAddress;
  readonly events: readonly HistoryEvent[];
  readonly onClose: () => void;
}

/** Leads on to the new run. */
export function ResetDialog({ address, events, onClose }: ResetDialogProps) {
  const { namespace, workflowId, runId } = address;
  const navigate = useNavigate();
  const points = resetPoints(events);
  const [chosen, setChosen] = useState<string | undefined>();
  // The history may still be on its way when the dialog opens.
  const eventId = chosen ?? points[0]?.eventId ?? "";
  const [reason, setReason] = useState("");
  const ids = { namespace, "workflow-id": workflowId, "run-id": runId, "event-id": eventId };
  const submit = async (fields: FormData) => {
    const made = await resetWorkflow(address, { eventId, reason: textField(fields, "reason") });
    await navigate({
      to: "/namespaces/$namespace/workflows/$workflowId/$runId",
      params: { namespace, workflowId, runId: made.runId },
    });
  };
  return (
    <FormDialog
      title="Reset this workflow?"
      action="Reset"
      isDangerous
      command={pawlCommand(["workflow", "reset"], { ...ids, reason })}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        A new run begins with the history up to the chosen point, and goes on from there. This run is terminated if it
        is open.
      </p>
      <label>
        Back to
        <select value={eventId} onChange={(event) => setChosen(event.target.value)} required>
          {points.map((point) => (
            <option key={point.eventId} value={point.eventId}>
              {point.label}
            </option>
          ))}
        </select>
      </label>
      <label>
        Reason
        <input name="reason" required value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </FormDialog>
  );
}
