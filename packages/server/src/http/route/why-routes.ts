/** Why a workflow does not go on, as JSON: the sentences of `pawl workflow why`. */
import { methods } from "@pawl/protocol";
import type { Parts } from "../../frontend/parts.ts";
import type { Status, Unary } from "../../rpc/transport.ts";
import { type Ask, whyWaiting } from "../../why/index.ts";
import type { Exchange } from "../exchange.ts";
import type { JsonSchema } from "../json-schema.ts";
import { jsonReply, problem, type Reply } from "../reply.ts";
import type { PathValues, Route } from "../route-table.ts";

export interface WhyParts extends Pick<Parts, "clock"> {
  readonly unary: ReadonlyMap<string, Unary>;
}

const text = { type: "string" };

const answer: JsonSchema = {
  type: "object",
  required: ["workflowId", "runId", "workflowType", "status", "causes"],
  properties: {
    ...{ workflowId: text, runId: text, workflowType: text, status: text },
    causes: {
      type: "array",
      items: {
        type: "object",
        required: ["kind", "text", "isStuck", "next"],
        properties: {
          ...{ kind: text, text, isStuck: { type: "boolean" }, next: { type: "array", items: text } },
          within: { type: "object", description: "The same of a child workflow." },
        },
      },
    },
  },
};

export function whyRoutes(parts: WhyParts): Route[] {
  return [
    {
      ...{
        verb: "GET",
        template: "/api/v1/namespaces/{namespace}/workflows/{workflow_id}/why",
        operation: "WhyWorkflow",
      },
      shape: {
        ...{ type: "own", summary: "What a workflow waits for, down to the deepest cause, in plain sentences." },
        ...{ query: { runId: text }, answer },
      },
      serve: (exchange, values) => serve(exchange, parts, values),
    },
  ];
}

/** Carries a refusal out of the calls that an explanation makes. */
class Refused extends Error {
  readonly status: Status;
  constructor(status: Status) {
    super("the call was refused");
    this.status = status;
  }
}

async function serve(exchange: Exchange, { unary, clock }: WhyParts, values: PathValues): Promise<Reply> {
  const ask: Ask = async (name, request) => {
    const { path, request: asked, response } = methods[name];
    const bytes = await unary.get(path)!(asked.encode(request as never), exchange);
    if ("code" in bytes) throw new Refused(bytes);
    return response.decode(bytes) as never;
  };
  const ids = { namespace: values.get("namespace")!, workflowId: values.get("workflow_id")! };
  const subject = { ...ids, runId: exchange.query.get("runId") ?? "" };
  try {
    return jsonReply(await whyWaiting(subject, { ask, nowMs: () => clock.nowMs() }));
  } catch (error) {
    if (error instanceof Refused) return problem(error.status);
    throw error;
  }
}
