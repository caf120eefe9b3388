/** Values that stand in the query of a URL. */
import { JsonProblem } from "@pawl/protocol/json";

/** 0 when it is not there. Throws `JsonProblem`. */
export function wholeNumber(query: URLSearchParams, name: string): number {
  const given = query.get(name) ?? "0";
  if (!/^\d{1,15}$/.test(given)) throw new JsonProblem(name, "a whole number is expected");
  return Number(given);
}
