/** Seeds that once failed, and what was found. They are played for ever, though as the programs of seeds change they may come to show something else. */
export const corpus: readonly { readonly seed: number; readonly found: string }[] = [
  {
    seed: 14,
    found: "a signal that was buffered behind a speculative task was stuck after a crash, which forgot the task",
  },
  {
    seed: 70,
    found: "a run that continued as new in a commit of unknown outcome had its first task dispatched by nobody",
  },
  {
    seed: 49,
    found: "an activity of its own that was paused and then cancelled waited for ever when its worker had gone",
  },
  {
    seed: 316,
    found: "a message that waited at a takeover was forgotten, because the store could not be read at that moment",
  },
];
