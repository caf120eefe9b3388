/** `pawl workflow why`: what a workflow waits for. */
import type { Explanation } from "@pawl/server/why";
import { type Definition, define } from "../command/definition.ts";
import type { Session } from "../session.ts";
import { workflowFlags } from "./target.ts";

export const whyCommands: readonly Definition[] = [
  define({
    path: "workflow why",
    summary: "Say what a workflow waits for, down to the deepest cause, and what to try next",
    details: "In JSON, `isStuck` says that it will not go on by itself.",
    flags: workflowFlags,
    argument: "workflowId",
    examples: ["workflow why order-1", "workflow why order-1 -o json"],
    async run(session, { workflowId, runId = "" }) {
      const { whyWaiting } = await import("@pawl/server/why");
      const { namespace, output } = session;
      const around = { ask: session.call.bind(session), nowMs: () => Date.now() };
      const explanation = await whyWaiting({ namespace, workflowId, runId }, around);
      output.json(explanation);
      show(session, explanation, "");
    },
  }),
];

function show(session: Session, { workflowType, workflowId, status, causes }: Explanation, indent: string): void {
  const { output } = session;
  output.say(`${indent}${output.word(workflowType, "bold")} ${output.word(workflowId)}: ${status}`);
  for (const { text, isStuck, next, within } of causes) {
    output.say(`${indent}  ${output.paint(isStuck ? "✗" : "·", isStuck ? "red" : "cyan")} ${output.word(text)}`);
    for (const line of next) output.say(`${indent}      ${output.word(line, "dim")}`);
    if (within) show(session, within, `${indent}    `);
  }
}
