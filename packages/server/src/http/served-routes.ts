/** Everything that is served over HTTP, as one list: the API's own bindings, and what is ours. */
import { methods } from "@pawl/protocol";
import type { Parts } from "../frontend/parts.ts";
import { referenceVersion } from "../frontend/system.ts";
import type { Gate } from "../rpc/gate.ts";
import type { Health } from "../rpc/health.ts";
import type { Unary } from "../rpc/transport.ts";
import type { MetricsHistory } from "../telemetry/metrics-history.ts";
import { openApiRoutes } from "./openapi.ts";
import { activityRoutes } from "./route/activity-routes.ts";
import { activityProgressRoutes } from "./route/activity-stream.ts";
import { apiRoutes } from "./route/api-routes.ts";
import { healthRoute } from "./route/health-route.ts";
import { historyFollower } from "./route/history-stream.ts";
import { linkRoutes } from "./route/link-routes.ts";
import { nexusRoutes } from "./route/nexus-routes.ts";
import { operatorRoutes } from "./route/operator-routes.ts";
import { pendingRoutes } from "./route/pending-routes.ts";
import { whyRoutes } from "./route/why-routes.ts";
import type { Route } from "./route-table.ts";

export interface ServedParts
  extends Pick<
    Parts,
    | ("ring" | "matching" | "store" | "namespaces" | "searchAttributes")
    | ("nexusEndpoints" | "nexusTasks" | "tokens" | "clock" | "telemetry")
  > {
  readonly metricsHistory: MetricsHistory;
  /** Each method's wrapper by its path, as for gRPC. */
  readonly unary: ReadonlyMap<string, Unary>;
  /** The same for what a signed link allows, whoever has it. */
  readonly trustedUnary: ReadonlyMap<string, Unary>;
  readonly gate: Gate | undefined;
  /** The methods behind which there is a handler. */
  readonly served: ReadonlySet<string>;
  readonly health: Pick<Health, "status">;
  /** What links begin with, if it is not the address that their maker asked. */
  readonly publicUrl: string | undefined;
}

export function servedRoutes(parts: ServedParts): Route[] {
  const { unary, served } = parts;
  const history = historyFollower(parts, unary.get(methods.GetWorkflowExecutionHistory.path)!);
  const routes: Route[] = [
    ...apiRoutes({ unary, served, followers: { GetWorkflowExecutionHistory: history } }),
    ...activityRoutes(unary),
    ...linkRoutes(parts),
    ...activityProgressRoutes(parts),
    ...whyRoutes(parts),
    ...pendingRoutes(parts),
    ...operatorRoutes(parts),
    ...nexusRoutes(parts),
    healthRoute(parts.health),
    ...openApiRoutes(referenceVersion, () => routes),
  ];
  return routes;
}
