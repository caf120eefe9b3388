/** Errors of workflow code and its SDK that are no failures: thrown in a workflow they fail its task. */
import { recognizeAcrossRealms } from "../value/errors.ts";

/** A misuse of the workflow API. It fails the workflow task, which is tried again. */
export class WorkflowError extends Error {}
recognizeAcrossRealms(WorkflowError, "WorkflowError");

/** The code did not do what it did before. */
export class DeterminismViolationError extends WorkflowError {}
recognizeAcrossRealms(DeterminismViolationError, "DeterminismViolationError");
