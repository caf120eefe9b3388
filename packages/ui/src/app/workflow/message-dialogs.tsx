/** What can be said to a run: a signal, which is not answered, or an update, which is. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { failureText } from "../api/failure.ts";
import { shownPayloads } from "../api/payload.ts";
import { signalWorkflow, type UpdateAnswer, updateWorkflow } from "../api/workflows.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { FormDialog, jsonField, textField } from "../parts/form/form-dialog.tsx";
import { SuggestField } from "../parts/form/suggest-field.tsx";
import { JsonEditor } from "../parts/json/json-editor.tsx";
import { JsonView } from "../parts/json/json-view.tsx";
import { type ActionProps, idsOf } from "./action.ts";
import { type Definitions, readDefinitions } from "./definitions.ts";

interface MessageFieldsProps extends Pick<ActionProps, "address"> {
  readonly kind: keyof Definitions;
  readonly input: string;
  readonly onInput: (text: string) => void;
}

/** Its name, with those that the workflow's code has given handlers, and its argument. */
function MessageFields({ address, kind, input, onInput }: MessageFieldsProps) {
  const names = useQuery({
    queryKey: ["definitions", address],
    queryFn: () => readDefinitions(address),
    staleTime: 60_000,
  });
  return (
    <>
      <SuggestField label="Name" name="name" suggestions={names.data?.[kind] ?? []} />
      <JsonEditor label="Input, as JSON" name="input" value={input} onChange={onInput} />
    </>
  );
}

function inputOf(fields: FormData): readonly unknown[] {
  const value = jsonField(fields, "input");
  return value === undefined ? [] : [value];
}

export function SignalDialog({ address, onClose }: ActionProps) {
  const [input, setInput] = useState("");
  const command = (fields: FormData) =>
    pawlCommand(["workflow", "signal"], { ...idsOf(address), name: textField(fields, "name"), input });
  return (
    <FormDialog
      title="Send a signal"
      action="Send"
      command={command}
      onClose={onClose}
      onSubmit={async (fields) => signalWorkflow(address, textField(fields, "name"), inputOf(fields))}
    >
      <MessageFields address={address} kind="signals" input={input} onInput={setInput} />
    </FormDialog>
  );
}

export function UpdateDialog({ address, onClose }: ActionProps) {
  const [input, setInput] = useState("");
  const [answer, setAnswer] = useState<UpdateAnswer | undefined>();
  const command = (fields: FormData) =>
    pawlCommand(["workflow", "update", "execute"], { ...idsOf(address), name: textField(fields, "name"), input });
  const submit = async (fields: FormData) => {
    setAnswer(undefined);
    const given = await updateWorkflow(address, textField(fields, "name"), inputOf(fields));
    if (given.outcome?.failure) throw new Error(failureText(given.outcome.failure));
    setAnswer(given);
  };
  return (
    <FormDialog title="Send an update" action="Send" command={command} onClose={onClose} isKept onSubmit={submit}>
      <p>A worker has to be there: the workflow's code answers it, or refuses it.</p>
      <MessageFields address={address} kind="updates" input={input} onInput={setInput} />
      {answer && (
        <div role="status">
          {answer.outcome ? (
            <>
              <b>Its answer</b>
              <JsonView value={shownPayloads(answer.outcome.success)} label="answer" />
            </>
          ) : (
            "It has been taken, and has not ended yet. The history tells when it does."
          )}
        </div>
      )}
    </FormDialog>
  );
}
