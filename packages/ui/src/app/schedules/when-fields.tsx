/** When a schedule acts: any number of intervals, calendars and cron strings. */
import { type Calendar, type CalendarField, calendarFields, type When } from "./draft.ts";

interface WhenFieldsProps {
  readonly whens: readonly When[];
  readonly onChange: (whens: readonly When[]) => void;
}

const fresh = {
  interval: { label: "Every so often", when: { type: "interval", every: "1h", offset: "" } },
  calendar: { label: "At times of a calendar", when: { type: "calendar", calendar: { hour: "9", dayOfWeek: "1-5" } } },
  cron: { label: "By a cron string", when: { type: "cron", text: "0 9 * * 1-5" } },
} as const satisfies Record<When["type"], { readonly label: string; readonly when: When }>;

export function WhenFields({ whens, onChange }: WhenFieldsProps) {
  const replace = (index: number, when: When) => onChange(whens.map((each, at) => (at === index ? when : each)));
  return (
    <fieldset className="whens">
      <legend>When</legend>
      {whens.map((when, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name than their place
        <div key={index} className="when">
          <WhenLine when={when} number={index + 1} onChange={(changed) => replace(index, changed)} />
          <button type="button" className="quiet" onClick={() => onChange(whens.filter((_, at) => at !== index))}>
            Remove<span className="hidden"> line {index + 1}</span>
          </button>
        </div>
      ))}
      {whens.length === 0 && <p className="faint">It acts only when somebody triggers it.</p>}
      <div className="buttons start">
        {Object.entries(fresh).map(([type, { label, when }]) => (
          <button key={type} type="button" onClick={() => onChange([...whens, when])}>
            + {label}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

interface LineProps {
  readonly when: When;
  readonly number: number;
  readonly onChange: (when: When) => void;
}

function WhenLine({ when, number, onChange }: LineProps) {
  switch (when.type) {
    case "interval":
      return (
        <>
          <Field
            {...{ label: "Every", number, value: when.every, hint: "such as 90m" }}
            onChange={(every) => onChange({ ...when, every })}
          />
          <Field
            {...{ label: "Offset", number, value: when.offset, hint: "none" }}
            onChange={(offset) => onChange({ ...when, offset })}
          />
        </>
      );
    case "cron":
      return (
        <Field
          {...{ label: "Cron string", number, value: when.text, hint: "0 9 * * 1-5" }}
          onChange={(text) => onChange({ ...when, text })}
        />
      );
    case "calendar":
      return (
        <CalendarLine
          calendar={when.calendar}
          number={number}
          onChange={(calendar) => onChange({ ...when, calendar })}
        />
      );
    default:
      return when satisfies never;
  }
}

/** A field's name, and what it means when it is left empty. */
const calendarNames: Readonly<Record<CalendarField, readonly [label: string, otherwise: string]>> = {
  second: ["Second", "0"],
  minute: ["Minute", "0"],
  hour: ["Hour", "0"],
  dayOfMonth: ["Day of the month", "*"],
  month: ["Month", "*"],
  year: ["Year", "*"],
  dayOfWeek: ["Day of the week", "*"],
};

interface CalendarLineProps {
  readonly calendar: Calendar;
  readonly number: number;
  readonly onChange: (calendar: Calendar) => void;
}

function CalendarLine({ calendar, number, onChange }: CalendarLineProps) {
  const change = (field: CalendarField, text: string) => {
    const { [field]: _, ...others } = calendar;
    onChange(text === "" ? others : { ...others, [field]: text });
  };
  return (
    <>
      {calendarFields.map((field) => {
        const [label, hint] = calendarNames[field];
        return (
          <Field
            key={field}
            {...{ label, number, hint, value: calendar[field] ?? "", isShort: true }}
            onChange={(text) => change(field, text)}
          />
        );
      })}
    </>
  );
}

interface FieldProps {
  readonly label: string;
  readonly number: number;
  readonly value: string;
  /** Stands in the field while it is empty. */
  readonly hint: string;
  readonly isShort?: boolean;
  readonly onChange: (text: string) => void;
}

function Field({ label, number, value, hint, isShort = false, onChange }: FieldProps) {
  return (
    <label className={isShort ? "field short" : "field"}>
      <span>
        {label}
        <span className="hidden">, line {number}</span>
      </span>
      <input
        {...{ value, placeholder: hint, spellCheck: false, autoComplete: "off" }}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
