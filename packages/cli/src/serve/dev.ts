/** `pawl dev`: a server for development, its state in a folder that survives, and beside it the program that `--with` names. */
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { Failure } from "../failure.ts";
import { addServerOptions, type Companion, type Flags, runServer } from "./server.ts";

interface DevFlags extends Flags {
  readonly dbFilename: string;
  readonly with?: string;
}

/** What a module for `--with` exports. */
interface Program {
  runDemo(options: { address: string; onProgress: (line: string) => void }): Promise<Companion>;
}

export function devCommand(): Command {
  const command = new Command("dev")
    .description("Start a server for development; Ctrl-C ends it, its state survives")
    .option("-f, --db-filename <file>", "SQLite file that keeps the state", "data/pawl.db")
    .option("--with <module>", "run the program that this module exports as runDemo beside the server");
  addServerOptions(command);
  return command.action(async (flags: DevFlags) => {
    const program = flags.with === undefined ? undefined : await load(flags.with);
    mkdirSync(dirname(resolve(flags.dbFilename)), { recursive: true });
    // As far from the gRPC port as the official servers have theirs.
    const httpPort = flags.httpPort ?? (flags.port === 0 ? 0 : flags.port + 10);
    // Where the official development server has its web UI, as seen from its own port.
    const uiPort = flags.uiPort ?? (flags.port === 0 ? 0 : flags.port + 1_000);
    await runServer({ ...flags, httpPort, uiPort }, async ({ ip, port }) => {
      process.stdout.write(
        `Programs reach it with any Temporal SDK at ${ip}:${port}, namespace "default"; Ctrl-C ends it\n`,
      );
      return program?.runDemo({
        address: `${ip}:${port}`,
        onProgress: (line) => process.stdout.write(`demo: ${line}\n`),
      });
    });
  });
}

async function load(file: string): Promise<Program> {
  const module: unknown = await import(pathToFileURL(resolve(file)).href).catch((error: unknown) => {
    throw new Failure("usage", `${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  });
  const { runDemo } = module as Partial<Program>;
  if (typeof runDemo !== "function") throw new Failure("usage", `${file} exports no function runDemo`);
  return { runDemo };
}
