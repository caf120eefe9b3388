/** A history from a file, looked at without a server: it stays in this browser. */
import { type ChangeEvent, type DragEvent, useState } from "react";
import type { View } from "../addresses.ts";
import { type HistoryFile, readHistoryFile } from "../history/file.ts";
import { useTitle } from "../parts/list-page.tsx";
import { HistoryPanel } from "../workflow/history-panel.tsx";
import { InputAndResult } from "../workflow/input-and-result.tsx";

type Content =
  | { readonly type: "nothing" }
  | { readonly type: "reading"; readonly name: string }
  | { readonly type: "refused"; readonly name: string; readonly message: string }
  | { readonly type: "read"; readonly name: string; readonly history: HistoryFile };

export function ImportPage() {
  useTitle("Look at a history file");
  const [content, setContent] = useState<Content>({ type: "nothing" });
  const read = async (file: File) => {
    const { name } = file;
    setContent({ type: "reading", name });
    try {
      setContent({ type: "read", name, history: readHistoryFile(await file.text()) });
    } catch (error) {
      setContent({ type: "refused", name, message: error instanceof Error ? error.message : String(error) });
    }
  };
  return (
    <div className="page">
      <h1>Look at a history file</h1>
      <Chooser onFile={(file) => void read(file)} />
      {content.type === "reading" && <p role="status">Reading {content.name}…</p>}
      {content.type === "refused" && (
        <p className="refusal" role="alert">
          {content.name}: {content.message}
        </p>
      )}
      {content.type === "read" && <Viewer key={content.name} name={content.name} history={content.history} />}
    </div>
  );
}

function Chooser({ onFile }: { readonly onFile: (file: File) => void }) {
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (file) onFile(file);
    // The same file can be chosen again after it has changed.
    event.target.value = "";
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) onFile(file);
  };
  return (
    <label className="notice drop" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <span>
        Choose a history saved as JSON, by <code>pawl workflow show -o json</code>, by the button of a workflow's page,
        or by Temporal's tools. It is read here and sent nowhere.
      </span>
      <input type="file" accept=".json,application/json" aria-label="History file" onChange={choose} />
    </label>
  );
}

function Viewer({ name, history }: { readonly name: string; readonly history: HistoryFile }) {
  const [view, setView] = useState<View>("timeline");
  const isClosed = /WORKFLOW_EXECUTION_(COMPLETED|FAILED|TIMED_OUT|CANCELED|TERMINATED|CONTINUED_AS_NEW)$/;
  const isOpen = !isClosed.test(history.events.at(-1)?.eventType ?? "");
  return (
    <>
      <InputAndResult events={history.events} isOpen={isOpen} />
      <HistoryPanel
        {...{ view, pending: [], nowMs: history.lastMs }}
        history={{ ...history, state: "ended" }}
        // Nothing goes on in a file: what has no end in it has none.
        isOpen={false}
        onView={setView}
        name={name.replace(/\.json$/, "")}
      />
    </>
  );
}
