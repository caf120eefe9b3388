import { JsonEditor } from "../json/json-editor.tsx";

interface InputsFieldProps {
  /** JSON each; an empty one is no argument. */
  readonly inputs: readonly string[];
  readonly onChange: (inputs: readonly string[]) => void;
}

/** The arguments of a workflow or an activity, one editor each. */
export function InputsField({ inputs, onChange }: InputsFieldProps) {
  return (
    <fieldset className="inputs">
      <legend>Input</legend>
      {inputs.map((input, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an argument has no other name than its place
        <div key={at}>
          <JsonEditor
            label={`Argument ${at + 1}, as JSON`}
            name={`input-${at}`}
            rows={4}
            value={input}
            onChange={(text) => onChange(inputs.with(at, text))}
          />
          {inputs.length > 1 && (
            <button type="button" className="quiet" onClick={() => onChange(inputs.toSpliced(at, 1))}>
              Remove argument {at + 1}
            </button>
          )}
        </div>
      ))}
      <button type="button" onClick={() => onChange([...inputs, ""])}>
        + Another argument
      </button>
    </fieldset>
  );
}
