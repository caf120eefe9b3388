/** Fields of forms that keep what is typed themselves: label, input, and what to know about it. */
import { type InputHTMLAttributes, useId } from "react";

interface TextFieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
}

export function TextField({ label, hint, ...input }: TextFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        autoComplete="off"
        spellCheck={false}
        {...(hint && { "aria-describedby": `${id}-hint` })}
        {...input}
      />
      {hint && (
        <p id={`${id}-hint`} className="faint note">
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceFieldProps {
  readonly label: string;
  readonly name: string;
  readonly defaultValue?: string | undefined;
  /** Value to label. */
  readonly choices: Readonly<Record<string, string>>;
}

export function ChoiceField({ label, name, defaultValue, choices }: ChoiceFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} name={name} defaultValue={defaultValue}>
        {Object.entries(choices).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

interface CheckFieldProps {
  readonly label: string;
  readonly name: string;
  readonly defaultChecked?: boolean;
}

export function CheckField({ label, name, defaultChecked = false }: CheckFieldProps) {
  return (
    <label className="check-field">
      <input type="checkbox" name={name} defaultChecked={defaultChecked} /> {label}
    </label>
  );
}
