/** How a caller wants its JSON: with payloads in shorthand or in full, on one line or indented. */
import type { Exchange } from "./exchange.ts";
import { problem, type Reply } from "./reply.ts";

export interface Format {
  readonly shorthand: boolean;
  readonly isPretty: boolean;
  readonly contentType: string;
}

const suffixes = { pretty: "+pretty", full: "+no-payload-shorthand" };

/** From `?pretty`, `?noPayloadShorthand`, or an Accept header such as `application/json+pretty+no-payload-shorthand`. */
export function responseFormat(exchange: Exchange): Format | Reply {
  const accept = exchange.header("accept");
  if (accept !== "" && !/\*\/\*|application\/(\*|json|problem\+json)/.test(accept))
    return problem(
      {
        code: "INVALID_ARGUMENT",
        message: `the answer is application/json, which ${JSON.stringify(accept)} does not take`,
      },
      { httpStatus: 406 },
    );
  const isPretty = exchange.query.has("pretty") || accept.includes(suffixes.pretty);
  const isFull = exchange.query.has("noPayloadShorthand") || accept.includes(suffixes.full);
  const contentType = `application/json${isPretty ? suffixes.pretty : ""}${isFull ? suffixes.full : ""}`;
  return { shorthand: !isFull, isPretty, contentType };
}

/** Whether a bare value in the request stands for a payload. */
export function requestShorthand(exchange: Exchange): boolean {
  return !exchange.header("content-type").includes(suffixes.full);
}
