/** Parses a command line with `pawl`'s own parser, without carrying it out: for tests of code that prints command lines. */

import { program } from "../main.ts";
import { definitions } from "./commands.ts";

/** A command line, read and not done. */
export interface ParsedCommand {
  /** `workflow start` */
  readonly path: string;
  /** By their keys in the table, such as `workflowId`; the value of each, or its default. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** `words`: without the program's name, as a shell hands them over. Throws what the parser refuses. */
export async function parseCommand(words: readonly string[]): Promise<ParsedCommand> {
  let parsed: ParsedCommand | undefined;
  const noting = definitions.map((definition) => ({
    ...definition,
    run: async (_session: unknown, flags: Readonly<Record<string, unknown>>) => {
      parsed = { path: definition.path, flags };
    },
  }));
  await program(noting).parseAsync([...words], { from: "user" });
  if (parsed === undefined) throw new Error(`no command of the table: ${words.join(" ")}`);
  return parsed;
}
