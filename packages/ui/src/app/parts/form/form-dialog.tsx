/** A question with an answer that does something: a form in a modal dialog, which closes when the server has agreed. */
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { CommandView } from "../command-view.tsx";
import { jsonProblem } from "../json/json-syntax.ts";
import { Modal } from "../modal.tsx";

export interface FormDialogProps {
  readonly title: string;
  /** What its button says. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** The same by the command line, for what the form says at the moment; `undefined` where the server is asked for nothing. */
  readonly command: string | ((fields: FormData) => string) | undefined;
  readonly onClose: () => void;
  /** It closes by its button only, because it shows what came of it. */
  readonly isKept?: boolean;
  /** Throws what is wrong with the form, or what the server refused. */
  readonly onSubmit: (fields: FormData) => Promise<unknown>;
  readonly children: ReactNode;
}

export function FormDialog({
  title,
  action,
  isDangerous = false,
  command,
  onClose,
  isKept = false,
  onSubmit,
  children,
}: FormDialogProps) {
  const submission = useMutation({ mutationFn: onSubmit, ...(!isKept && { onSuccess: onClose }) });
  const form = useRef<HTMLFormElement>(null);
  const [fields, setFields] = useState<FormData | undefined>();
  const read = () => {
    setFields(new FormData(form.current!));
    // What was refused is not what the form says now.
    if (submission.isError) submission.reset();
  };
  useEffect(() => setFields(new FormData(form.current!)), []);
  const line = typeof command === "function" ? fields && command(fields) : command;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    submission.mutate(new FormData(event.currentTarget));
  };
  return (
    <Modal title={title} onClose={onClose}>
      <form ref={form} onSubmit={submit} onInput={read}>
        {children}
        {line !== undefined && <CommandView command={line} />}
        {submission.error && (
          <p className="refusal" role="alert">
            {submission.error.message}
          </p>
        )}
        <div className="buttons">
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className={isDangerous ? "danger" : "primary"} disabled={submission.isPending}>
            {action}
          </button>
        </div>
      </form>
    </Modal>
  );
}

/** The JSON that was typed; `undefined` for nothing. Throws a sentence. */
export function jsonField(fields: FormData, name: string): unknown {
  const text = textField(fields, name);
  if (text === "") return undefined;
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Error(problem);
  return JSON.parse(text);
}

export function textField(fields: FormData, name: string): string {
  return String(fields.get(name) ?? "").trim();
}
