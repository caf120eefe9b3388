/** How many there are, in groups if the filter asks for them. */
import type { Json } from "../output/json.ts";
import { payloadText, payloadValue } from "../payload.ts";
import type { Session } from "../session.ts";

/** Values of groups stand in the JSON as what they hold, as the official command line has them. */
export async function showCount(
  session: Session,
  method: "CountWorkflowExecutions" | "CountActivityExecutions",
  query: string,
): Promise<void> {
  const { namespace, output, flags } = session;
  const answer = await session.call(method, { namespace, query });
  const { groups = [], ...json } = await session.json(method, answer);
  const shown = (value: Json) => (flags.noJsonShorthandPayloads ? value : payloadValue(value));
  const inShort = groups.map((group: Json) => ({ ...group, groupValues: group.groupValues.map(shown) }));
  output.json({ count: "0", ...json, ...(groups.length > 0 && { groups: inShort }) });
  output.say(`Total: ${answer.count}`);
  for (const { groupValues, count = 0 } of groups) {
    const named = groupValues.map((value: Json) => payloadText(value).replace(/^"(.*)"$/, "$1"));
    output.say(`${named.join(", ")}: ${count}`);
  }
}
