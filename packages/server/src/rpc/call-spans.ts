/** One span for each call, named and labelled as OpenTelemetry has it for calls over gRPC. */
import type { Method } from "@pawl/protocol";
import { type AnyHandler, Rejection } from "../frontend/handler.ts";
import type { Attributes, Traces } from "../telemetry/traces.ts";
import { type Incoming, type Status, type StatusCode, statusCodes } from "./transport.ts";

type Answer = Uint8Array | Status;
/** What a call turned out to be about, filled in while it is answered. */
type Subject = Record<string, string>;

/** Where the server is at fault; the other codes are answers to what callers have done. */
const faults: ReadonlySet<StatusCode> = new Set<StatusCode>([
  ...(["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE"] as const),
]);

export class CallSpans {
  readonly #name: string;
  readonly #attributes: Attributes;
  readonly #traces: Traces;
  readonly #subjects = new WeakMap<object, Subject>();

  constructor({ name, service, path }: Method, traces: Traces) {
    this.#name = path.slice(1);
    this.#attributes = { "rpc.system": "grpc", "rpc.service": service, "rpc.method": name };
    this.#traces = traces;
  }

  async around(incoming: Incoming, answering: () => Promise<Answer>): Promise<Answer> {
    const traces = this.#traces;
    const span = traces.ofCall(incoming.header("traceparent"), incoming.header("tracestate"));
    if (span === "unsampled") return traces.within("unsampled", answering);
    const subject: Subject = {};
    this.#subjects.set(span.context, subject);
    const answer = await traces.within(span.context, answering);
    const code = "code" in answer ? answer.code : "OK";
    const client = incoming.header("client-name");
    traces.end(span, {
      ...{ name: this.#name, kind: "server" },
      attributes: {
        ...this.#attributes,
        "rpc.grpc.status_code": statusCodes[code],
        ...(incoming.verb !== undefined && { "http.request.method": incoming.verb }),
        ...(client !== "" && { "user_agent.original": `${client}/${incoming.header("client-version")}` }),
        ...subject,
      },
      error: faults.has(code) && "code" in answer ? answer.message : undefined,
    });
    return answer;
  }

  /** The handler, which also says whom the call was about: by its request, and by its answer where that is what a poll was given. */
  described(handler: AnyHandler): AnyHandler {
    return async (request, call) => {
      const { current } = this.#traces;
      const subject = typeof current === "object" ? this.#subjects.get(current) : undefined;
      if (!subject) return handler(request, call);
      describe(subject, request as Naming);
      const response = await handler(request, call);
      if (!(response instanceof Rejection)) describe(subject, response as Naming);
      return response;
    };
  }
}

/** Fields by which requests and answers name what they are about. */
interface Naming {
  readonly namespace?: unknown;
  readonly workflowId?: unknown;
  readonly runId?: unknown;
  readonly activityId?: unknown;
  readonly scheduleId?: unknown;
  readonly taskQueue?: { readonly name?: unknown };
  readonly execution?: Execution | undefined;
  readonly workflowExecution?: Execution | undefined;
}

interface Execution {
  readonly workflowId?: unknown;
  readonly runId?: unknown;
}

/** Names of workflows and activities as the SDKs' own spans have them. */
function describe(subject: Subject, message: Naming): void {
  const execution = message.execution ?? message.workflowExecution;
  set(subject, "temporalNamespace", message.namespace);
  set(subject, "temporalTaskQueue", message.taskQueue?.name);
  set(subject, "temporalWorkflowID", execution?.workflowId ?? message.workflowId);
  set(subject, "temporalRunID", execution?.runId ?? message.runId);
  set(subject, "temporalActivityID", message.activityId);
  set(subject, "temporalScheduleID", message.scheduleId);
}

function set(subject: Subject, name: string, value: unknown): void {
  if (typeof value === "string" && value !== "") subject[name] = value;
}
