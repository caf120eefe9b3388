/** What a person can do to an open run, each as a form that also says how the command line does it. */
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { cancelWorkflow, deleteWorkflow, holdWorkflow, type RunAddress, terminateWorkflow } from "../api/workflows.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { useDialog } from "../parts/use-dialog.ts";
import { type ActionProps, idsOf } from "./action.ts";
import { SignalDialog, UpdateDialog } from "./message-dialogs.tsx";
import { ResetDialog } from "./reset-dialog.tsx";

const actions = ["Signal", "Update", "Pause", "Unpause", "Reset", "Cancel", "Terminate", "Delete"] as const;
type Action = (typeof actions)[number];

interface ActionsProps {
  readonly address: RunAddress;
  readonly status: string;
  readonly events: readonly HistoryEvent[];
}

/** What makes sense: nothing is said to a run that has closed. */
function isOffered(action: Action, status: string): boolean {
  if (action === "Reset" || action === "Delete") return true;
  if (!/_(RUNNING|PAUSED)$/.test(status)) return false;
  const isPaused = status.endsWith("_PAUSED");
  return action === "Pause" ? !isPaused : action === "Unpause" ? isPaused : true;
}

export function Actions({ address, status, events }: ActionsProps) {
  const dialog = useDialog<Action>(["workflow", address.namespace, address.workflowId]);
  return (
    <div className="actions">
      {actions
        .filter((action) => isOffered(action, status))
        .map((action) => (
          <button
            key={action}
            type="button"
            className={action === "Terminate" || action === "Delete" ? "danger" : ""}
            onClick={() => dialog.show(action)}
          >
            {action}
          </button>
        ))}
      {dialog.open !== undefined && (
        <ActionDialog action={dialog.open} address={address} events={events} onClose={dialog.close} />
      )}
    </div>
  );
}

interface ActionDialogProps extends ActionProps {
  readonly action: Action;
  readonly events: readonly HistoryEvent[];
}

function ActionDialog({ action, events, ...props }: ActionDialogProps) {
  switch (action) {
    case "Signal":
      return <SignalDialog {...props} />;
    case "Update":
      return <UpdateDialog {...props} />;
    case "Pause":
    case "Unpause":
      return <HoldDialog {...props} verb={action === "Pause" ? "pause" : "unpause"} />;
    case "Reset":
      return <ResetDialog {...props} events={events} />;
    case "Delete":
      return <DeleteDialog {...props} />;
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

interface EndProps extends ActionProps {
  readonly verb: "cancel" | "terminate";
  readonly title: string;
  readonly end: (address: RunAddress, reason: string) => Promise<unknown>;
  readonly children: ReactNode;
}

function EndDialog({ address, onClose, verb, title, end, children }: EndProps) {
  const command = (fields: FormData) =>
    pawlCommand(["workflow", verb], { ...idsOf(address), reason: textField(fields, "reason") });
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
      <TextField label="Reason" name="reason" />
    </FormDialog>
  );
}

function HoldDialog({ address, onClose, verb }: ActionProps & { readonly verb: "pause" | "unpause" }) {
  const command = (fields: FormData) =>
    pawlCommand(["workflow", verb], { ...idsOf(address), reason: textField(fields, "reason") });
  return (
    <FormDialog
      title={verb === "pause" ? "Pause this workflow?" : "Let this workflow go on?"}
      action={verb === "pause" ? "Pause" : "Unpause"}
      command={command}
      onClose={onClose}
      onSubmit={(fields) => holdWorkflow(address, { verb, reason: textField(fields, "reason") })}
    >
      <p>
        {verb === "pause"
          ? "Its workers get no tasks for it until it is unpaused. What runs already goes on to its end, and signals wait."
          : "Its workers get tasks for it again."}
      </p>
      <TextField label="Reason" name="reason" />
    </FormDialog>
  );
}

function DeleteDialog({ address, onClose }: ActionProps) {
  const navigate = useNavigate();
  const { namespace, workflowId } = address;
  const confirm = async (fields: FormData) => {
    if (textField(fields, "confirmed") !== workflowId.trim()) throw new Error("This is not its id.");
    await deleteWorkflow(address);
    await navigate({ to: "/namespaces/$namespace/workflows", params: { namespace } });
  };
  return (
    <FormDialog
      title="Delete this run for good?"
      action="Delete"
      isDangerous
      command={pawlCommand(["workflow", "delete"], idsOf(address))}
      onClose={onClose}
      onSubmit={confirm}
    >
      <p>Its history goes with it. If it is open it is terminated first, without a word to its code.</p>
      <TextField label="Its workflow id, to be sure" name="confirmed" required />
    </FormDialog>
  );
}
