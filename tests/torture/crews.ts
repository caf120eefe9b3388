/** Who works in a torture run: workers in one language each, of one workflow that all of them know, and the official replayer of that language. */
import { join } from "node:path";
import { prepareGo } from "../rig/go.ts";
import { prepareJava } from "../rig/java.ts";
import { prepareNode } from "../rig/node.ts";
import { preparePython } from "../rig/python.ts";
import { type Prepared, type Program, repository } from "../rig/toolchain.ts";

export const programs = join(repository, "tests/compat/typescript/torture");

export interface Crew {
  /** The queue of its workers is named after it. */
  readonly language: Language;
  worker(address: string, ledger: string): Program;
  /** Replays each workflow of its queue and prints {"replayed": N}; ends with another code than 0 when one does not replay. */
  replay(address: string): Program;
}

const others = { python: preparePython, go: prepareGo, java: prepareJava } as const;

const languages = ["typescript", "python", "go", "java"] as const;

export type Language = (typeof languages)[number];

const script = (name: string, ...args: string[]): Program => ({
  command: process.execPath,
  args: [join(programs, name), ...args],
});

const typescript: Crew = {
  language: "typescript",
  worker: (address, ledger) => script("worker.ts", address, ledger),
  replay: (address) => script("replay.ts", address),
};

/** The crews of these languages, or the sentence that says what one of them lacks. */
export async function crewsOf(languages: readonly Language[]): Promise<Prepared<readonly Crew[]>> {
  const crews: Crew[] = [];
  for (const language of languages) {
    const prepared = await (language === "typescript" ? prepareNode() : others[language]());
    if ("skipped" in prepared) return prepared;
    crews.push(language === "typescript" ? typescript : crewOf(language, prepared.tool.scenarios));
  }
  return { tool: crews };
}

function crewOf(language: Language, compat: Program): Crew {
  const program = (...args: string[]): Program => ({ ...compat, args: [...compat.args, ...args] });
  return {
    language,
    worker: (address, ledger) => program("torture-worker", ledger, "--address", address),
    replay: (address) => program("torture-replay", "--address", address),
  };
}

/** Those that `PAWL_TORTURE_LANGUAGES` names ("go,java", or "all"); otherwise TypeScript alone, which takes the least time. */
export function chosenLanguages(): readonly Language[] {
  const chosen = process.env["PAWL_TORTURE_LANGUAGES"] ?? "typescript";
  return languages.filter((language) => chosen === "all" || chosen.split(",").includes(language));
}
