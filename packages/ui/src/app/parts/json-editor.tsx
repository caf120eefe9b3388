/**
 * An editor of JSON: a text area, so that keyboards, screen readers and undo work as everywhere, over a coloured copy of its text. It says where
 * the JSON goes wrong while it is typed.
 */
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { formattedJson, jsonProblem, jsonTokens } from "./json-syntax.ts";

export interface JsonEditorProps {
  readonly label: string;
  /** Of the form's field. */
  readonly name: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  /** How many lines are seen without scrolling. Default: 5. */
  readonly rows?: number;
  readonly hint?: string;
}

/** Longer texts are edited without colours, which would cost more than a keystroke may. */
const colouredCharsMax = 50_000;

export function JsonEditor({ label, name, value, onChange, rows = 5, hint }: JsonEditorProps) {
  const id = useId();
  const [hasLeft, setHasLeft] = useState(false);
  const coloured = useRef<HTMLPreElement>(null);
  const problem = jsonProblem(value);
  const isColoured = value.length <= colouredCharsMax;
  return (
    <div className="json-editor">
      <div className="json-editor-head">
        <label htmlFor={id}>{label}</label>
        <button type="button" className="quiet" onClick={() => onChange(formattedJson(value))} disabled={!!problem}>
          Format<span className="hidden"> {label}</span>
        </button>
      </div>
      <div className={isColoured ? "json-editor-text coloured" : "json-editor-text"}>
        {isColoured && (
          <pre ref={coloured} aria-hidden="true">
            {jsonTokens(value).map(({ kind, text }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: words have no other name than their place
              <span key={at} className={`json-${kind}`}>
                {text}
              </span>
            ))}
            {"\n"}
          </pre>
        )}
        <textarea
          {...{ id, name, rows, value }}
          spellCheck={false}
          autoComplete="off"
          aria-invalid={hasLeft && problem !== undefined}
          aria-describedby={`${id}-note`}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => indent(event, onChange)}
          onBlur={() => setHasLeft(true)}
          onScroll={({ currentTarget: { scrollTop, scrollLeft } }) => coloured.current?.scrollTo(scrollLeft, scrollTop)}
        />
      </div>
      <p id={`${id}-note`} className={problem === undefined ? "faint note" : "refusal note"}>
        {problem ?? hint ?? ""}
      </p>
    </div>
  );
}

/** A new line begins where the one before did, and deeper behind an opening bracket. Tab leaves the field, as in every form. */
function indent(event: KeyboardEvent<HTMLTextAreaElement>, onChange: (text: string) => void): void {
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.nativeEvent.isComposing)
    return;
  const field = event.currentTarget;
  const before = field.value.slice(0, field.selectionStart);
  const after = field.value.slice(field.selectionEnd);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const [spaces = ""] = /^ */.exec(line) ?? [];
  const isOpened = /[{[]\s*$/.test(line);
  const isClosed = /^\s*[}\]]/.test(after);
  const deeper = isOpened ? `${spaces}  ` : spaces;
  if (deeper === "" && !isOpened) return;
  event.preventDefault();
  const inserted = `\n${deeper}${isOpened && isClosed ? `\n${spaces}` : ""}`;
  onChange(before + inserted + after);
  const caret = before.length + 1 + deeper.length;
  // After the new text has been put into the field.
  requestAnimationFrame(() => field.setSelectionRange(caret, caret));
}
