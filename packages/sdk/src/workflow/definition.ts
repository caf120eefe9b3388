/** What a workflow function says about itself. */
import type { Workflow } from "../value/options.ts";
import { VersioningBehavior } from "../value/worker-deployments.ts";

/** What {@link setWorkflowOptions} says of a workflow, in place of its worker's options. */
export interface WorkflowDefinitionOptions {
  /** Whether a run stays with the version of its worker. Default: by the worker's deployment. */
  versioningBehavior?: VersioningBehavior;
  /** Errors of these classes fail the workflow; others that are no failures fail its task. `[Error]`: all do. */
  failureExceptionTypes?: (abstract new (
    ...args: never[]
  ) => Error)[];
}
/** A function is called for each run, inside it. */
export type WorkflowDefinitionOptionsOrGetter = WorkflowDefinitionOptions | (() => WorkflowDefinitionOptions);

type Defined = Workflow & { workflowDefinitionOptions?: WorkflowDefinitionOptionsOrGetter };

/** Call it beside the function. A getter is asked when a run begins. */
export function setWorkflowOptions<W extends Workflow>(options: WorkflowDefinitionOptionsOrGetter, fn: W): void {
  Object.assign(fn, { workflowDefinitionOptions: options });
}

/** Throws `TypeError` for options that are none. */
export function definitionOf(main: unknown): WorkflowDefinitionOptions {
  const said = (main as Defined).workflowDefinitionOptions;
  const options = (typeof said === "function" ? said() : said) ?? {};
  const { versioningBehavior, failureExceptionTypes = [] } = options;
  if (versioningBehavior !== undefined && !Object.hasOwn(VersioningBehavior, versioningBehavior)) {
    throw new TypeError(`setWorkflowOptions(): ${JSON.stringify(versioningBehavior)} is not a versioning behavior`);
  }
  if (!Array.isArray(failureExceptionTypes) || !failureExceptionTypes.every((each) => typeof each === "function")) {
    throw new TypeError("setWorkflowOptions(): failureExceptionTypes must be an array of classes");
  }
  return options;
}
