/** What the command line does instead of a click, as text to copy. */

import { encodingEndpoint } from "../codec/settings.ts";

/** A word of a command line, quoted for a POSIX shell where it has to be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text is a value, a list one value after the other under the same flag, `true` a flag without a value. Nothing to say is left out. */
export type Flag = string | readonly string[] | boolean | undefined;

/** `pawl workflow signal …` with its flags. */
export function pawlCommand(words: readonly string[], flags: Readonly<Record<string, Flag>>): string {
  const given = Object.entries(flags).flatMap(([name, flag]) => flagWords(name, flag));
  const isEncoded = payloadFlags.some((name) => flagWords(name, flags[name]).length > 0);
  return ["pawl", ...words, ...given, ...(isEncoded ? flagWords("codec-endpoint", encodingEndpoint()) : [])].join(" ");
}

/** Their values are encoded where the page would have them encoded. */
const payloadFlags = ["input", "memo", "result"] as const;

function flagWords(name: string, flag: Flag): string[] {
  if (flag === undefined || flag === false || flag === "") return [];
  if (flag === true) return [`--${name}`];
  const values = typeof flag === "string" ? [flag] : flag;
  // A value that begins with a dash would be taken for a flag.
  return values.map((value) =>
    value.startsWith("-") ? `--${name}=${shellWord(value)}` : `--${name} ${shellWord(value)}`,
  );
}
