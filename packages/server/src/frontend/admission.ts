/**
 * How much of this process one namespace may take: calls under way, calls that wait for something to happen, what their requests hold, connections over which
 * it has called, and, where the operator says so, calls a second. What goes beyond is refused at once, with a hint when to try again, so that one namespace's flood is its
 * own trouble.
 */
import { detail, Rejection } from "@pawl/engine";
import { enums, errordetails } from "@pawl/protocol";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import { TokenBucket } from "../token-bucket.ts";
import type { Call } from "./handler.ts";
import type { NamespaceRegistry } from "./namespace/namespace-registry.ts";

const { RPS_LIMIT, CONCURRENT_LIMIT } = enums.ResourceExhaustedCause;

/** What one namespace has under way. */
interface Load {
  running: number;
  waiting: number;
  /** Of their requests, as far as they are large. */
  bytes: number;
  readonly bucket: TokenBucket | undefined;
  /** Open ones, over which it has called. */
  readonly connections: Set<Connection>;
}

type Connection = NonNullable<Call["connection"]>;

/** Calls that may be held open until something happens. */
const waitingCalls = new Set([
  ...["PollWorkflowTaskQueue", "PollActivityTaskQueue", "PollNexusTaskQueue", "PollWorkflowExecutionUpdate"],
  ...["PollActivityExecution", "PollNexusOperationExecution", "PollWorkflowExecutionTimeSkipping", "QueryWorkflow"],
  ...["GetWorkflowExecutionHistory", "UpdateWorkflowExecution", "ExecuteMultiOperation", "DescribeActivityExecution"],
  // Routes of HTTP.
  ...["ActivityProgress", "StartNexusOperationByEndpoint", "StartNexusOperationByTaskQueue"],
  ...["CancelNexusOperationByEndpoint", "CancelNexusOperationByTaskQueue"],
]);

export interface AdmissionOptions {
  readonly namespaces: Pick<NamespaceRegistry, "find">;
  readonly clock: Clock;
  /** Whose a request is that does not name its namespace, such as by its task token; "" for nobody's. Default: nobody's. */
  readonly namespaceOf?: (method: string, request: unknown) => string;
  /** Calls of one namespace; a second's worth may come at once. Default: as many as come. */
  readonly requestsPerSecond?: number | undefined;
  /** Connections over which one namespace may call. Default: half of all. */
  readonly connectionsMax?: number | undefined;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #loads = new Map<string, Load>();
  /** Of calls about no namespace, such as each client's first: no namespace's flood uses their rate up. */
  readonly #nobodys: Load = { running: 0, waiting: 0, bytes: 0, bucket: undefined, connections: new Set() };
  readonly #loadsByConnection = new WeakMap<Connection, Set<Load>>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** The counter that `leave` is to be given when the call has ended, or the refusal. */
  enter(
    method: string,
    request: { readonly namespace?: unknown },
    connection?: Connection | undefined,
    requestBytes = 0,
  ): Seat | Rejection {
    const { namespaces, clock, namespaceOf, connectionsMax = limits.namespaceConnectionsMax } = this.#options;
    const isNamed = typeof request.namespace === "string" && request.namespace !== "";
    const namespace = isNamed ? (request.namespace as string) : (namespaceOf?.(method, request) ?? "");
    // Names that nobody has registered are their callers' own, and share one place.
    const name = namespaces.find(namespace) ? namespace : "";
    const load = namespace === "" ? this.#nobodys : (this.#loads.get(name) ?? this.#make(name));
    const kind = waitingCalls.has(method) ? "waiting" : "running";
    const max = kind === "waiting" ? limits.namespaceWaitingMax : limits.namespaceRunningMax;
    if (load[kind] >= max) {
      const calls = kind === "waiting" ? "long polls and other calls that wait" : "calls under way";
      return exhausted(`namespace ${JSON.stringify(name)} has ${max} ${calls}, which is the most`, CONCURRENT_LIMIT);
    }
    const bytes = Math.max(0, requestBytes - limits.smallRequestBytes);
    if (bytes > 0 && load.bytes + bytes > limits.namespaceRequestBytesMax)
      return exhausted(
        `namespace ${JSON.stringify(name)} has calls under way with ${load.bytes} bytes, and there is no room for ${requestBytes} more`,
        CONCURRENT_LIMIT,
      );
    if (load.bucket && !load.bucket.take(clock.nowMs()))
      return exhausted(
        `namespace ${JSON.stringify(name)} makes more than ${load.bucket.rate} calls a second`,
        RPS_LIMIT,
      );
    if (name !== "" && connection && !load.connections.has(connection)) {
      if (load.connections.size >= connectionsMax)
        return exhausted(
          `namespace ${JSON.stringify(name)} has ${connectionsMax} connections, which is the most`,
          CONCURRENT_LIMIT,
        );
      load.connections.add(connection);
      this.#loadsOf(connection).add(load);
    }
    load[kind]++;
    load.bytes += bytes;
    return { load, kind, bytes };
  }

  leave({ load, kind, bytes }: Seat): void {
    load[kind]--;
    load.bytes -= bytes;
  }

  /** One listener for all namespaces that a connection calls: Node takes more than ten for a leak, and says so to the operator. */
  #loadsOf(connection: Connection): Set<Load> {
    const known = this.#loadsByConnection.get(connection);
    if (known) return known;
    const loads = new Set<Load>();
    this.#loadsByConnection.set(connection, loads);
    connection.once("close", () => {
      for (const load of loads) load.connections.delete(connection);
    });
    return loads;
  }

  #make(name: string): Load {
    const { requestsPerSecond, clock } = this.#options;
    const bucket = requestsPerSecond === undefined ? undefined : new TokenBucket(requestsPerSecond, clock.nowMs());
    const load: Load = { running: 0, waiting: 0, bytes: 0, bucket, connections: new Set() };
    // As many as there can be namespaces; those that have gone leave little behind, and none stays when they were too many.
    if (this.#loads.size > 2 * limits.namespacesMax) this.#loads.clear();
    this.#loads.set(name, load);
    return load;
  }
}

export interface Seat {
  readonly load: Load;
  readonly kind: "running" | "waiting";
  readonly bytes: number;
}

function exhausted(message: string, cause: enums.ResourceExhaustedCause): Rejection {
  const scope = enums.ResourceExhaustedScope.NAMESPACE;
  return new Rejection("RESOURCE_EXHAUSTED", message, detail(errordetails.ResourceExhaustedFailure, { cause, scope }));
}
