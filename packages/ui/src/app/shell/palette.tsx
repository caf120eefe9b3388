/** The command palette: every page, what can be done on this one, and any workflow by its id, without a mouse. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Autocomplete, Input, ListBox, ListBoxItem, TextField } from "react-aria-components";
import { listNamespaces, listWorkflows } from "../api/workflows.ts";
import { Modal } from "../parts/modal.tsx";
import { timeStyle } from "../parts/moment.tsx";
import { quoted } from "../workflows/conditions.ts";
import { navGroups } from "./nav.ts";
import { matching, type PaletteItem } from "./palette-items.ts";
import { theme, themes } from "./theme.ts";

interface PaletteProps {
  readonly namespace: string;
  readonly onClose: () => void;
  readonly onHelp: () => void;
}

export function Palette({ namespace, onClose, onHelp }: PaletteProps) {
  const [typed, setTyped] = useState("");
  // What can be done on the page behind, as it was when the palette opened.
  const [here] = useState(actionsOfPage);
  const items = usePaletteItems({ namespace, typed, here, onHelp });
  const choose = (item: PaletteItem) => {
    onClose();
    item.run();
  };
  return (
    <Modal title="Command palette" isTitleHidden isLight look="palette" onClose={onClose}>
      <Autocomplete inputValue={typed} onInputChange={setTyped}>
        <TextField aria-label="What to do, or the beginning of a workflow's id">
          <Input placeholder="A page, an action, or the beginning of an id" autoComplete="off" spellCheck={false} />
        </TextField>
        <ListBox
          aria-label="What there is"
          className="options"
          items={items}
          shouldFocusWrap
          renderEmptyState={() => <p className="faint">Nothing of that name.</p>}
        >
          {(item) => (
            <ListBoxItem textValue={item.label} onAction={() => choose(item)}>
              <span className="breakable">{item.label}</span> <span className="faint">{item.group}</span>
            </ListBoxItem>
          )}
        </ListBox>
      </Autocomplete>
    </Modal>
  );
}

interface Offered {
  readonly namespace: string;
  readonly typed: string;
  readonly here: readonly PaletteItem[];
  readonly onHelp: () => void;
}

function usePaletteItems({ namespace, typed, here, onHelp }: Offered): PaletteItem[] {
  const pages = usePages(namespace);
  const found = useFoundRuns(namespace, typed.trim());
  const navigate = useNavigate();
  const namespaces = useQuery({
    queryKey: ["namespaces"],
    queryFn: ({ signal }) => listNamespaces(signal),
    staleTime: 30_000,
  });
  const settings: PaletteItem[] = [
    { id: "help", label: "Keyboard shortcuts", group: "Help", run: onHelp },
    ...themes.map((name) => ({
      ...{ id: `theme-${name}`, label: `Theme: ${name}`, group: "Setting", run: () => theme.set(name) },
    })),
    { id: "times-relative", label: "Times: relative", group: "Setting", run: () => timeStyle.set("relative") },
    { id: "times-absolute", label: "Times: absolute", group: "Setting", run: () => timeStyle.set("absolute") },
    ...(namespaces.data?.namespaces ?? []).map(({ namespaceInfo: { name } }) => ({
      ...{ id: `namespace-${name}`, label: `Namespace ${name}`, group: "Go to" },
      run: () => void navigate({ to: "/namespaces/$namespace/workflows", params: { namespace: name } }),
    })),
  ];
  return [...matching([...here, ...pages, ...settings], typed), ...found];
}

function usePages(namespace: string): PaletteItem[] {
  const navigate = useNavigate();
  const go = (to: string, label: string): PaletteItem => ({
    ...{ id: to, label, group: "Go to", run: () => void navigate({ to, params: { namespace } }) },
  });
  const start = go("/namespaces/$namespace/start-workflow", "Start a workflow");
  return [...navGroups.flatMap(({ items }) => items.map(({ to, label }) => go(to, label))), start];
}

const foundMax = 5;

/** Workflows whose id begins so, or the one run of that id. */
function useFoundRuns(namespace: string, typed: string): PaletteItem[] {
  const navigate = useNavigate();
  const isRunId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(typed);
  const byRun = isRunId ? ` OR RunId = ${quoted(typed)}` : "";
  const query = `WorkflowId STARTS_WITH ${quoted(typed)}${byRun}`;
  const { data } = useQuery({
    queryKey: ["palette-runs", namespace, query],
    queryFn: ({ signal }) => listWorkflows(namespace, { query, size: foundMax }, signal),
    enabled: typed.length > 1,
    staleTime: 2_000,
  });
  if (typed.length < 2) return [];
  return (data?.executions ?? []).map(({ execution, type }) => ({
    ...{ id: execution.runId, label: execution.workflowId, group: type.name },
    run: () =>
      void navigate({
        to: "/namespaces/$namespace/workflows/$workflowId/$runId",
        params: { namespace, ...execution },
      }),
  }));
}

/** Every page says by `.actions` what can be done on it. */
function actionsOfPage(): PaletteItem[] {
  const offered = document.querySelectorAll<HTMLElement>("main .actions button:not(:disabled), main .actions a");
  return [...offered].map((element, at) => ({
    ...{ id: `here-${at}`, label: element.textContent ?? "", group: "On this page", run: () => element.click() },
  }));
}
