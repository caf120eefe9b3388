/**
 * The command `pawl`. Exit codes: 0 done, 1 something outside is in the way (a port, a file, a server), 2 the command line makes no sense.
 * People get one clear sentence, never a stack trace; the log has that at level debug.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { definitions, groups } from "./command/commands.ts";
import { completionCommand } from "./command/completion.ts";
import type { Definition } from "./command/definition.ts";
import { addCommands } from "./command/program.ts";
import { withConfigFile } from "./config-file.ts";
import { exitCodes, Failure } from "./failure.ts";
import { printable } from "./output/terminal.ts";
import { devCommand } from "./serve/dev.ts";
import { serverCommand } from "./serve/server.ts";

/** `pawl` with these commands of the table. */
export function program(commands: readonly Definition[] = definitions): Command {
  const pawl = new Command("pawl")
    .description("Durable execution: a server that speaks the Temporal API")
    .version(versionText(), "-V, --version", "print the version of pawl, Node and SQLite")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "pawl: ")) })
    .showHelpAfterError("(pawl --help lists commands and flags)")
    // A command may have others below it, as "workflow reset" has: what stands behind the name of one is its own.
    .enablePositionalOptions()
    .exitOverride();
  for (const command of [devCommand(), serverCommand(), completionCommand(() => program())]) pawl.addCommand(command);
  addCommands(pawl, groups, commands);
  for (const command of pawl.commands) inherit(command, pawl);
  return pawl;
}

/** Settings of the whole program, down to the last subcommand. */
function inherit(command: Command, parent: Command): Command {
  for (const each of command.commands) inherit(each, command.exitOverride().copyInheritedSettings(parent));
  return command.exitOverride().copyInheritedSettings(parent);
}

function versionText(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return `pawl ${version} (Node ${process.versions.node}, SQLite ${process.versions["sqlite"]})`;
}

/** Runs one command line, without the program's name, and gives the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    const serverFlags = () => new Set(serverCommand().options.map(({ long }) => long));
    await program().parseAsync(withConfigFile(args, serverFlags), { from: "user" });
    return exitCodes.done;
  } catch (error) {
    // Commander has printed its own message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (error instanceof Failure) {
      process.stderr.write(`pawl: ${printable(error.message)}\n`);
      return error.exitCode;
    }
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`pawl: this is a bug in pawl, please report it: ${printable(reason)}\n`);
    return exitCodes.environment;
  }
}

/** Runs the command line of this process. */
export async function main(): Promise<void> {
  // Whoever reads the output may have seen enough, as `head` does.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exitCode ??= exitCodes.done;
  });
  process.exitCode = await run(process.argv.slice(2));
}

if (import.meta.main) await main();
