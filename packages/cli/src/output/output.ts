/** What commands print: text with tables for people, JSON for programs. Both are made of the same JSON, so both can be narrowed by `--fields`. */

import { visibleJson } from "@pawl/server/visible-json";
import type { GlobalValues } from "../command/global-flags.ts";
import { Failure } from "../failure.ts";
import { payloadText, payloadValue } from "../payload.ts";
import type { Json } from "./json.ts";
import { hasColors, onlyPainted, paint, printable, printableLine, type Style } from "./terminal.ts";
import { durationText, timeText } from "./time-text.ts";

/** One fact about a thing: where it is in the thing's JSON, and how it reads. */
export interface Column {
  readonly heading: string;
  /** Members joined with dots, such as `execution.workflowId`. */
  readonly path: string;
  readonly kind?: "time" | "duration" | "json" | "yes" | "payloads";
  /** What enum members begin with: `WORKFLOW_EXECUTION_STATUS_RUNNING` is shown as `Running`. */
  readonly prefix?: string;
  /** How a value reads that is of no kind. */
  readonly written?: (value: unknown) => string;
  readonly style?: (text: string) => Style | undefined;
}

/** Of a list of times in one line. */
const shownTimesMax = 5;

type Format = "text" | "json" | "jsonl" | "none";

export class Output {
  readonly format: Format;
  readonly #flags: GlobalValues;
  readonly #isColored: boolean;
  readonly #timeFormat: "relative" | "iso" | "raw";
  readonly #write: (text: string) => void;

  constructor(flags: GlobalValues, stream: NodeJS.WriteStream = process.stdout) {
    this.#flags = flags;
    this.format = flags.output ?? "text";
    this.#isColored = hasColors(flags.color ?? "auto", stream);
    this.#timeFormat = flags.timeFormat ?? (stream.isTTY ? "relative" : "iso");
    this.#write = (text) => void stream.write(text);
  }

  /** For people only. Whatever stands in the text, the terminal is told to do nothing but to paint. */
  say(line: string): void {
    if (this.format === "text") this.#write(`${onlyPainted(line)}\n`);
  }

  /** For people only. */
  title(line: string): void {
    this.say(this.paint(line, "bold"));
  }

