import { Failure } from "../failure.ts";

/** `KEY=VALUE` each. Throws {@link Failure} naming the flag. */
export function pairs(texts: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((each) => {
      const at = each.indexOf("=");
      if (at < 1) throw new Failure("usage", `${flag} is written KEY=VALUE, not ${JSON.stringify(each)}`);
      return [each.slice(0, at), each.slice(at + 1)];
    }),
  );
}
