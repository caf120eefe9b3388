/**
 * `pawl server --config FILE`: flags from a file, as one object of JSON: `{ "db-url": "postgres://…", "port": 7233, "namespace": ["a", "b"], "headless": true }`.
 * A name is a flag's without its dashes. What is also on the command line counts there; of flags that may be repeated, both.
 */
import { readFileSync } from "node:fs";
import { Failure } from "./failure.ts";

/** The command line with the file's flags in place; `known` are those of the server, such as `--port`. Throws `Failure`. */
export function withConfigFile(
  args: readonly string[],
  known: () => ReadonlySet<string | undefined>,
): readonly string[] {
  const [command = "", ...rest] = args;
  if (command !== "server") return args;
  const at = rest.findIndex((arg) => arg === "--config" || arg.startsWith("--config="));
  if (at < 0) return args;
  const [flag = "", next] = rest.slice(at);
  const file = flag.startsWith("--config=") ? flag.slice("--config=".length) : next;
  // Commander says what is missing.
  if (file === undefined || file === "") return args;
  return [command, ...flagsOf(file, read(file), known()), ...rest];
}

function read(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure("environment", `the configuration file cannot be read: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure("usage", `${file} is not valid JSON: ${(error as Error).message}`);
  }
}

function flagsOf(file: string, value: unknown, known: ReadonlySet<string | undefined>): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Failure("usage", `${file} holds one object, with flags by their names`);
  return Object.entries(value).flatMap(([name, given]) => {
    if (!known.has(`--${name}`) || name === "config")
      throw new Failure("usage", `${file}: ${JSON.stringify(name)} is not a flag (pawl server --help lists them)`);
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    return values.flatMap((one) => {
      if (one === true) return [`--${name}`];
      if (one === false) return [];
      if (typeof one === "string" || typeof one === "number") return [`--${name}=${one}`];
      throw new Failure("usage", `${file}: ${name} is a text, a number, true, false, or a list of them`);
    });
  });
}
