/** Scripts that let a shell complete `pawl`'s commands and flags, made of the parser itself. */
import { Command } from "commander";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

interface Place {
  /** `workflow start`; empty for pawl itself. */
  readonly path: string;
  readonly names: readonly { readonly word: string; readonly help: string }[];
  readonly flags: readonly { readonly word: string; readonly help: string; readonly choices: readonly string[] }[];
}

function places(program: Command): Place[] {
  const found: Place[] = [];
  const walk = (command: Command, path: string) => {
    const names = command.commands.map((each) => ({ word: each.name(), help: each.summary() || each.description() }));
    const flags = command.options
      .filter((option) => !option.hidden && option.long)
      .map((option) => ({ word: option.long!, help: option.description, choices: choicesOf(option.description) }));
    found.push({ path, names, flags: [...flags, { word: "--help", help: "show help", choices: [] }] });
    for (const each of command.commands) walk(each, `${path} ${each.name()}`.trim());
  };
  walk(program, "");
  return found;
}

/** As the help ends with them. */
function choicesOf(description: string): readonly string[] {
  return /; one of ([\w, ]+)$/.exec(description)?.[1]?.split(", ") ?? [];
}

export function completionScript(program: Command, shell: Shell): string {
  const all = places(program);
  if (shell === "fish") return fish(all);
  const bash = bashScript(all);
  return shell === "bash" ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function bashScript(all: readonly Place[]): string {
  const arms = all.map(({ path, names, flags }) => {
    const words = [...names.map(({ word }) => word), ...flags.map(({ word }) => word)];
    return `    "${path}") words="${words.join(" ")}" ;;`;
  });
  const choices = new Map(
    all.flatMap(({ flags }) =>
      flags.filter((flag) => flag.choices.length > 0).map((flag) => [flag.word, flag.choices]),
    ),
  );
  const values = [...choices].map(([word, each]) => `    ${word}) words="${each.join(" ")}" ;;`);
  const paths = all.map(({ path }) => `"${path}"`).join("|");
  return `# pawl completion for bash: source it, or put it where your shell looks for such files
_pawl() {
  local word current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" next words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in ${paths}) path="$next" ;; esac
  done
  case "$path" in
${arms.join("\n")}
  esac
  case "$previous" in
${values.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pawl pawl
`;
}

function fish(all: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
  const lines = all.flatMap(({ path, names, flags }) => {
    const condition = quoted(`__pawl_at ${path === "" ? "''" : `"${path}"`}`);
    return [
      ...names.map(({ word, help }) => `complete -c pawl -f -n ${condition} -a ${word} -d ${quoted(help)}`),
      ...flags.map(({ word, help, choices }) => {
        const values = choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : "";
        return `complete -c pawl -n ${condition} -l ${word.slice(2)}${values} -d ${quoted(help)}`;
      }),
    ];
  });
  const paths = all.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `# pawl completion for fish: source it, or put it into ~/.config/fish/completions/pawl.fish
function __pawl_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$path $word")
    contains -- $next ${paths.join(" ")}; and set path $next
  end
  test "$path" = "$argv[1]"
end
${lines.join("\n")}
`;
}

export function completionCommand(program: () => Command): Command {
  const command = new Command("completion").summary("Print a script that completes pawl in your shell");
  command.description(
    `Print a script that completes pawl in your shell. For bash: source <(pawl completion bash); for zsh the same; for fish: pawl completion fish | source.`,
  );
  for (const shell of shells)
    command
      .command(shell)
      .description(`the script for ${shell}`)
      .action(() => void process.stdout.write(completionScript(program(), shell)));
  return command;
}
