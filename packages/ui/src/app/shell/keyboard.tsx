/** What keys do everywhere, and the dialogs that they open. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Modal } from "../parts/modal.tsx";
import { Palette } from "./palette.tsx";
import { hear, type Shortcut, type ShortcutName, shortcuts } from "./shortcuts.ts";

export function Keyboard({ namespace }: { readonly namespace: string }) {
  const [open, setOpen] = useState<"palette" | "help" | undefined>();
  const navigate = useNavigate();
  const act = useRef<(name: ShortcutName) => void>(() => {});
  act.current = (name) => {
    const go = (to: string) => void navigate({ to, params: { namespace } });
    switch (name) {
      case "palette":
      case "help":
        return setOpen(name);
      case "filter":
        return document.querySelector<HTMLElement>("[data-shortcut=filter]")?.focus();
      case "next":
        return focusRow(1);
      case "previous":
        return focusRow(-1);
      case "choose":
        return document.activeElement?.closest("tr")?.querySelector<HTMLElement>("input[type=checkbox]")?.click();
      case "start":
        return go("/namespaces/$namespace/start-workflow");
      case "workflows":
      case "activities":
      case "inbox":
      case "schedules":
        return go(`/namespaces/$namespace/${name}`);
      case "pending":
        return go("/namespaces/$namespace/pending-activities");
      case "batches":
        return go("/namespaces/$namespace/batch-operations");
      case "queues":
        return go("/namespaces/$namespace/task-queues");
      default:
        return name satisfies never;
    }
  };
  useEffect(() => {
    let waitingFor: string | undefined;
    const listen = (event: KeyboardEvent) => {
      const { key, ctrlKey, metaKey, altKey } = event;
      if (key === "Shift") return;
      const heard = hear({ key, ctrlKey, metaKey, altKey, isElsewhere: isElsewhere(event) }, waitingFor);
      waitingFor = heard.waitingFor;
      if (heard.name === undefined) return;
      event.preventDefault();
      act.current(heard.name);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  return (
    <>
      <button type="button" className="palette-button" onClick={() => setOpen("palette")}>
        Go to… <kbd>Ctrl K</kbd>
      </button>
      {open === "palette" && (
        <Palette
          namespace={namespace}
          // The dialog that an item opens is opened before this one tells that it has closed.
          onClose={() => setOpen((now) => (now === "palette" ? undefined : now))}
          onHelp={() => setOpen("help")}
        />
      )}
      {open === "help" && <Help onClose={() => setOpen(undefined)} />}
    </>
  );
}

function isElsewhere(event: KeyboardEvent): boolean {
  if (document.querySelector("[role=dialog]")) return true;
  // The editor of JSON is in a shadow root, whose host is the target that is told of here.
  const [target] = event.composedPath();
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return target.matches("input, textarea, select") || target.isContentEditable;
}

/** Rows are their links: to be on a row is to have the focus on it, so that Enter opens it. */
function focusRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-shortcut=row]")];
  const own = document.activeElement?.closest("tr, li")?.querySelector<HTMLElement>("[data-shortcut=row]");
  const at = own ? rows.indexOf(own) : -1;
  const next = at < 0 ? (by === 1 ? 0 : rows.length - 1) : at + by;
  rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus();
}

function Help({ onClose }: { readonly onClose: () => void }) {
  return (
    <Modal title="Keyboard shortcuts" isLight onClose={onClose}>
      <dl className="shortcuts">
        {Object.values<Shortcut>(shortcuts).map(({ keys, label }) => (
          <div key={label}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{label}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Enter</kbd>
          </dt>
          <dd>Open the row</dd>
        </div>
      </dl>
      <div className="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}
