/**
 * Where the random inputs of a fuzz begin: `PAWL_FUZZ_SEED`, a number, or `random` to look for what no run has found yet. Without it always the same, so that
 * a test that fails tells of a change and not of luck.
 */
const { PAWL_FUZZ_SEED: wanted = "1" } = process.env;

export const fuzzSeed = wanted === "random" ? Date.now() % 1_000_000 : Number(wanted);
