/** How a command ends when it does not do what was asked. */
export const exitCodes = { done: 0, environment: 1, usage: 2 } as const;

export class Failure extends Error {
  readonly exitCode: number;
  constructor(why: "environment" | "usage", message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCodes[why];
  }
}
