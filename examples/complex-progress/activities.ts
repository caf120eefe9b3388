import { activityInfo, heartbeat, progress, sleep } from "@pawl/sdk/activity";

const stages = ["analyse", "encode", "check"] as const;
export type Stage = (typeof stages)[number];

/** All that the next attempt needs, and all that somebody who watches wants to know. */
export interface EncodingState {
  stage: Stage;
  /** Of this stage. */
  frame: number;
  frames: number;
  bytes: number;
  /** Found by the first stage, used by the second. */
  scenes: number[];
  finished: Stage[];
}

export interface EncodingReport {
  scenes: number;
  bytes: number;
  attempts: number;
  /** Stages that the last attempt did not have to do again. */
  skipped: Stage[];
}

/** Heartbeats by itself, with the state as it is at that moment: the loop below need not think of it. */
export async function encodeFilm(title: string, frames: number): Promise<EncodingReport> {
  const { heartbeatDetails, attempt } = activityInfo();
  const fresh = { stage: stages[0], frame: 0, frames, bytes: 0, scenes: [], finished: [] };
  const state: EncodingState = (heartbeatDetails as EncodingState | undefined) ?? fresh;
  const skipped = [...state.finished];
  using _heartbeats = heartbeat.auto({ everyMs: 100, progress: () => state });
  for (const stage of stages.filter((each) => !skipped.includes(each))) {
    if (stage !== state.stage) Object.assign(state, { stage, frame: 0 });
    while (state.frame < frames) {
      await sleep(2);
      work(state);
    }
    state.finished.push(stage);
    // The machine of this example fails once, late. What was done is in the last heartbeat, and that goes with the failure.
    if (stage === "encode" && attempt === 1) {
      heartbeat(state);
      throw new Error(`the encoder of ${title} crashed`);
    }
  }
  return { scenes: state.scenes.length, bytes: state.bytes, attempts: attempt, skipped };
}

function work(state: EncodingState): void {
  if (state.stage === "analyse" && state.frame % 25 === 0) state.scenes.push(state.frame);
  if (state.stage === "encode") state.bytes += state.scenes.includes(state.frame) ? 5_000 : 500;
  state.frame++;
}

/** Where one number says it all, `progress` is enough; tools show it as a bar. */
export async function publishFilm(bytes: number): Promise<void> {
  const partBytes = Math.ceil(bytes / 10);
  for (let done = 0; done <= bytes; done += partBytes) {
    progress({ done, total: bytes, message: "uploading" });
    await sleep(20);
  }
}
