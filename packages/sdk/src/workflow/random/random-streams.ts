/** Random numbers for libraries: a stream of each one's own, so that what one draws changes nothing for the workflow or for another. */
import { getRun } from "../run/current-run.ts";
import type { WorkflowRun } from "../run/run.ts";
import { seededRandom, seedOf, streamSeedOf, uuidFrom } from "./random.ts";

/** Numbers that are the same each time the run is replayed. */
export interface WorkflowRandomStream {
  /** From 0 up to 1. */
  random(): number;
  uuid4(): string;
  /** Fills the bytes and returns them. */
  fill(bytes: Uint8Array): Uint8Array;
  /** `Math.random()` and `uuid4()` draw from this stream while `fn` runs, up to its first wait. */
  with<T>(fn: () => T): T;
}

function streamOf(draw: () => () => number): WorkflowRandomStream {
  return {
    random: () => draw()(),
    uuid4: () => uuidFrom(draw()),
    fill: (bytes) => {
      const random = draw();
      for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256);
      return bytes;
    },
    with: (fn) => {
      const run = getRun("a random stream");
      const { random } = run;
      run.random = draw();
      try {
        return fn();
      } finally {
        run.random = random;
      }
    },
  };
}

/** The workflow's own: what `Math.random()` and `uuid4()` draw from. */
export const workflowRandom: WorkflowRandomStream = streamOf(() => getRun("workflowRandom").random);

/** The stream of this name, the same each time the run is replayed. */
export function getRandomStream(name: string): WorkflowRandomStream {
  return streamOf(() => drawsOf(getRun("getRandomStream()"), name));
}

function drawsOf(run: WorkflowRun, name: string): () => number {
  // What a query draws must not be missing from the stream; it need not be the same twice.
  if (run.isReadOnly) return seededRandom(() => seedOf(`${name} read at ${run.host.now()} ${run.random()}`));
  let found = run.randomStreams.get(name);
  if (!found) {
    const { randomSeed } = run;
    found = seededRandom(() => streamSeedOf(seedOf(randomSeed), name));
    run.randomStreams.set(name, found);
  }
  return found;
}
