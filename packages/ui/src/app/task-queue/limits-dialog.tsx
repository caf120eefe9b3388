/** How fast a task queue may hand out tasks, at most. */
import { type QueueAddress, type QueueDescription, setQueueLimits } from "../api/workers.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { TextField } from "../parts/field.tsx";
import { FormDialog, textField } from "../parts/form-dialog.tsx";

interface LimitsDialogProps {
  readonly address: QueueAddress;
  readonly queue: QueueDescription;
  readonly onClose: () => void;
}

export function LimitsDialog({ address, queue: { config }, onClose }: LimitsDialogProps) {
  const { namespace, taskQueue, kind } = address;
  const limitOf = (fields: FormData, name: string) => {
    const text = textField(fields, name);
    return text === "" ? undefined : Number(text);
  };
  const command = (fields: FormData) =>
    pawlCommand(["task-queue", "config", "set"], {
      ...{ namespace, "task-queue": taskQueue, "task-queue-type": kind.toLowerCase() },
      "queue-rps-limit": textField(fields, "perSecond") || "default",
      "queue-rps-limit-reason": textField(fields, "reason"),
      ...(kind === "ACTIVITY" && {
        "fairness-key-rps-limit-default": textField(fields, "perFairnessKey") || "default",
        "fairness-key-rps-limit-reason": textField(fields, "reason"),
      }),
    });
  const submit = (fields: FormData) =>
    setQueueLimits(address, {
      perSecond: limitOf(fields, "perSecond"),
      perFairnessKey: limitOf(fields, "perFairnessKey"),
      reason: textField(fields, "reason"),
    });
  const number = { type: "number", min: 0, step: "any" } as const;
  return (
    <FormDialog title={`Limits of ${taskQueue}`} action="Set" command={command} onClose={onClose} onSubmit={submit}>
      <TextField
        {...{ label: "Tasks per second, at most", name: "perSecond", ...number }}
        defaultValue={config?.queueRateLimit?.rateLimit?.requestsPerSecond}
        hint="Empty: no limit. 0: none at all, until this is changed."
      />
      {kind === "ACTIVITY" && (
        <TextField
          {...{ label: "Of one fairness key, at most", name: "perFairnessKey", ...number }}
          defaultValue={config?.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond}
        />
      )}
      <TextField label="Reason" name="reason" />
    </FormDialog>
  );
}
