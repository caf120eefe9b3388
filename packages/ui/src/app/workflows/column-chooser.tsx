/** Which columns the list has, and in which order. */
import { type FormEvent, useState } from "react";
import { Button, Dialog, DialogTrigger, Popover } from "react-aria-components";
import type { WorkflowInfo } from "../api/workflows.ts";
import type { Attribute } from "./attributes.ts";
import { type Column, columnKey, columnLabel, defaultColumns, factColumns, namesIn } from "./columns.ts";

interface ChooserProps {
  readonly chosen: readonly Column[];
  readonly rows: readonly WorkflowInfo[];
  readonly attributes: readonly Attribute[];
  readonly onChange: (columns: readonly Column[]) => void;
}

export function ColumnChooser({ chosen, rows, attributes, onChange }: ChooserProps) {
  const inRows = namesIn(rows);
  const custom = attributes.filter(({ isCustom }) => isCustom).map(({ name }) => name);
  const offered: readonly Column[] = [
    ...factColumns.map((name) => ({ kind: "fact", name }) as const),
    ...[...new Set([...custom, ...inRows.attributes])].map((name) => ({ kind: "attribute", name }) as const),
    ...inRows.memos.map((name) => ({ kind: "memo", name }) as const),
  ];
  const keys = new Set(chosen.map(columnKey));
  const others = offered.filter((column) => !keys.has(columnKey(column)));
  return (
    <DialogTrigger>
      <Button className="chooser">Columns</Button>
      <Popover placement="bottom end" className="popover">
        <Dialog aria-label="Columns" className="chooser-panel">
          <ol aria-label="Columns that are shown">
            {chosen.map((column, at) => (
              <Chosen key={columnKey(column)} {...{ column, at, chosen, onChange }} />
            ))}
          </ol>
          <div className="chooser-others">
            {others.map((column) => (
              <button key={columnKey(column)} type="button" onClick={() => onChange([...chosen, column])}>
                + {columnLabel(column)}
              </button>
            ))}
          </div>
          <MemoField onAdd={(column) => !keys.has(columnKey(column)) && onChange([...chosen, column])} />
          <button type="button" onClick={() => onChange(defaultColumns)}>
            As at first
          </button>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

interface ChosenProps extends Pick<ChooserProps, "chosen" | "onChange"> {
  readonly column: Column;
  readonly at: number;
}

function Chosen({ column, at, chosen, onChange }: ChosenProps) {
  const label = columnLabel(column);
  const move = (by: number) => onChange(chosen.toSpliced(at, 1).toSpliced(at + by, 0, column));
  return (
    <li>
      <span className="breakable">{label}</span>
      <button type="button" className="quiet push" disabled={at === 0} onClick={() => move(-1)} title="Further left">
        ↑<span className="hidden"> {label} further left</span>
      </button>
      <button
        type="button"
        className="quiet"
        disabled={at === chosen.length - 1}
        onClick={() => move(1)}
        title="Further right"
      >
        ↓<span className="hidden"> {label} further right</span>
      </button>
      <button
        type="button"
        className="quiet"
        disabled={chosen.length === 1}
        onClick={() => onChange(chosen.toSpliced(at, 1))}
        title="Hide"
      >
        ✕<span className="hidden"> Hide {label}</span>
      </button>
    </li>
  );
}

/** Memos are not filtered by, so nobody lists their names: those of rows out of sight are typed. */
function MemoField({ onAdd }: { readonly onAdd: (column: Column) => void }) {
  const [name, setName] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") onAdd({ kind: "memo", name: name.trim() });
    setName("");
  };
  return (
    <form onSubmit={add} className="chooser-memo">
      <input
        aria-label="Field of the memo"
        placeholder="Field of the memo"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <button type="submit">Add</button>
    </form>
  );
}
