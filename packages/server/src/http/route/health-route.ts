/** Whether this server takes work, for what looks after processes and balances load. */
import type { Health } from "../../rpc/health.ts";
import { jsonReply } from "../reply.ts";
import type { Route } from "../route-table.ts";

export function healthRoute(health: Pick<Health, "status">): Route {
  return {
    ...{ verb: "GET", template: "/health", operation: "Health" },
    shape: {
      ...{ type: "own", summary: "Whether the server takes work: status 200 when it does, 503 when it does not." },
      answer: { type: "object", properties: { status: { enum: ["SERVING", "NOT_SERVING"] } } },
    },
    serve: async () => {
      const { status } = health;
      return { ...jsonReply({ status }), status: status === "SERVING" ? 200 : 503 };
    },
  };
}
