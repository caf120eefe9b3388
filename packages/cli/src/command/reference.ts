/** The commands as a page of the documentation. */
import type { Command } from "commander";
import type { Definition, Group } from "./definition.ts";
import { type Flags, longName } from "./flag.ts";
import { connectionFlags, outputFlags } from "./global-flags.ts";

export function referencePage(program: Command, groups: readonly Group[], definitions: readonly Definition[]): string {
  const tops = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary() || command.description(),
  }));
  const sections = groups
    .map((group) => ({ group, members: definitions.filter(({ path }) => groupOf(path, groups) === group.path) }))
    .filter(({ members }) => members.length > 0);
  return [
    "# The command line\n",
    "This page is made of the table of commands, and a test says when it is behind. Nouns, verbs and flags are those of the official `temporal`",
    "command line, and where a command is there too, its JSON is the same: search attributes, and all payloads of histories and schedules, stand in it in",
    "full, in base64. `--fields` shows them, and other payloads of JSON, as what they hold: `pawl workflow list --fields WorkflowId,Customer -o json`.",
    "Only worker deployments and lists of workers stand in the JSON as the API has them, where the official command line has forms of its own.\n",
    "Exit codes: 0 done; 1 something outside is in the way (no server, not found, a workflow that failed); 2 the command line makes no sense.\n",
    "| | |\n|---|---|",
    ...tops.map(({ name, summary }) => `| \`pawl ${name}\` | ${cell(summary)} |`),
    "\n## Flags of all commands below\n",
    "Connection: the flag counts before `PAWL_…` and `TEMPORAL_…` variables, and these before the profile of the file.\n",
    flagTable(connectionFlags),
    "\nOutput. `NO_COLOR` is heeded.\n",
    flagTable(outputFlags),
    "\n## Commands without a noun",
    ...definitions.filter(({ path }) => groupOf(path, groups) === "").map(commandSection),
    ...sections.flatMap(({ group, members }) => [
      `\n## pawl ${group.path}\n`,
      `${group.summary}.`,
      ...members.map(commandSection),
    ]),
    "",
  ].join("\n");
}

/** The nearest above; a command may stand below another, as that does. */
function groupOf(path: string, groups: readonly Group[]): string {
  const parent = path.split(" ").slice(0, -1).join(" ");
  return parent === "" || groups.some((group) => group.path === parent) ? parent : groupOf(parent, groups);
}

function commandSection({ path, summary, details, flags, argument, examples = [] }: Definition): string {
  const lines = [`\n### pawl ${path}${argument === undefined ? "" : ` [${flags[argument]!.placeholder}]`}\n`];
  lines.push(details === undefined ? `${summary}.` : `${summary}. ${details}`);
  if (argument !== undefined) lines.push(`What stands alone is \`${longName(argument)}\`.`);
  if (Object.keys(flags).length > 0) lines.push("", flagTable(flags));
  if (examples.length > 0) lines.push("", "```sh", ...examples.map((each) => `pawl ${each}`), "```");
  return lines.join("\n");
}

function flagTable(flags: Flags): string {
  const rows = Object.entries(flags).map(([key, { short, placeholder, help, choices, isRequired }]) => {
    const spelled = `${short === undefined ? "" : `-${short}, `}${longName(key)}${placeholder === undefined ? "" : ` <${placeholder}>`}`;
    const text = `${help}${choices ? `; one of ${choices.join(", ")}` : ""}${isRequired ? "; required" : ""}`;
    return `| \`${spelled}\` | ${cell(text)} |`;
  });
  return ["| | |", "|---|---|", ...rows].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
