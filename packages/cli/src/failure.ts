/** How a command ends when it does not do what was asked. */
export const exitCodes = { done: 0, environment: 1, usage: 2 } as const;

export class Failure extends Error {
  readonly exitCode: number;
  constructor(why: "environment" | "usage", message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCodes[why];
  }
}

/** For what a server, or a state without one, does not open: its errors have a reason. */
export function failedState(error: unknown): never {
  if (!(error instanceof Error) || error.name !== "StartFailure") throw error;
  const { reason } = error as Error & { readonly reason: "environment" | "usage" };
  throw new Failure(reason, error.message, { cause: error });
}
