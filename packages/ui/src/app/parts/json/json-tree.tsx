/** JSON as a tree whose branches open and close. Long lists show their beginning, and more on demand. */
import { useState } from "react";

const shownFirst = 100;
const openDepth = 2;

interface TreeProps {
  readonly value: unknown;
  readonly label: string;
}

export function JsonTree({ value, label }: TreeProps) {
  return (
    <section aria-label={label} className="tree">
      <Node name={undefined} value={value} depth={0} />
    </section>
  );
}

interface NodeProps {
  /** `undefined`: the root. */
  readonly name: string | undefined;
  readonly value: unknown;
  readonly depth: number;
}

function Node({ name, value, depth }: NodeProps) {
  const [isOpen, setOpen] = useState(depth < openDepth);
  if (typeof value !== "object" || value === null)
    return (
      <p className="leaf">
        <Name name={name} />
        <span className={`json-${kindOf(value)}`}>{JSON.stringify(value) ?? "undefined"}</span>
      </p>
    );
  const isList = Array.isArray(value);
  const count = isList ? value.length : Object.keys(value).length;
  return (
    <div className="branch">
      <button type="button" className="twig" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Name name={name} />
        <span className="faint">
          {isList ? "[" : "{"}
          {isOpen ? "" : ` ${count} ${count === 1 ? "entry" : "entries"} ${isList ? "]" : "}"}`}
        </span>
      </button>
      {isOpen && <Entries value={value} depth={depth} />}
      {isOpen && <span className="faint">{isList ? "]" : "}"}</span>}
    </div>
  );
}

function Entries({ value, depth }: { readonly value: object; readonly depth: number }) {
  const [shownCount, setShownCount] = useState(shownFirst);
  const entries = Object.entries(value);
  return (
    <div className="entries">
      {entries.slice(0, shownCount).map(([name, entry]) => (
        <Node key={name} name={name} value={entry} depth={depth + 1} />
      ))}
      {entries.length > shownCount && (
        <button type="button" className="quiet" onClick={() => setShownCount(shownCount + 10 * shownFirst)}>
          {(entries.length - shownCount).toLocaleString()} more
        </button>
      )}
    </div>
  );
}

function Name({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span className="json-key">{name}: </span>;
}

function kindOf(value: unknown): "string" | "number" | "word" {
  return typeof value === "string" ? "string" : typeof value === "number" ? "number" : "word";
}
