/** How a run ends as another one. */
import type { ContinueAsNewCommand } from "../value/activation.ts";
import type { InitialVersioningBehavior } from "../value/continue-as-new.ts";
import type { Duration } from "../value/duration.ts";
import { recognizeAcrossRealms } from "../value/errors.ts";
import type { SearchAttributePair, SearchAttributes, TypedSearchAttributes } from "../value/search-attributes.ts";

/** How the next run differs from this one. */
export interface ContinueAsNewOptions {
  /** Default: this workflow's. */
  workflowType?: string;
  /** Default: this workflow's. */
  taskQueue?: string;
  /** Default: this run's, and so below. */
  workflowRunTimeout?: Duration;
  workflowTaskTimeout?: Duration;
  /** The next run's first task comes after this time. Default: at once. */
  backoffStartInterval?: Duration;
  /** Which version of a deployment the next run begins with. Default: as versioning behaviors go. */
  initialVersioningBehavior?: InitialVersioningBehavior;
  /** Default: this run's, with what it upserted. */
  memo?: Record<string, unknown>;
  searchAttributes?: SearchAttributes;
  typedSearchAttributes?: SearchAttributePair[] | TypedSearchAttributes;
}

/** Thrown by `continueAsNew`: ends this run when it reaches the end of the workflow function. */
export class ContinueAsNew extends Error {
  readonly command: ContinueAsNewCommand;
  constructor(command: ContinueAsNewCommand) {
    super("Workflow continued as new");
    this.command = command;
  }
}
recognizeAcrossRealms(ContinueAsNew, "ContinueAsNew");
