import { ApplicationFailure } from "@pawl/sdk/activity";
import type { Range } from "./workflows.ts";

/** The example has one unlucky part. */
const unlucky = 13_000;

export async function countPrimes({ from, to }: Range): Promise<number> {
  if (from === unlucky) throw ApplicationFailure.nonRetryable("a superstitious processor", "Unlucky");
  let count = 0;
  for (let n = Math.max(from, 2); n < to; n++) if (isPrime(n)) count++;
  return count;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
