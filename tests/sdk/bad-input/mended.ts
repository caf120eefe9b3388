/** What a careful author makes of `saysTooMuch`. */
import { proxyActivities } from "@pawl/sdk/workflow";

const { take } = proxyActivities<{ take(text: string): Promise<number> }>({ startToCloseTimeout: "1 minute" });

export async function saysTooMuch(_what: string, bytes: number): Promise<number> {
  return await take("x".repeat(bytes / 3));
}

export async function mendedAlone(value: number): Promise<number> {
  return value;
}
