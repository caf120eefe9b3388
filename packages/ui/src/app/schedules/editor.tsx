/** The form of a schedule, and the same as raw JSON: both change one draft. */
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { jsonValue } from "../api/payload.ts";
import { CommandView } from "../parts/command-view.tsx";
import { JsonEditor } from "../parts/json/json-editor.tsx";
import { jsonProblem } from "../parts/json/json-syntax.ts";
import { scheduleCommand } from "./command.ts";
import { duration, type ScheduleDraft, spanWord, type When, whensOf, withWhens } from "./draft.ts";
import { WhenFields } from "./when-fields.tsx";

interface EditorProps {
  readonly namespace: string;
  /** `undefined`: the id is asked for. */
  readonly scheduleId: string | undefined;
  readonly before: ScheduleDraft;
  readonly action: string;
  readonly onSubmit: (scheduleId: string, schedule: ScheduleDraft) => Promise<unknown>;
  readonly onCancel: () => void;
}

/** What the form's fields hold while they are typed in. */
interface Typed {
  readonly id: string;
  readonly type: string;
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly input: string;
  readonly whens: readonly When[];
  readonly timeZone: string;
  readonly jitter: string;
  readonly overlap: string;
  readonly catchup: string;
  readonly pauseOnFailure: boolean;
  readonly notes: string;
}

const overlaps = {
  SKIP: "do not start another",
  BUFFER_ONE: "start one when it has ended",
  BUFFER_ALL: "start all, one after the other",
  CANCEL_OTHER: "cancel it, then start",
  TERMINATE_OTHER: "terminate it, then start",
  ALLOW_ALL: "start beside it",
} as const;
const overlapPrefix = "SCHEDULE_OVERLAP_POLICY_";

function typedOf(draft: ScheduleDraft, id: string): Typed {
  const { workflowType, workflowId = "", taskQueue, input } = draft.action?.startWorkflow ?? {};
  const { overlapPolicy = "", catchupWindow = "", pauseOnFailure = false } = draft.policies ?? {};
  return {
    ...{ id, workflowId, type: workflowType?.name ?? "", taskQueue: taskQueue?.name ?? "" },
    input:
      input === undefined || input.length === 0
        ? ""
        : JSON.stringify(input.length === 1 ? jsonValue(input[0]) : input.map(jsonValue), null, 2),
    whens: whensOf(draft),
    ...{ timeZone: draft.spec?.timezoneName ?? "", jitter: spanWord(draft.spec?.jitter ?? "") },
    overlap: overlapPolicy.replace(overlapPrefix, "").replace("UNSPECIFIED", "") || "SKIP",
    ...{ catchup: spanWord(catchupWindow), pauseOnFailure, notes: draft.state?.notes ?? "" },
  };
}

/** Throws a sentence about the field that is wrong. */
function withTyped(draft: ScheduleDraft, typed: Typed): ScheduleDraft {
  const { spec, ...rest } = withWhens(draft, typed.whens);
  const { timezoneName: _, jitter: __, ...others } = spec ?? {};
  const { input: before, ...start } = draft.action?.startWorkflow ?? {};
  const { catchupWindow: ___, ...policies } = draft.policies ?? {};
  const input = inputOf(typed, draft, before);
  return {
    ...rest,
    spec: {
      ...others,
      ...(typed.timeZone.trim() !== "" && { timezoneName: typed.timeZone.trim() }),
      ...(typed.jitter.trim() !== "" && { jitter: duration(typed.jitter) }),
    },
    action: {
      startWorkflow: {
        ...start,
        workflowId: typed.workflowId.trim() || `${typed.id.trim()}-workflow`,
        workflowType: { name: typed.type.trim() },
        taskQueue: { name: typed.taskQueue.trim() },
        ...(input && { input }),
      },
    },
    policies: {
      ...policies,
      overlapPolicy: overlapPrefix + typed.overlap,
      pauseOnFailure: typed.pauseOnFailure,
      ...(typed.catchup.trim() !== "" && { catchupWindow: duration(typed.catchup) }),
    },
    state: { ...draft.state, notes: typed.notes },
  };
}

/** What was not touched stays as it was, be it one value or several. */
function inputOf(typed: Typed, draft: ScheduleDraft, before: readonly unknown[] | undefined) {
  if (typed.input === typedOf(draft, typed.id).input) return before;
  if (typed.input.trim() === "") return undefined;
  const problem = jsonProblem(typed.input);
  if (problem !== undefined) throw new Error(`The input: ${problem}`);
  return [JSON.parse(typed.input) as unknown];
}

