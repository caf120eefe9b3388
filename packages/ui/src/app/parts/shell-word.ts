/** A word of a command line, quoted for a POSIX shell where it has to be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `temporal workflow …` with its flags; the official command line works with this server. */
export function temporalCommand(words: readonly string[], flags: Readonly<Record<string, string>>): string {
  const given = Object.entries(flags).filter(([, value]) => value !== "");
  return ["temporal", ...words, ...given.flatMap(([name, value]) => [`--${name}`, shellWord(value)])].join(" ");
}
