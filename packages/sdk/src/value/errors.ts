/** Errors that are no failures of workflows: a caller's mistake, or a refusal of the server that a caller may want to tell apart. */

/** Makes `instanceof` hold for objects of another realm or another copy of this library, which share the name but not the class. */
export function recognizeAcrossRealms(errorClass: abstract new (...args: never[]) => Error, name: string): void {
  const mark = Symbol.for(`pawl.sdk.${name}`);
  Object.defineProperty(errorClass.prototype, mark, { value: true });
  // On the prototype, so that it is no own property of each error and shows in stacks and logs.
  Object.defineProperty(errorClass.prototype, "name", { value: name, writable: true, configurable: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, candidate: unknown): boolean {
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this as never, candidate);
      return typeof candidate === "object" && candidate !== null && mark in candidate;
    },
  });
}

/** A value that cannot be sent, or that arrived and cannot be read. */
export class ValueError extends Error {
  declare readonly cause?: unknown;
  constructor(message: string | undefined, cause?: unknown) {
    super(message ?? undefined);
    if (cause !== undefined) this.cause = cause;
  }
}
recognizeAcrossRealms(ValueError, "ValueError");

/** A value that no payload converter takes, or a payload that none reads. */
export class PayloadConverterError extends ValueError {}
recognizeAcrossRealms(PayloadConverterError, "PayloadConverterError");

/** An API was called where or when it must not be. */
export class IllegalStateError extends Error {}
recognizeAcrossRealms(IllegalStateError, "IllegalStateError");

/** Thrown by an activity that will be completed by someone else, with its task token or its id. */
export class CompleteAsyncError extends Error {
  constructor() {
    super("the activity will be completed from elsewhere");
  }
}
recognizeAcrossRealms(CompleteAsyncError, "CompleteAsyncError");

/** There is no such workflow, no such run, or it has already closed. */
export class WorkflowNotFoundError extends Error {
  readonly workflowId: string;
  readonly runId: string | undefined;
  constructor(message: string, workflowId: string, runId: string | undefined) {
    super(message);
    this.workflowId = workflowId;
    this.runId = runId;
  }
}
recognizeAcrossRealms(WorkflowNotFoundError, "WorkflowNotFoundError");

/** A workflow with this id runs already, or the reuse policy forbids another. */
export class WorkflowExecutionAlreadyStartedError extends Error {
  readonly workflowId: string;
  readonly workflowType: string;
  constructor(message: string, workflowId: string, workflowType: string) {
    super(message);
    this.workflowId = workflowId;
    this.workflowType = workflowType;
  }
}
recognizeAcrossRealms(WorkflowExecutionAlreadyStartedError, "WorkflowExecutionAlreadyStartedError");

/** The server has no such namespace, or the caller may not know of it. */
export class NamespaceNotFoundError extends Error {
  readonly namespace: string;
  constructor(namespace: string) {
    super(`namespace ${JSON.stringify(namespace)} does not exist`);
    this.namespace = namespace;
  }
}
recognizeAcrossRealms(NamespaceNotFoundError, "NamespaceNotFoundError");

/** A payload that arrived is a reference to external storage, and the reader's data converter has no `externalStorage`. */
export class ExternalStorageNotConfiguredError extends Error {
  constructor(message = "the payload is stored outside, and DataConverter.externalStorage does not say where") {
    super(`[TMPRL1105] ${message}`);
  }
}
recognizeAcrossRealms(ExternalStorageNotConfiguredError, "ExternalStorageNotConfiguredError");

export function isError(value: unknown): value is Error {
  // Errors of another realm are no instances of this realm's Error.
  return (
    value instanceof Error ||
    (typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Error]")
  );
}

/** The message of an error, and any other thrown value as text. */
export function errorMessage(error: unknown): string {
  return isError(error) ? error.message : String(error);
}
