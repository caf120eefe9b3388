/**
 * What a rule may look at in a TypeScript source: the text with comments and the insides of strings blanked, and the modules it names.
 *
 * A scanner of our own, because the rules need just this much and the compiler in use offers no parser to JavaScript.
 */

export interface Reference {
  /** What is written between the quotes. */
  readonly specifier: string;
  /** `file` = a URL relative to this module, as worker threads and child processes are named. */
  readonly kind: "import" | "typeImport" | "file";
  readonly line: number;
}

/** The same text twice, character for character and line for line, with spaces for what does not belong. */
export interface SourceText {
  /**
   * Without comments, regular expressions and the insides of strings. Quotes stay, so that the place of a string can be found; code inside
   * `${}` stays too.
   */
  readonly code: string;
  /** Comments alone. */
  readonly comments: string;
}

export function readText(text: string): SourceText {
  const code: string[] = text.split("");
  const comments: string[] = code.map((char) => (char === "\n" ? char : " "));
  /** For each template that is open: how many braces are open inside its current `${`. */
  const templates: number[] = [];
  let at = 0;
  while (at < text.length) {
    const token = nextToken(text, at, templates);
    for (let i = token.from; i < token.to; i++) {
      if (code[i] === "\n") continue;
      if (token.isComment) comments[i] = text[i]!;
      code[i] = " ";
    }
    at = token.next;
  }
  return { code: code.join(""), comments: comments.join("") };
}

/** `from..to` is no code. */
interface Token {
  readonly from: number;
  readonly to: number;
  readonly next: number;
  readonly isComment?: true;
}

function nextToken(text: string, at: number, templates: number[]): Token {
  const char = text[at];
  const pair = text.slice(at, at + 2);
  if (pair === "//") return { ...blanked(at, indexOrEnd(text, "\n", at)), isComment: true };
  if (pair === "/*") return { ...blanked(at, indexOrEnd(text, "*/", at + 2) + 2), isComment: true };
  if (char === '"' || char === "'") {
    const close = closingQuote(text, at);
    return { next: close + 1, from: at + 1, to: close };
  }
  if (char === "`") return templatePart(text, at, templates);
  if (char === "/" && startsRegExp(text, at)) return blanked(at, regExpEnd(text, at));
  if (templates.length > 0) {
    const depth = templates.at(-1) ?? 0;
    if (char === "{") templates[templates.length - 1] = depth + 1;
    if (char === "}" && depth > 0) templates[templates.length - 1] = depth - 1;
    if (char === "}" && depth === 0) {
      templates.pop();
      return templatePart(text, at, templates);
    }
  }
  return { from: at, to: at, next: at + 1 };
}

function blanked(from: number, to: number): Token {
  return { from, to, next: to };
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const found = text.indexOf(wanted, from);
  return found === -1 ? text.length : found;
}

/** Where the string that opens at `at` closes; a string that is not closed ends with its line. */
function closingQuote(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === text[at] || text[i] === "\n") return i;
  }
  return text.length;
}

/** From a backtick, or from the brace that closes a `${`, to the next `${` or the closing backtick. */
function templatePart(text: string, at: number, templates: number[]): Token {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "`") return { next: i + 1, from: at + 1, to: i };
    else if (text[i] === "$" && text[i + 1] === "{") {
      templates.push(0);
      return { next: i + 2, from: at + 1, to: i };
    }
  }
  return blanked(at + 1, text.length);
}

/** A slash divides after a value and opens a regular expression after anything else. */
function startsRegExp(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 40), at).trimEnd();
  if (before === "" || /(^|[^\w$.])(return|typeof|case|in|of|yield|await)$/.test(before)) return true;
  return /[(,=:[!&|?{};+\-*%<>~^]$/.test(before);
}

function regExpEnd(text: string, at: number): number {
  let inClass = false;
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i];
    if (char === "\n") return i;
    if (char === "\\") i++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return i + 1;
  }
  return text.length;
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

const patterns: readonly { readonly pattern: RegExp; readonly kind: Reference["kind"] }[] = [
  { pattern: /\b(?:import|export)\s+type\s[^;"']*?\bfrom\s*(["'])( *)\1/g, kind: "typeImport" },
  { pattern: /\bfrom\s*(["'])( *)\1/g, kind: "import" },
  { pattern: /\bimport\s*\(?\s*(["'])( *)\1/g, kind: "import" },
  { pattern: /\b(?:require|require\.resolve|import\.meta\.resolve)\s*\(\s*(["'])( *)\1/g, kind: "import" },
  { pattern: /\bnew URL\(\s*(["'])( *)\1\s*,\s*import\.meta\.url/g, kind: "file" },
];

/** Every module and file that the source names, in the order of their places. `code` is that of `readText(text)`. */
export function referencesIn(text: string, code: string): Reference[] {
  const found = new Map<number, Reference>();
  for (const { pattern, kind } of patterns)
    for (const match of code.matchAll(pattern)) {
      const quote = match[1] ?? "";
      const inside = match[2] ?? "";
      const start = match.index + match[0].lastIndexOf(quote + inside + quote) + 1;
      if (found.has(start)) continue;
      found.set(start, { specifier: text.slice(start, start + inside.length), kind, line: lineAt(text, start) });
    }
  return [...found].sort(([a], [b]) => a - b).map(([, reference]) => reference);
}