export function ScheduleEditor({ namespace, scheduleId, before, action, onSubmit, onCancel }: EditorProps) {
  const [draft, setDraft] = useState(before);
  const [typed, setTyped] = useState(() => typedOf(before, scheduleId ?? ""));
  const [raw, setRaw] = useState<string | undefined>();
  const submission = useMutation({ mutationFn: async () => onSubmit(typed.id.trim(), current()) });
  const current = () => {
    if (raw === undefined) return withTyped(draft, typed);
    const problem = jsonProblem(raw);
    if (problem !== undefined) throw new Error(problem);
    return JSON.parse(raw) as ScheduleDraft;
  };
  const verb = scheduleId === undefined ? "create" : "update";
  const command = commandOrNothing(() => scheduleCommand({ namespace, scheduleId: typed.id.trim(), verb }, current()));
  const switching = useMutation({
    mutationFn: async () => {
      const made = current();
      setDraft(made);
      setTyped(typedOf(made, typed.id));
      setRaw(raw === undefined ? JSON.stringify(made, null, 2) : undefined);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    submission.mutate();
  };
  const set = (changed: Partial<Typed>) => setTyped({ ...typed, ...changed });
  const error = submission.error ?? switching.error;
  return (
    <form className="schedule-form" onSubmit={submit}>
      <div className="buttons start">
        <button type="button" aria-pressed={raw !== undefined} onClick={() => switching.mutate()}>
          {raw === undefined ? "Edit as JSON" : "Back to the form"}
        </button>
      </div>
      {scheduleId === undefined && (
        <Text label="Schedule id" value={typed.id} onChange={(id) => set({ id })} isRequired />
      )}
      {raw === undefined ? (
        <Fields typed={typed} onChange={set} />
      ) : (
        <JsonEditor label="The schedule, as JSON" name="schedule" rows={24} value={raw} onChange={setRaw} />
      )}
      {command !== undefined && <CommandView command={command} />}
      {error && (
        <p className="refusal" role="alert">
          {error.message}
        </p>
      )}
      <div className="buttons start">
        <button type="submit" className="primary" disabled={submission.isPending}>
          {action}
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** None while what is typed makes no sense. */
function commandOrNothing(made: () => string | undefined): string | undefined {
  try {
    return made();
  } catch {
    return undefined;
  }
}

interface FieldsProps {
  readonly typed: Typed;
  readonly onChange: (changed: Partial<Typed>) => void;
}

function Fields({ typed, onChange }: FieldsProps) {
  return (
    <>
      <fieldset className="columns">
        <legend>What it starts</legend>
        <Text label="Workflow type" value={typed.type} onChange={(type) => onChange({ type })} isRequired />
        <Text label="Task queue" value={typed.taskQueue} onChange={(taskQueue) => onChange({ taskQueue })} isRequired />
        <Text
          {...{ label: "Workflow id", value: typed.workflowId, hint: "the schedule's, and “-workflow”" }}
          onChange={(workflowId) => onChange({ workflowId })}
        />
      </fieldset>
      <JsonEditor label="Input, as JSON" name="input" value={typed.input} onChange={(input) => onChange({ input })} />
      <WhenFields whens={typed.whens} onChange={(whens) => onChange({ whens })} />
      <fieldset className="columns">
        <legend>How</legend>
        <Text
          {...{ label: "Time zone of calendars", value: typed.timeZone, hint: "UTC" }}
          onChange={(timeZone) => onChange({ timeZone })}
        />
        <Text
          {...{ label: "Put off by up to", value: typed.jitter, hint: "not at all" }}
          onChange={(jitter) => onChange({ jitter })}
        />
        <label className="field">
          When the workflow before still runs
          <select value={typed.overlap} onChange={(event) => onChange({ overlap: event.target.value })}>
            {Object.entries(overlaps).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Text
          {...{ label: "Missed starts are made up for within", value: typed.catchup, hint: "1 year" }}
          onChange={(catchup) => onChange({ catchup })}
        />
        <Text label="Notes" value={typed.notes} onChange={(notes) => onChange({ notes })} />
        <label className="check-field">
          <input
            type="checkbox"
            checked={typed.pauseOnFailure}
            onChange={(event) => onChange({ pauseOnFailure: event.target.checked })}
          />{" "}
          Pause it when a workflow fails
        </label>
      </fieldset>
    </>
  );
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly isRequired?: boolean;
  /** Stands in the field while it is empty. */
  readonly hint?: string;
}

function Text({ label, value, onChange, isRequired = false, hint = "" }: TextProps) {
  return (
    <label className="field">
      {label}
      <input
        {...{ value, required: isRequired, placeholder: hint, spellCheck: false, autoComplete: "off" }}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
