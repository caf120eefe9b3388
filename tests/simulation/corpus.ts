import type { CastName } from "./cast.ts";

/** Seeds that once failed, and what was found. They are played for ever, though as the programs of seeds change they may come to show something else. */
export const corpus: readonly { readonly seed: number; readonly cast: CastName; readonly found: string }[] = [
  {
    seed: 14,
    cast: "workflows",
    found: "a signal that was buffered behind a speculative task was stuck after a crash, which forgot the task",
  },
  {
    seed: 70,
    cast: "workflows",
    found: "a run that continued as new in a commit of unknown outcome had its first task dispatched by nobody",
  },
  {
    seed: 20_162,
    cast: "all",
    found: "actions that their schedule might not take any more held up those that waited behind them",
  },
  {
    seed: 400_166,
    cast: "all",
    found:
      "the look at a run after a commit of unknown outcome waited for the time of day, and the clock was set back by half an hour",
  },
  {
    seed: 400_329,
    cast: "all",
    found: "an update in the batch in which a task was started hid when that task was to time out",
  },
  {
    seed: 400_767,
    cast: "all",
    found: "what was due was read again a minute after that had failed, when the clock had been set forward meanwhile",
  },
  {
    seed: 400_937,
    cast: "all",
    found: "an activity of its own was tried beyond its policy when it failed while it was paused",
  },
  {
    seed: 430_070,
    cast: "all",
    found: "a schedule whose last workflow's end overtook the answer to its start stayed for ever",
  },
  {
    seed: 420_192,
    cast: "poison",
    found:
      "a speculative task that was forgotten with a failed commit and its successor within the same millisecond were not told apart",
  },
];
