/** The table of commands as a parser. */
import { Command, Option, type ParseOptionsResult } from "commander";
import { Failure } from "../failure.ts";
import { Session } from "../session.ts";
import type { Definition, Group } from "./definition.ts";
import { type Flag, type Flags, longName } from "./flag.ts";
import { connectionFlags, type GlobalValues, globalFlags, outputFlags } from "./global-flags.ts";

/** Adds each definition under its path, making the groups above it. */
export function addCommands(program: Command, groups: readonly Group[], definitions: readonly Definition[]): void {
  for (const { path, summary } of groups) groupOf(program, path).description(summary);
  for (const definition of definitions) {
    const parent = groupOf(program, definition.path.split(" ").slice(0, -1).join(" "));
    parent.addCommand(commandOf(definition));
  }
}

/** The command at a path, made if there is none. */
function groupOf(program: Command, path: string): Command {
  return path
    .split(" ")
    .filter((name) => name !== "")
    .reduce((parent, name) => parent.commands.find((each) => each.name() === name) ?? parent.command(name), program);
}

/** Its switches may have a word, as those of the official command line: `--tls=false`. */
class SwitchingCommand extends Command {
  override parseOptions(args: string[]): ParseOptionsResult {
    // What stands behind the name of a command below it is that one's.
    const found = args.findIndex((arg) => arg === "--" || this.commands.some((each) => each.name() === arg));
    const end = found === -1 ? args.length : found;
    const said = args.slice(0, end).map((arg) => this.#switched(arg));
    const parsed = super.parseOptions(args.filter((_arg, at) => said[at] === undefined));
    for (const [name, value] of said.filter((each) => each !== undefined))
      this.setOptionValueWithSource(name, value, "cli");
    return parsed;
  }

  /** Undefined for all other arguments. */
  #switched(arg: string): [name: string, value: boolean] | undefined {
    const [, name, word] = /^(--[^=]+)=(true|false)$/.exec(arg) ?? [];
    const option = this.options.find(({ long }) => long === name);
    if (name === undefined || option === undefined || option.required) return undefined;
    return [option.attributeName(), (word === "true") !== option.negate];
  }
}

function commandOf(definition: Definition): Command {
  const { path, summary, details, flags, argument, examples = [] } = definition;
  const command = new SwitchingCommand(path.split(" ").at(-1)!).summary(summary);
  command.description(details === undefined ? `${summary}.` : `${summary}. ${details}`);
  if (argument !== undefined)
    command.argument(`[${flags[argument]!.placeholder}]`, `the same as ${longName(argument)}`);
  addFlags(command, flags);
  addFlags(command, connectionFlags, "Connection:");
  addFlags(command, outputFlags, "Output:");
  if (examples.length > 0)
    command.addHelpText("after", `\nExamples:\n${examples.map((each) => `  pawl ${each}`).join("\n")}`);
  return command.action(async (...args: unknown[]) => {
    const given = command.opts<Record<string, unknown>>();
    const positional = argument === undefined ? undefined : args[0];
    const values = valuesOf(definition, given, positional);
    const session = new Session(valuesOfFlags(globalFlags, given) as GlobalValues);
    try {
      await definition.run(session, values as never);
    } finally {
      await session.close();
    }
  });
}

function addFlags(command: Command, flags: Flags, heading?: string): void {
  const isTaken = (name: string) => command.options.some(({ short, long }) => name === short || name === long);
  for (const [key, flag] of Object.entries(flags)) {
    const { short, placeholder, aliases = [] } = flag;
    const value = placeholder === undefined ? "" : ` <${placeholder}>`;
    // A flag of the command itself goes before a global one of the same letter.
    const letter = short === undefined || isTaken(`-${short}`) ? "" : `-${short}, `;
    const isNegation = key.startsWith("no") && /^no[A-Z]/.test(key);
    const add = (names: string, isHidden: boolean) => {
      if (isNegation && isTaken(longName(key))) return;
      const option = optionOf(flag, names).hideHelp(isHidden);
      if (heading !== undefined) option.helpGroup(heading);
      command.addOption(option);
    };
    add(`${letter}${longName(key)}${value}`, false);
    for (const alias of aliases) add(`--${alias}${value}`, true);
  }
}

function optionOf(
  { help, choices, placeholder, isRepeated, parse = (text: string) => text }: Flag<unknown>,
  names: string,
): Option {
  const option = new Option(names, choices ? `${help}; one of ${choices.join(", ")}` : help);
  if (placeholder === undefined) return option;
  return option.argParser((text, before: unknown) =>
    isRepeated ? [...((before as readonly unknown[] | undefined) ?? []), parse(text)] : parse(text),
  );
}

function valuesOf(definition: Definition, given: Readonly<Record<string, unknown>>, positional: unknown) {
  const values = valuesOfFlags(definition.flags, given);
  const { argument, flags, path } = definition;
  if (argument !== undefined && positional !== undefined) {
    if (values[argument] !== undefined)
      throw new Failure("usage", `${longName(argument)} is given twice, with its name and without`);
    const flag = flags[argument]!;
    values[argument] = flag.parse ? flag.parse(String(positional)) : positional;
  }
  const missing = Object.entries(flags).find(
    ([key, { isRequired, isRepeated }]) =>
      isRequired && (isRepeated ? values[key].length === 0 : values[key] === undefined),
  );
  if (missing === undefined) return values;
  const [key, { placeholder, help, short }] = missing;
  const spelled = short === undefined ? longName(key) : `-${short}, ${longName(key)}`;
  throw new Failure(
    "usage",
    `pawl ${path} needs ${spelled} <${placeholder}>: ${help} (pawl ${path} --help shows all of its flags)`,
  );
}

// biome-ignore lint/suspicious/noExplicitAny: the definitions' own types are given back by `Values`
function valuesOfFlags(flags: Flags, given: Readonly<Record<string, unknown>>): Record<string, any> {
  return Object.fromEntries(
    Object.entries(flags).map(([key, { aliases = [], otherwise }]) => {
      const names = [
        key,
        ...aliases.map((alias) => alias.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase())),
      ];
      const name = names.find((each) => given[attributeOf(each)] !== undefined);
      if (name === undefined) return [key, otherwise];
      const value = given[attributeOf(name)];
      // Commander has `--no-x` as an x that is false.
      return [key, /^no[A-Z]/.test(name) ? value === false : value];
    }),
  );
}

function attributeOf(key: string): string {
  return /^no[A-Z]/.test(key) ? key.charAt(2).toLowerCase() + key.slice(3) : key;
}
