/** What a person can do to an open run, each as a form that also says how the command line does it. */
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { cancelWorkflow, type RunAddress, signalWorkflow, terminateWorkflow } from "../api/workflows.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { FormDialog, jsonField, textField } from "../parts/form-dialog.tsx";
import { JsonEditor } from "../parts/json-editor.tsx";
import { ResetDialog } from "./reset-dialog.tsx";

const actions = ["Signal", "Reset", "Cancel", "Terminate"] as const;
type Action = (typeof actions)[number];

interface ActionsProps {
  readonly address: RunAddress;
  readonly isOpen: boolean;
  readonly events: readonly HistoryEvent[];
}

export function Actions({ address, isOpen, events }: ActionsProps) {
  const [open, setOpen] = useState<Action | undefined>();
  const client = useQueryClient();
  const close = () => {
    setOpen(undefined);
    void client.invalidateQueries({ queryKey: ["workflow", address.namespace, address.workflowId] });
  };
  return (
    <div className="actions">
      {actions
        .filter((action) => isOpen || action === "Reset")
        .map((action) => (
          <button
            key={action}
            type="button"
            className={action === "Terminate" ? "danger" : ""}
            onClick={() => setOpen(action)}
          >
            {action}
          </button>
        ))}
      {open !== undefined && <ActionDialog action={open} address={address} events={events} onClose={close} />}
    </div>
  );
}

interface ActionProps {
  readonly address: RunAddress;
  readonly onClose: () => void;
}

interface ActionDialogProps extends ActionProps {
  readonly action: Action;
  readonly events: readonly HistoryEvent[];
}

function ActionDialog({ action, events, ...props }: ActionDialogProps) {
  switch (action) {
    case "Signal":
      return <SignalDialog {...props} />;
    case "Reset":
      return <ResetDialog {...props} events={events} />;
    case "Cancel":
      return (
        <EndDialog {...props} verb="cancel" title="Ask this workflow to cancel?" end={cancelWorkflow}>
          <p>Its code is told, and may clean up before it ends.</p>
        </EndDialog>
      );
    case "Terminate":
      return (
        <EndDialog {...props} verb="terminate" title="Terminate this workflow?" end={terminateWorkflow}>
          <p>It ends at once. Its code is not told and cannot clean up.</p>
        </EndDialog>
      );
    default:
      return action satisfies never;
  }
}

function SignalDialog({ address, onClose }: ActionProps) {
  const { namespace, workflowId, runId } = address;
  const [name, setName] = useState("");
  const [input, setInput] = useState("");
  const command = pawlCommand(["workflow", "signal"], {
    namespace,
    "workflow-id": workflowId,
    "run-id": runId,
    name,
    input,
  });
  const submit = async (fields: FormData) => {
    const value = jsonField(fields, "input");
    await signalWorkflow(address, textField(fields, "name"), value === undefined ? [] : [value]);
  };
  return (
    <FormDialog title="Send a signal" action="Send" command={command} onClose={onClose} onSubmit={submit}>
      <label>
        Name
        <input name="name" required value={name} onChange={(event) => setName(event.target.value)} />
      </label>
      <JsonEditor label="Input, as JSON" name="input" value={input} onChange={setInput} />
    </FormDialog>
  );
}

interface EndProps extends ActionProps {
  readonly verb: "cancel" | "terminate";
  readonly title: string;
  readonly end: (address: RunAddress, reason: string) => Promise<unknown>;
  readonly children: ReactNode;
}

function EndDialog({ address, onClose, verb, title, end, children }: EndProps) {
  const { namespace, workflowId, runId } = address;
  const [reason, setReason] = useState("");
  const command = pawlCommand(["workflow", verb], {
    namespace,
    "workflow-id": workflowId,
    "run-id": runId,
    reason,
  });
  return (
    <FormDialog
      title={title}
      action={verb === "cancel" ? "Ask it to cancel" : "Terminate"}
      isDangerous={verb === "terminate"}
      command={command}
      onClose={onClose}
      onSubmit={(fields) => end(address, textField(fields, "reason"))}
    >
      {children}
      <label>
        Reason
        <input name="reason" value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </FormDialog>
  );
}
