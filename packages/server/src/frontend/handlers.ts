/** The whole table of RPCs that are served. One that is not in it answers UNIMPLEMENTED with its name. */
import { namespaceHandlers } from "./namespace.ts";
import type { Handlers, Parts } from "./parts.ts";
import { systemHandlers } from "./system.ts";

export function handlersOf(parts: Parts): Handlers {
  return {
    ...systemHandlers(parts),
    ...namespaceHandlers(parts),
  };
}
