/** `BATCH_OPERATION_STATE_RUNNING` without its prefix, as words: `Running`. */
export function enumWord(value: string | undefined, prefix: string): string {
  const word = (value ?? "").replace(prefix, "").toLowerCase().replaceAll("_", " ");
  return word === "" || word === "unspecified" ? "–" : word.charAt(0).toUpperCase() + word.slice(1);
}
