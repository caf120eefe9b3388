/** What answers calls, whichever way they come in: from within the process, over gRPC, over HTTP, from another node. */
import { confirmWorkflowTaskPath, methods } from "@pawl/protocol";
import type { ClosedSessions } from "../access/session.ts";
import type { ClusterMember } from "../cluster/member.ts";
import type { FurtherCall } from "../config.ts";
import type { BatchRunner } from "../frontend/batch/batch-runner.ts";
import { handlersOf, performerOf } from "../frontend/handlers.ts";
import type { Parts } from "../frontend/parts.ts";
import { withPollHeartbeats } from "../frontend/worker/poll-heartbeat.ts";
import { confirmWorkflowTask } from "../frontend/workflow/confirm-task.ts";
import { limits } from "../limits.ts";
import { Listeners } from "../listeners.ts";
import { type CallParts, faultStatus, statusOf, unaryRoutes } from "../rpc/call.ts";
import { DirectTransport } from "../rpc/direct-transport.ts";
import { Health } from "../rpc/health.ts";
import { reflectionRoutes } from "../rpc/reflection.ts";
import type { Routes, Unary } from "../rpc/transport.ts";

/** What `main.ts` has made, as handlers and transports need it. Handlers begin batch operations; `main.ts` opens, resumes and closes them. */
export interface MadeParts extends Parts {
  readonly batches: BatchRunner;
  readonly closedSessions: ClosedSessions;
}

/** `further`: calls that are not the API's. Where callers must authenticate, they are served within the process alone. */
export function answering(
  parts: MadeParts,
  member: ClusterMember | undefined,
  further: ReadonlyMap<string, FurtherCall>,
) {
  const { clock, random, telemetry } = parts;
  const services = new Set(Object.values(methods).map(({ service }) => service));
  const health = new Health(services);
  const handlers = handlersOf(parts);
  parts.batches.open(performerOf(handlers));
  const served = withPollHeartbeats(member?.forwarding(handlers, parts) ?? handlers);
  const routesOf = (entry: Pick<CallParts, "gate" | "admission">): Routes => ({
    unary: new Map<string, Unary>([
      ...unaryRoutes(served, { telemetry, random, ...entry }),
      ...health.routes.unary,
      // Calls that are not the API's have no place in what callers may be permitted.
      ...(entry.gate ? [] : further),
    ]),
    streaming: new Map([...health.routes.streaming, ...reflectionRoutes([...services, "grpc.health.v1.Health"])]),
  });
  // Whoever calls from within this process needs nobody's leave.
  const routes = routesOf({});
  const confirm: Unary = async (taskToken) => {
    const refused = await confirmWorkflowTask(parts, taskToken);
    return refused ? statusOf(refused) : new Uint8Array(0);
  };
  const direct = new DirectTransport({
    ...{ clock, routes: { ...routes, unary: new Map([...routes.unary, [confirmWorkflowTaskPath, confirm]]) } },
    onFault: (path, error) => faultStatus(path, error, { telemetry, random }),
  });
  const listeners = new Listeners({ ...parts, routes, routesOf, health, served: new Set(Object.keys(handlers)) });
  return {
    ...{ direct, listeners },
    /** Without asking other nodes, nor who calls. */
    local: unaryRoutes(handlers, { telemetry, random }),
    open: () => health.set("serving"),
    close: async () => {
      health.set("notServing");
      await Promise.all([direct.stop(limits.drainMsMax), listeners.stop(limits.drainMsMax)]);
    },
  };
}
