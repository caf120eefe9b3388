/** Fields of forms: label, input, and what to know about it. */
import { type InputHTMLAttributes, type SelectHTMLAttributes, useId } from "react";

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

interface ChoiceFieldProps extends SelectHTMLAttributes<HTMLSelectElement> {
  readonly label: string;
  readonly name: string;
  /** Value to label. */
  readonly choices: Readonly<Record<string, string>>;
}

export function ChoiceField({ label, choices, ...select }: ChoiceFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} {...select}>
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
