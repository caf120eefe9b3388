import type { ContinueAsNewCommand } from "../value/activation.ts";
import { recognizeAcrossRealms } from "../value/errors.ts";

/** Thrown by `continueAsNew`: ends this run when it reaches the end of the workflow function. */
export class ContinueAsNew extends Error {
  readonly command: ContinueAsNewCommand;
  constructor(command: ContinueAsNewCommand) {
    super("Workflow continued as new");
    this.command = command;
  }
}
recognizeAcrossRealms(ContinueAsNew, "ContinueAsNew");
