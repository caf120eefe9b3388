import { CancelledFailure, CompleteAsyncError, cancelled, heartbeat } from "@pawl/sdk/activity";

export async function greet(name: string): Promise<string> {
  return `Hello, ${name}!`;
}

export async function copyFiles(): Promise<void> {
  heartbeat({ done: 3, total: 12 });
  await cancelled().catch((error: unknown) => {
    if (!(error instanceof CancelledFailure)) throw error;
  });
}

export async function charge(message: string): Promise<void> {
  throw new Error(message);
}

/** Leaves its end to somebody else. */
export async function askPerson(): Promise<unknown> {
  throw new CompleteAsyncError();
}