  paint(text: string, style: Style | undefined): string {
    return paint(printable(text), style, this.#isColored);
  }

  /** What others have called something, to stand within a line. */
  word(text: string, style?: Style): string {
    return paint(printableLine(text), style, this.#isColored);
  }

  time(text: unknown): string {
    return timeText(text, this.#timeFormat, Date.now());
  }

  /** For programs only; text is said in another way. */
  json(value: Json): void {
    if (this.format === "json") this.#write(`${visibleJson(value, 2)}\n`);
    if (this.format === "jsonl") this.#write(`${visibleJson(value)}\n`);
  }

  /** One thing: a line for each fact that there is, or its JSON. */
  thing(columns: readonly Column[], value: Json): void {
    const chosen = this.#chosen(columns);
    if (this.format !== "text") return this.json(this.#narrowed(chosen, value));
    this.facts(chosen ?? columns, value);
  }

  /** The lines alone. */
  facts(columns: readonly Column[], value: Json): void {
    const rows = columns
      .map((column) => [column.heading, this.#cell(column, value)] as const)
      .filter(([, cell]) => cell !== "");
    const width = Math.max(0, ...rows.map(([heading]) => heading.length));
    for (const [heading, cell] of rows) this.say(`${this.paint(heading.padEnd(width), "cyan")}  ${cell}`);
  }

  /** Things as they come: a table whose columns are as wide as the first page needs, a JSON array, or a line of JSON each. */
  async list(columns: readonly Column[], pages: AsyncIterable<readonly Json[]>): Promise<void> {
    const table = new Table(this, this.#chosen(columns) ?? columns);
    const chosen = this.#chosen(columns);
    let count = 0;
    for await (const page of pages) {
      if (this.format === "text") table.add(page, (column, item) => this.#cell(column, item));
      else for (const item of page) this.#item(this.#narrowed(chosen, item), count++);
    }
    if (this.format === "json") this.#write(count === 0 ? "[]\n" : "\n]\n");
  }

  /** A table within a text, of what is there already. */
  table(columns: readonly Column[], items: readonly Json[]): void {
    new Table(this, columns).add(items, (column, item) => this.#cell(column, item));
  }

  #item(item: Json, index: number): void {
    if (this.format === "jsonl") this.#write(`${visibleJson(item)}\n`);
    if (this.format !== "json") return;
    const lines = visibleJson(item, 2).replaceAll("\n", "\n  ");
    this.#write(`${index === 0 ? "[" : ","}\n  ${lines}`);
  }

  #chosen(columns: readonly Column[]): readonly Column[] | undefined {
    const { fields } = this.#flags;
    if (fields === undefined) return undefined;
    const names = fields.split(",").map((name) => name.trim());
    if (names.includes("")) throw new Failure("usage", "--fields is written like Status,WorkflowId");
    return names.map((name) => {
      const known = columns.find(({ heading, path }) => heading.toLowerCase() === name.toLowerCase() || path === name);
      return known ?? { heading: name, path: name };
    });
  }

  #narrowed(chosen: readonly Column[] | undefined, value: Json): Json {
    if (chosen === undefined) return value;
    return Object.fromEntries(chosen.map(({ heading, path }) => [heading, chosenMember(value, path) ?? null]));
  }

  #cell({ path, kind, prefix, written, style }: Column, item: Json): string {
    const value = chosenMember(item, path);
    if (value === undefined || value === null || value === "") return "";
    const text = written ? written(value) : this.#text(value, kind, prefix);
    return this.word(text, style?.(text));
  }

  #times(all: readonly unknown[]): string {
    const first = all.slice(0, shownTimesMax).map((one) => this.time(one));
    return [...first, ...(all.length > shownTimesMax ? ["…"] : [])].join(", ");
  }

  #text(value: unknown, kind: Column["kind"], prefix: string | undefined): string {
    if (kind === "time") return Array.isArray(value) ? this.#times(value) : this.time(value);
    if (kind === "duration") return durationText(value);
    if (kind === "payloads") return mapText(value as Readonly<Record<string, Json>>);
    if (kind === "yes") return value === true ? "yes" : "no";
    if (prefix !== undefined) return words(String(value), prefix);
    return kind === "json" || typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

/** Where the messages that are shown keep search attributes. */
const attributePaths = ["", "workflowExecutionInfo.", "info."].map(
  (holder) => `${holder}searchAttributes.indexedFields`,
);

/** A payload is shown as what it holds; a name that is no member's may be a search attribute's. */
function chosenMember(value: Json, path: string): unknown {
  const found = [path, ...attributePaths.map((attributes) => `${attributes}.${path}`)]
    .map((each) => member(value, each))
    .find((each) => each !== undefined);
  return payloadValue(found);
}

function mapText(payloads: Readonly<Record<string, Json>>): string {
  return Object.entries(payloads)
    .map(([key, payload]) => `${key}=${payloadText(payload)}`)
    .join(" ");
}

/** `Running` for `WORKFLOW_EXECUTION_STATUS_RUNNING`. */
export function words(value: string, prefix: string): string {
  const plain = value.startsWith(prefix) ? value.slice(prefix.length) : value;
  return plain.toLowerCase().replaceAll(/(^|_)([a-z])/g, (_all, _bar, letter: string) => letter.toUpperCase());
}

/**
 * The member at a path; a path that leads nowhere gives undefined. The whole rest may be one member's name, dots and all. Of a list, a number counts from
 * its beginning, and `last` is its end.
 */
export function member(value: Json, path: string): unknown {
  if (path === "") return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) && /^last(\.|$)/.test(path)) return member(value.at(-1), path.slice("last.".length));
  if (Object.hasOwn(value, path)) return value[path];
  const [first = "", ...rest] = path.split(".");
  return Object.hasOwn(value, first) && rest.length > 0 ? member(value[first], rest.join(".")) : undefined;
}

class Table {
  readonly #output: Output;
  readonly #columns: readonly Column[];
  #widths: readonly number[] | undefined;

  constructor(output: Output, columns: readonly Column[]) {
    this.#output = output;
    this.#columns = columns;
  }

  add(items: readonly Json[], cell: (column: Column, item: Json) => string): void {
    const rows = items.map((item) => this.#columns.map((column) => cell(column, item)));
    if (this.#widths === undefined) {
      const headings = this.#columns.map(({ heading }) => heading);
      this.#widths = headings.map((heading, at) =>
        Math.max(heading.length, ...rows.map((row) => visibleLength(row[at]!))),
      );
      this.#line(headings.map((heading) => this.#output.paint(heading, "bold")));
    }
    for (const row of rows) this.#line(row);
  }

  #line(cells: readonly string[]): void {
    const padded = cells.map((cell, at) => cell + " ".repeat(Math.max(0, this.#widths![at]! - visibleLength(cell))));
    this.#output.say(padded.join("  ").trimEnd());
  }
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the orders for colours
  return text.replaceAll(/\u001b\[\d+m/g, "").length;
}
