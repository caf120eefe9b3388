/** What a person can do to a schedule. */
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { deleteSchedule, patchSchedule, type ScheduleAddress, type SchedulePatch } from "../api/schedules.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";

type Action = "trigger" | "pause" | "unpause" | "backfill" | "delete";

const titles = {
  ...{ trigger: "Trigger", pause: "Pause", unpause: "Unpause", backfill: "Backfill", delete: "Delete" },
} as const satisfies Record<Action, string>;

export function ScheduleActions({
  address,
  isPaused,
}: {
  readonly address: ScheduleAddress;
  readonly isPaused: boolean;
}) {
  const [open, setOpen] = useState<Action | undefined>();
  const client = useQueryClient();
  const close = () => {
    setOpen(undefined);
    void client.invalidateQueries({ queryKey: ["schedule", address.namespace, address.scheduleId] });
  };
  const actions: readonly Action[] = ["trigger", isPaused ? "unpause" : "pause", "backfill", "delete"];
  return (
    <div className="actions">
      <Link className="button" to="/namespaces/$namespace/schedules/$scheduleId/edit" params={{ ...address }}>
        Edit
      </Link>
      {actions.map((action) => (
        <button
          key={action}
          type="button"
          className={action === "delete" ? "danger" : ""}
          onClick={() => setOpen(action)}
        >
          {titles[action]}
        </button>
      ))}
      {open !== undefined && <ActionDialog action={open} address={address} onClose={close} />}
    </div>
  );
}

interface DialogProps {
  readonly address: ScheduleAddress;
  readonly onClose: () => void;
}

function ActionDialog({ action, ...props }: DialogProps & { readonly action: Action }) {
  switch (action) {
    case "trigger":
      return <TriggerDialog {...props} />;
    case "pause":
    case "unpause":
      return <PauseDialog {...props} verb={action} />;
    case "backfill":
      return <BackfillDialog {...props} />;
    case "delete":
      return <DeleteDialog {...props} />;
    default:
      return action satisfies never;
  }
}

const allowAll = "SCHEDULE_OVERLAP_POLICY_ALLOW_ALL";

function TriggerDialog({ address, onClose }: DialogProps) {
  const ids = { namespace: address.namespace, "schedule-id": address.scheduleId };
  return (
    <FormDialog
      title="Start its workflow now?"
      action="Trigger"
      command={pawlCommand(["schedule", "trigger"], { ...ids, "overlap-policy": "AllowAll" })}
      onClose={onClose}
      onSubmit={() => patchSchedule(address, { triggerImmediately: { overlapPolicy: allowAll } })}
    >
      <p>It starts even if another of this schedule's is running.</p>
    </FormDialog>
  );
}

function PauseDialog({ address, onClose, verb }: DialogProps & { readonly verb: "pause" | "unpause" }) {
  const [reason, setReason] = useState("");
  const ids = { namespace: address.namespace, "schedule-id": address.scheduleId };
  const patch = (note: string): SchedulePatch => (verb === "pause" ? { pause: note } : { unpause: note });
  return (
    <FormDialog
      title={verb === "pause" ? "Pause this schedule?" : "Let this schedule go on?"}
      action={titles[verb]}
      command={pawlCommand(["schedule", "toggle"], { ...ids, reason, [verb]: true })}
      onClose={onClose}
      onSubmit={(fields) => patchSchedule(address, patch(textField(fields, "reason")))}
    >
      <label>
        Reason
        <input name="reason" required value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </FormDialog>
  );
}

function BackfillDialog({ address, onClose }: DialogProps) {
  const submit = (fields: FormData) => {
    const [startTime = "", endTime = ""] = ["from", "to"].map((name) =>
      new Date(textField(fields, name)).toISOString(),
    );
    if (startTime >= endTime) throw new Error("The end is not after the beginning.");
    return patchSchedule(address, { backfillRequest: [{ startTime, endTime, overlapPolicy: allowAll }] });
  };
  const command = (fields: FormData) => {
    const [from, to] = ["from", "to"].map((name) => {
      const atMs = Date.parse(textField(fields, name));
      return Number.isNaN(atMs) ? "" : new Date(atMs).toISOString();
    });
    return pawlCommand(["schedule", "backfill"], {
      ...{ namespace: address.namespace, "schedule-id": address.scheduleId, "start-time": from, "end-time": to },
      "overlap-policy": "AllowAll",
    });
  };
  return (
    <FormDialog
      title="Make up for a time"
      action="Backfill"
      command={command}
      onClose={onClose}
      onSubmit={async (fields) => submit(fields)}
    >
      <p>Its workflow is started once for each time that the schedule would have acted in between, all of them now.</p>
      <label>
        From, in your time
        <input name="from" type="datetime-local" required />
      </label>
      <label>
        To
        <input name="to" type="datetime-local" required />
      </label>
    </FormDialog>
  );
}

function DeleteDialog({ address, onClose }: DialogProps) {
  const navigate = useNavigate();
  const { namespace, scheduleId } = address;
  return (
    <FormDialog
      title="Delete this schedule?"
      action="Delete"
      isDangerous
      command={pawlCommand(["schedule", "delete"], { namespace, "schedule-id": scheduleId })}
      onClose={onClose}
      onSubmit={async () => {
        await deleteSchedule(address);
        await navigate({ to: "/namespaces/$namespace/schedules", params: { namespace } });
      }}
    >
      <p>Workflows that it has started go on.</p>
    </FormDialog>
  );
}
