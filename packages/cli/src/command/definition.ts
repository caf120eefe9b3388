/**
 * What a command of `pawl` is: a path, flags and what it does. The parser, `--help`, the reference in the documentation and the completion of shells
 * are all made of these.
 */
import type { Session } from "../session.ts";
import type { Flags, Values } from "./flag.ts";

export interface Definition<F extends Flags = Flags> {
  /** `workflow start` */
  readonly path: string;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly details?: string;
  readonly flags: F;
  /** The flag whose value may stand alone, after the path. */
  readonly argument?: keyof F & string;
  /** Arguments as one would type them after `pawl`. */
  readonly examples?: readonly string[];
  run(session: Session, flags: Values<F>): Promise<void>;
}

/** Gives the flags' types to `run`, and forgets them for the table. */
export function define<const F extends Flags>(definition: Definition<F>): Definition {
  return definition as unknown as Definition;
}

/** The same commands where the official command line has them. */
export function underOperator(definitions: readonly Definition[]): readonly Definition[] {
  return definitions.map(({ path, examples = [], ...rest }) => ({
    ...rest,
    path: `operator ${path}`,
    examples: examples.map((each) => `operator ${each}`),
  }));
}

/** A group of commands, as `pawl workflow --help` describes it. */
export interface Group {
  readonly path: string;
  readonly summary: string;
}
