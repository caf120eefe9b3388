/** Names that every workflow, or every SDK, has for its own. */

const prefix = "__temporal_";
const stackQueries: readonly string[] = ["__stack_trace", "__enhanced_stack_trace"];

/** Contributed packages of the official SDK speak by these. */
const contributed: ReadonlyMap<string, string> = new Map([
  ["__temporal_workflow_stream_publish", "signal"],
  ["__temporal_workflow_stream_poll", "update"],
  ["__temporal_workflow_stream_offset", "query"],
  ["__temporal_openai_agents_tracing", "sink"],
  ["__temporal_langsmith", "sink"],
]);

/** Throws `TypeError` for a name that would not be heard, or be taken for another. */
export function requireOwnName(
  what: "query" | "signal" | "update" | "activity" | "task queue" | "sink",
  name: string,
): void {
  if (stackQueries.includes(name) || (`${name}`.startsWith(prefix) && contributed.get(name) !== what)) {
    throw new TypeError(
      `${what} name ${JSON.stringify(name)} is reserved: names that begin with ${prefix}, and ${stackQueries.join(" and ")}, are the SDK's own`,
    );
  }
}
