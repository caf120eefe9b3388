/**
 * An editor of JSON, with colours, brackets that find each other, and the place where the JSON goes wrong. The Tab key leaves it, as any field of a
 * form.
 */
import { useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { useFormTold } from "../form/use-form-told.ts";
import type { CodeView, openCodeView } from "./json-code.ts";
import { formattedJson, jsonProblem } from "./json-syntax.ts";

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

export function JsonEditor({ label, name, value, onChange, rows = 5, hint }: JsonEditorProps) {
  const id = useId();
  const field = useFormTold(value);
  const problem = jsonProblem(value);
  const code = useCode({ label, value, onChange, rows, noteId: `${id}-note` });
  return (
    <div className="json-editor">
      <div className="json-editor-head">
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the editor is labelled by itself; a click here is a short way to it */}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are in the editor already */}
        <span onClick={code.focus}>{label}</span>
        <button type="button" className="quiet" onClick={() => onChange(formattedJson(value))} disabled={!!problem}>
          Format<span className="hidden"> {label}</span>
        </button>
      </div>
      {code.isMissing ? (
        <textarea
          {...{ rows, value }}
          aria-label={label}
          aria-describedby={`${id}-note`}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <div ref={code.host} className="json-editor-text" style={{ minHeight: `${rows * 1.5 + 1}em` }} />
      )}
      <input ref={field} type="hidden" name={name} value={value} />
      <p id={`${id}-note`} className={problem === undefined ? "faint note" : "refusal note"}>
        {problem ?? hint ?? ""}
      </p>
    </div>
  );
}

interface CodeOptions extends Pick<JsonEditorProps, "label" | "value" | "onChange"> {
  readonly rows: number;
  readonly noteId: string;
}

/** What edits the code is loaded with the first editor of a page. */
function useCode({ label, value, onChange, rows, noteId }: CodeOptions) {
  const host = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<typeof openCodeView | "missing" | undefined>();
  const view = useRef<CodeView | undefined>(undefined);
  const change = useEffectEvent(onChange);
  const begin = useEffectEvent(() => value);
  useEffect(() => {
    void import("./json-code.ts").then(
      (module) => setOpen(() => module.openCodeView),
      () => setOpen("missing"),
    );
  }, []);
  useEffect(() => {
    if (typeof open !== "function") return;
    const note = document.getElementById(noteId);
    view.current = open(host.current!, { label, rows, text: begin(), note, onChange: (text) => change(text) });
    return () => view.current?.close();
  }, [open, label, rows, noteId]);
  useEffect(() => view.current?.show(value), [value]);
  return { host, isMissing: open === "missing", focus: () => view.current?.focus() };
}
