/** The flags of commands: what each is called, what it takes, and how its text is read. */
import { InvalidArgumentError } from "commander";
import { parseSpan } from "../output/span.ts";

/** `T` is what a command is handed: `undefined` is in it when the flag may be left out. */
export interface Flag<T> {
  readonly help: string;
  /** What stands for the value in the help; a switch has none. */
  readonly placeholder?: string;
  readonly short?: string;
  /** Other names, which the help does not show. */
  readonly aliases?: readonly string[];
  readonly choices?: readonly string[];
  readonly otherwise?: T;
  readonly isRequired?: boolean;
  readonly isRepeated?: boolean;
  readonly parse?: (text: string) => unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: each flag has a type of its own, and `Values` gives it back
export type Flags = Readonly<Record<string, Flag<any>>>;

export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

type More<T> = Partial<Pick<Flag<T>, "short" | "aliases">>;

export function text(placeholder: string, help: string, more: More<string | undefined> = {}): Flag<string | undefined> {
  return { placeholder, help, ...more };
}

export function required(placeholder: string, help: string, more: More<string> = {}): Flag<string> {
  return { placeholder, help, isRequired: true, ...more };
}

export function list(placeholder: string, help: string, more: More<readonly string[]> = {}): Flag<readonly string[]> {
  return { placeholder, help: `${help}; may be repeated`, isRepeated: true, otherwise: [], ...more };
}

export function onOff(help: string, more: More<boolean> = {}): Flag<boolean> {
  return { help, otherwise: false, ...more };
}

/** A switch that also says no, as `--x=false`: undefined when nothing is said. */
export function eitherWay(help: string): Flag<boolean | undefined> {
  return { help };
}

export function integer(placeholder: string, help: string, more: More<number | undefined> = {}) {
  const flag: Flag<number | undefined> = { placeholder, help, parse: parseInteger, ...more };
  return flag;
}

export function decimal(placeholder: string, help: string): Flag<number | undefined> {
  return { placeholder, help, parse: parseDecimal };
}

/** In milliseconds. */
export function span(help: string): Flag<number | undefined> {
  return { placeholder: "span", help, parse: (value) => parseSpan(value) * 1_000 };
}

/** In milliseconds since 1970. */
export function time(help: string): Flag<number | undefined> {
  return { placeholder: "time", help, parse: parseTime };
}

/** The same, and it has to be said. */
export function requiredTime(help: string): Flag<number> {
  return { placeholder: "time", help, parse: parseTime, isRequired: true };
}

export function choice<const C extends string>(
  choices: readonly C[],
  help: string,
  more: More<C | undefined> = {},
): Flag<C | undefined> {
  return { placeholder: "word", help, choices, parse: (value) => parseChoice(choices, value), ...more };
}

function parseInteger(value: string): number {
  const parsed = Number(value);
  if (!/^-?\d{1,15}$/.test(value)) throw new InvalidArgumentError("A whole number is expected.");
  return parsed;
}

function parseDecimal(value: string): number {
  const parsed = Number(value);
  if (value.trim() === "" || !Number.isFinite(parsed)) throw new InvalidArgumentError("A number is expected.");
  return parsed;
}

function parseTime(value: string): number {
  const parsed = Date.parse(value);
  if (!/^\d{4}-\d\d-\d\d/.test(value) || Number.isNaN(parsed))
    throw new InvalidArgumentError("A time is written like 2030-12-31T18:00:00Z.");
  return parsed;
}

/** However its letters are cased, as the official command line has it. */
function parseChoice<C extends string>(choices: readonly C[], value: string): C {
  const plain = (word: string) => word.toLowerCase().replaceAll(/[-_]/g, "");
  const found = choices.find((each) => plain(each) === plain(value));
  if (found === undefined) throw new InvalidArgumentError(`One of ${choices.join(", ")} is expected.`);
  return found;
}

/** `--workflow-id` for `workflowId`. */
export function longName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
