/** The languages whose official SDK is tried, and the server that they are tried against. */
import { prepareGo } from "../rig/go.ts";
import { prepareJava } from "../rig/java.ts";
import { prepareNode } from "../rig/node.ts";
import { preparePython } from "../rig/python.ts";
import { startPawl, startReference } from "../rig/server.ts";
import type { Prepared, Program } from "../rig/toolchain.ts";
import {
  afterwards,
  everyLanguage,
  notTypescript,
  onlyGo,
  onlyJava,
  onlyPython,
  pythonAndGo,
  pythonAndTypescript,
} from "./sentences.ts";

export interface Tool {
  readonly scenarios: Program;
  /** Checks what running the program does not: its types. */
  check?(): Promise<void>;
}

export interface Language {
  readonly name: string;
  /** The scenarios of its program that run beside each other, and what each shows. */
  readonly sentences: Readonly<Record<string, string>>;
  prepare(): Promise<Prepared<Tool>>;
}

export const all: readonly Language[] = [
  {
    name: "Python",
    sentences: {
      ...everyLanguage,
      ...notTypescript,
      ...pythonAndGo,
      ...onlyPython,
      ...pythonAndTypescript,
      ...afterwards,
    },
    prepare: preparePython,
  },
  {
    name: "TypeScript",
    sentences: { ...everyLanguage, ...pythonAndTypescript, ...afterwards },
    prepare: prepareNode,
  },
  {
    name: "Go",
    sentences: { ...everyLanguage, ...notTypescript, ...pythonAndGo, ...onlyGo, ...afterwards },
    prepare: prepareGo,
  },
  {
    name: "Java",
    sentences: { ...everyLanguage, ...notTypescript, ...onlyJava, ...afterwards },
    prepare: prepareJava,
  },
];

const chosen = process.env["PAWL_COMPAT_LANGUAGES"]?.toLowerCase().split(",");

/** All four, or those that `PAWL_COMPAT_LANGUAGES=go,java` names. */
export const languages = all.filter(({ name }) => chosen?.includes(name.toLowerCase()) ?? true);

/** `PAWL_COMPAT_TARGET=reference` tries the programs themselves against the server that they were written for. */
export const target = process.env["PAWL_COMPAT_TARGET"] === "reference" ? "the reference server" : "Pawl";
export const startServer = target === "Pawl" ? startPawl : startReference;

/** A first preparation compiles the Go SDK and downloads everything. */
export const preparedWithinMs = 900_000;
export const scenariosWithinMs = 300_000;
