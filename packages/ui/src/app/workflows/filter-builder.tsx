/** The filter as rows of field, operator and value: another view of the query in the address. */
import { useState } from "react";
import {
  type Attribute,
  type AttributeType,
  isQuotedType,
  type Operator,
  operatorLabel,
  operatorsOf,
} from "./attributes.ts";
import { type Condition, isComplete, parseConditions, printConditions, type Value } from "./conditions.ts";
import { isQuery, statuses } from "./filter.ts";

interface BuilderProps {
  /** As it stands in the address. */
  readonly text: string;
  readonly attributes: readonly Attribute[];
  readonly onChange: (text: string) => void;
}

export function FilterBuilder({ text, attributes, onChange }: BuilderProps) {
  const [seen, setSeen] = useState(text);
  const [rows, setRows] = useState(() => rowsOf(text));
  if (seen !== text) {
    setSeen(text);
    // Unless it is the address that follows these rows.
    if (!rows || printRows(rows) !== text) setRows(rowsOf(text));
  }
  if (!rows)
    return <p className="faint">This query says more than rows of conditions can: it is changed as text above.</p>;
  const change = (changed: readonly Condition[]) => {
    setRows(changed);
    const printed = printRows(changed);
    if (printed !== text) onChange(printed);
  };
  return (
    <fieldset className="builder">
      <legend className="hidden">Conditions, all of which hold</legend>
      {rows.map((condition, at) => (
        <Row
          // biome-ignore lint/suspicious/noArrayIndexKey: a condition has no other name than its place
          key={at}
          {...{ condition, attributes, at }}
          onChange={(changed) => change(rows.with(at, changed))}
          onRemove={() => change(rows.toSpliced(at, 1))}
        />
      ))}
      <button type="button" onClick={() => change([...rows, newRow])}>
        + Add a condition
      </button>
    </fieldset>
  );
}

const newRow: Condition = { name: "WorkflowType", operator: "=", values: [] };

function rowsOf(text: string): readonly Condition[] | undefined {
  if (text === "" || isQuery(text)) return parseConditions(text);
  return [{ name: "WorkflowId", operator: "STARTS_WITH", values: [{ text, isQuoted: true }] }];
}

function printRows(rows: readonly Condition[]): string {
  return printConditions(rows.filter(isComplete));
}

interface RowProps {
  readonly condition: Condition;
  readonly attributes: readonly Attribute[];
  readonly at: number;
  readonly onChange: (condition: Condition) => void;
  readonly onRemove: () => void;
}

function Row({ condition, attributes, at, onChange, onRemove }: RowProps) {
  const { name, operator, values } = condition;
  const type = attributes.find((attribute) => attribute.name === name)?.type ?? "Keyword";
  const known = attributes.some((attribute) => attribute.name === name);
  const offered = operatorsOf(type);
  const choose = (chosen: string) => {
    const ofChosen = attributes.find((attribute) => attribute.name === chosen)?.type ?? "Keyword";
    const [first] = operatorsOf(ofChosen);
    onChange({ name: chosen, operator: first!, values: [] });
  };
  const operate = (chosen: Operator) => onChange({ name, operator: chosen, values: keptValues(chosen, values) });
  const which = `of condition ${at + 1}`;
  return (
    <div className="condition">
      <select aria-label={`Field ${which}`} value={name} onChange={(event) => choose(event.target.value)}>
        {!known && <option>{name}</option>}
        {[false, true].map((isCustom) => {
          const names = attributes.filter((attribute) => attribute.isCustom === isCustom);
          if (names.length === 0) return null;
          return (
            <optgroup key={String(isCustom)} label={isCustom ? "Your search attributes" : "In every namespace"}>
              {names.map((attribute) => (
                <option key={attribute.name}>{attribute.name}</option>
              ))}
            </optgroup>
          );
        })}
      </select>
      <select
        aria-label={`Operator ${which}`}
        value={operator}
        onChange={(event) => operate(event.target.value as Operator)}
      >
        {(offered.includes(operator) ? offered : [...offered, operator]).map((each) => (
          <option key={each} value={each}>
            {operatorLabel(each, type)}
          </option>
        ))}
      </select>
      {operator !== "IS NULL" && operator !== "IS NOT NULL" && (
        <ValueField {...{ name, type, operator, values }} label={`Value ${which}`} onChange={onChange} />
      )}
      <button type="button" className="quiet" aria-label={`Remove condition ${at + 1}`} onClick={onRemove}>
        ✕
      </button>
    </div>
  );
}

function keptValues(operator: Operator, values: readonly Value[]): readonly Value[] {
  if (operator === "IS NULL" || operator === "IS NOT NULL") return [];
  return operator === "IN" ? values : values.slice(0, 1);
}

interface ValueProps extends Pick<Condition, "name" | "operator" | "values"> {
  readonly type: AttributeType;
  readonly label: string;
  readonly onChange: (condition: Condition) => void;
}

/** Typed texts count when the field is left, or Enter is pressed: each change asks the server. */
function ValueField({ name, type, operator, values, label, onChange }: ValueProps) {
  const set = (texts: readonly string[]) =>
    onChange({ name, operator, values: texts.map((text) => ({ text, isQuoted: isQuotedType(type) })) });
  const shown = values[0]?.text ?? "";
  const choices = name === "ExecutionStatus" ? statuses : type === "Bool" ? (["true", "false"] as const) : undefined;
  if (choices && operator !== "IN")
    return (
      <select aria-label={label} value={shown} onChange={(event) => set([event.target.value])}>
        <option value="">…</option>
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  if (type === "Datetime")
    return (
      <input
        aria-label={label}
        type="datetime-local"
        step="1"
        value={localTime(shown)}
        onChange={(event) => event.target.value !== "" && set([new Date(event.target.value).toISOString()])}
      />
    );
  const joined = values.map(({ text }) => text).join(", ");
  return <TypedField {...{ label, type, shown: joined }} onTyped={(text) => set(typedValues(text, operator))} />;
}

function typedValues(text: string, operator: Operator): string[] {
  if (operator !== "IN") return [text];
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

interface TypedFieldProps {
  readonly label: string;
  readonly type: AttributeType;
  readonly shown: string;
  readonly onTyped: (text: string) => void;
}

function TypedField({ label, type, shown, onTyped }: TypedFieldProps) {
  const [typed, setTyped] = useState(shown);
  const [seen, setSeen] = useState(shown);
  if (seen !== shown) {
    setSeen(shown);
    setTyped(shown);
  }
  const settle = () => typed !== shown && onTyped(typed);
  return (
    <input
      aria-label={label}
      {...(type === "Int" || type === "Double" ? { inputMode: "decimal" as const } : {})}
      value={typed}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => setTyped(event.target.value)}
      onBlur={settle}
      onKeyDown={(event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        settle();
      }}
    />
  );
}

/** For a field that has times without a zone: in the user's. */
function localTime(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
