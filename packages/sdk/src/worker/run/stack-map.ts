/** Stacks of workflow code in terms of the user's own files. */
import { SourceMap, type SourceMapPayload } from "node:module";
import type { WorkflowCommand } from "../../value/activation.ts";
import type { ProtoFailure } from "../../value/failure.ts";
import { userFile } from "../bundle.ts";

export class StackMap {
  readonly #map: SourceMap | undefined;

  constructor(sourceMap: string | undefined) {
    this.#map = sourceMap === undefined ? undefined : new SourceMap(JSON.parse(sourceMap));
  }

  /** The text of a file that the bundle was made from, where its map has it. */
  sourceOf(path: string): string | undefined {
    const { sources = [], sourcesContent } = (this.#map?.payload ?? {}) as Partial<SourceMapPayload>;
    return sourcesContent?.[sources.indexOf(path)];
  }

  /** Every place in the bundle becomes the place that it was made from. */
  apply(stack: string): string {
    const map = this.#map;
    if (!map || !stack.includes(userFile)) return stack;
    return stack.replaceAll(inBundle, (place, line: string, column: string) => {
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      if (!("originalSource" in entry)) return place;
      return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    });
  }

  /** With the stacks so of what workflow code threw and of its causes. What is behind the failure of an activity or a child has been elsewhere. */
  applyToFailure(failure: ProtoFailure): ProtoFailure {
    const stackTrace = this.apply(failure.stackTrace);
    if (!failure.cause || !failure.applicationFailureInfo) return { ...failure, stackTrace };
    return { ...failure, stackTrace, cause: this.applyToFailure(failure.cause) };
  }

  applyToCommand(command: WorkflowCommand): WorkflowCommand {
    switch (command.type) {
      case "failWorkflow":
      case "rejectUpdate":
        return { ...command, failure: this.applyToFailure(command.failure) };
      case "completeUpdate": {
        const { outcome } = command;
        if (outcome.status !== "failed") return command;
        return { ...command, outcome: { ...outcome, failure: this.applyToFailure(outcome.failure) } };
      }
      default:
        return command;
    }
  }
}

const inBundle = new RegExp(`${userFile.replace(".", "\\.")}:(\\d+):(\\d+)`, "g");
