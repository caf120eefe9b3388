/** How fast a task queue may hand out tasks, at most, and how its fairness keys share that. The server sets no rate for workflow tasks. */
import { useState } from "react";
import { type QueueAddress, type QueueDescription, setQueueLimits } from "../api/workers.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { TextField } from "../parts/form/field.tsx";
import { FormDialog, jsonField, textField } from "../parts/form/form-dialog.tsx";
import { JsonEditor } from "../parts/json/json-editor.tsx";

interface LimitsDialogProps {
  readonly address: QueueAddress;
  readonly queue: QueueDescription;
  readonly onClose: () => void;
}

type Weights = Readonly<Record<string, number>>;

export function LimitsDialog({ address, queue: { config }, onClose }: LimitsDialogProps) {
  const before = config?.fairnessWeightOverrides ?? {};
  const [weights, setWeights] = useState(() => (Object.keys(before).length === 0 ? "" : JSON.stringify(before)));
  const submit = async (fields: FormData) => {
    const limits = {
      ...{ perSecond: limitOf(fields, "perSecond"), perFairnessKey: limitOf(fields, "perFairnessKey") },
      ...{ reason: textField(fields, "reason"), weights: weightsOf(fields) },
    };
    return setQueueLimits(address, limits, before);
  };
  const number = { type: "number", min: 0, step: "any" } as const;
  return (
    <FormDialog
      title={`Limits of ${address.taskQueue}`}
      action="Set"
      command={(fields) => commandOf(address, fields, before)}
      onClose={onClose}
      onSubmit={submit}
    >
      {address.kind !== "WORKFLOW" && (
        <TextField
          {...{ label: "Tasks per second, at most", name: "perSecond", ...number }}
          defaultValue={config?.queueRateLimit?.rateLimit?.requestsPerSecond}
          hint="Empty: no limit. 0: none at all, until this is changed."
        />
      )}
      {address.kind === "ACTIVITY" && (
        <TextField
          {...{ label: "Of one fairness key, at most", name: "perFairnessKey", ...number }}
          defaultValue={config?.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond}
        />
      )}
      {address.kind !== "WORKFLOW" && <TextField label="Reason" name="reason" />}
      <JsonEditor
        {...{ label: "Weights of fairness keys, as JSON", name: "weights", rows: 3, value: weights }}
        onChange={setWeights}
        hint={'Such as {"gold": 3}: of its tasks three are taken while one of others is.'}
      />
    </FormDialog>
  );
}

function limitOf(fields: FormData, name: string): number | undefined {
  const text = textField(fields, name);
  return text === "" ? undefined : Number(text);
}

/** Throws a sentence. */
function weightsOf(fields: FormData): Weights {
  const weights = jsonField(fields, "weights") ?? {};
  if (typeof weights !== "object" || Array.isArray(weights) || !Object.values(weights as object).every(Number.isFinite))
    throw new Error('Weights are numbers by their keys, such as {"gold": 3}.');
  return weights as Weights;
}

/** While the weights are typed they may be none. */
function typedWeights(fields: FormData): Weights {
  try {
    return weightsOf(fields);
  } catch {
    return {};
  }
}

function commandOf({ namespace, taskQueue, kind }: QueueAddress, fields: FormData, before: Weights): string {
  const weights = typedWeights(fields);
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(weights, key));
  return pawlCommand(["task-queue", "config", "set"], {
    ...{ namespace, "task-queue": taskQueue, "task-queue-type": kind.toLowerCase() },
    ...(kind !== "WORKFLOW" && {
      "queue-rps-limit": textField(fields, "perSecond") || "default",
      "queue-rps-limit-reason": textField(fields, "reason"),
    }),
    ...(kind === "ACTIVITY" && {
      "fairness-key-rps-limit-default": textField(fields, "perFairnessKey") || "default",
      "fairness-key-rps-limit-reason": textField(fields, "reason"),
    }),
    "fairness-key-weight": [
      ...Object.entries(weights).map(([key, weight]) => `${key}=${weight}`),
      ...gone.map((key) => `${key}=default`),
    ],
  });
}
