/** Colours and progress bars on a terminal, and texts of others made safe to print there. */

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;
export type Style = keyof typeof styles;

export type ColorChoice = "auto" | "always" | "never";

/** `auto` is a terminal without `NO_COLOR` (https://no-color.org), or `FORCE_COLOR`. */
export function hasColors(
  choice: ColorChoice,
  stream: { readonly isTTY?: boolean },
  environment = process.env,
): boolean {
  if (choice !== "auto") return choice === "always";
  if ((environment["NO_COLOR"] ?? "") !== "") return false;
  if ((environment["FORCE_COLOR"] ?? "") !== "") return true;
  return stream.isTTY === true && environment["TERM"] !== "dumb";
}

export function paint(text: string, style: Style | undefined, isOn: boolean): string {
  return style === undefined || !isOn || text === "" ? text : `\u001b[${styles[style]}m${text}\u001b[0m`;
}

/** What the server sends is text from others: without what a terminal takes for orders, and without what turns the direction of a text. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** The same in one line, so that a text looks like no further row. */
export function printableLine(text: string): string {
  return printable(text.replaceAll(/\r?\n|[\u2028\u2029]/g, "↵").replaceAll("\t", " "));
}

/** Without any order but those of `paint`. */
export function onlyPainted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the orders for colours
  const parts = text.split(/(\u001b\[(?:[0-2]|3[1-6])m)/);
  return parts.map((part, at) => (at % 2 === 1 ? part : printable(part))).join("");
}

const barLength = 30;

export function progressLine(done: number, total: number, what: string): string {
  const share = total === 0 ? 0 : Math.min(1, done / total);
  const full = Math.round(share * barLength);
  return `${"█".repeat(full)}${"░".repeat(barLength - full)} ${Math.floor(share * 100)}% ${done}/${total} ${what}`;
}

/** One line at the terminal's end, written anew. Without a terminal it writes nothing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #isShown: boolean;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    this.#isShown = stream.isTTY === true;
  }

  show(done: number, total: number, what: string): void {
    if (this.#isShown) this.#stream.write(`\r\u001b[2K${progressLine(done, total, what)}`);
  }

  clear(): void {
    if (this.#isShown) this.#stream.write("\r\u001b[2K");
  }
}
