/** What an operator does to an activity that has not ended: hold it back, let it go on, try again at once. */
import { type ActivityVerb, type PendingActivity, type RunAddress, steerActivity } from "../api/workflows.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";
import { useDialog } from "../parts/use-dialog.ts";

interface SteeringProps {
  readonly address: RunAddress;
  readonly activity: PendingActivity;
}

const labels = { pause: "Pause", unpause: "Unpause", reset: "Retry now" } as const satisfies Record<
  ActivityVerb,
  string
>;

const meanings = {
  pause: "It is not tried again until it is unpaused. An attempt that runs is told to stop when it heartbeats.",
  unpause: "It is tried again when it is due.",
  reset: "It begins again with its first attempt, as soon as a worker takes it.",
} as const satisfies Record<ActivityVerb, string>;

export function ActivitySteering({ address, activity }: SteeringProps) {
  const dialog = useDialog<ActivityVerb>(["workflow", address.namespace, address.workflowId]);
  const verbs: readonly ActivityVerb[] = activity.paused ? ["unpause", "reset"] : ["pause", "reset"];
  return (
    <>
      {verbs.map((verb) => (
        <button key={verb} type="button" onClick={() => dialog.show(verb)}>
          {labels[verb]}
          <span className="hidden"> {activity.activityType.name}</span>
        </button>
      ))}
      {dialog.open && (
        <SteeringDialog address={address} activity={activity} verb={dialog.open} onClose={dialog.close} />
      )}
    </>
  );
}

interface DialogProps extends SteeringProps {
  readonly verb: ActivityVerb;
  readonly onClose: () => void;
}

function SteeringDialog({ address, activity: { activityId, activityType }, verb, onClose }: DialogProps) {
  const { namespace, workflowId, runId } = address;
  const ids = { namespace, "workflow-id": workflowId, "run-id": runId, "activity-id": activityId };
  const reasonOf = (fields: FormData) => (verb === "reset" ? "" : textField(fields, "reason"));
  return (
    <FormDialog
      title={`${labels[verb]}: ${activityType.name}`}
      action={labels[verb]}
      command={(fields) => pawlCommand(["activity", verb], { ...ids, reason: reasonOf(fields) })}
      onClose={onClose}
      onSubmit={(fields) => steerActivity(address, activityId, { verb, reason: reasonOf(fields) })}
    >
      <p>{meanings[verb]}</p>
      {verb !== "reset" && <TextField label="Reason" name="reason" />}
    </FormDialog>
  );
}
