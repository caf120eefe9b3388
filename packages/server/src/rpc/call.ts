/**
 * From bytes to a handler and back: the one wrapper around every RPC. Decodes, calls, encodes; says what went wrong; counts and times.
 */
import { earlyTasksHeader, errordetails, googleRpc, type Method, type MethodName, methods } from "@pawl/protocol";
import type { Admission } from "../frontend/admission.ts";
import { refusalOf } from "../frontend/faults.ts";
import { type AnyHandler, type Call, type Handlers, Rejection, type RejectionCode } from "../frontend/handler.ts";
import { limits } from "../limits.ts";
import type { Random } from "../random.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { LogFields, Telemetry } from "../telemetry/telemetry.ts";
import { CallSpans } from "./call-spans.ts";
import type { Gate } from "./gate.ts";
import { retryInfo, retryInfoType } from "./retry-info.ts";
import {
  type CallerConnection,
  type Incoming,
  type Status,
  type StatusCode,
  statusCodes,
  type Unary,
} from "./transport.ts";

export interface CallParts {
  readonly telemetry: Telemetry;
  readonly random: Random;
  /** Asks each caller who he is. Without one everybody may do everything. */
  readonly gate?: Gate | undefined;
  /** Refuses what one namespace asks beyond its share. Without one there is no share. */
  readonly admission?: Admission | undefined;
}

/** Every method of the API by its path; those without a handler say so. */
export function unaryRoutes(handlers: Handlers, parts: CallParts): Map<string, Unary> {
  const names = Object.keys(methods) as MethodName[];
  return new Map(names.map((name) => [methods[name].path, route(methods[name] as Method, handlers[name], parts)]));
}

function route(method: Method, handler: Handlers[MethodName], parts: CallParts): Unary {
  const watch = new MethodWatch(method, parts.telemetry);
  const serves = parts.gate ? guarded(parts.gate) : serve;
  const { name, service } = method;
  const message = `unknown method ${name} for service ${service}: not implemented by this server`;
  const unknown: Status = { code: "UNIMPLEMENTED", message };
  // Who may not call a method does not learn whether it is served.
  const known = (handler as AnyHandler | undefined) ?? (() => new Rejection("UNIMPLEMENTED", message));
  const { traces } = parts.telemetry;
  const spans = traces && new CallSpans(method, traces);
  if (!handler && !parts.gate)
    return async (_bytes, incoming) => {
      if (spans) await spans.around(incoming, async () => unknown);
      watch.ended(unknown.code, parts.telemetry.stopwatchMs(), incoming);
      return unknown;
    };
  const told = spans ? spans.described(known) : known;
  const served = parts.admission ? admitted(parts.admission, name, told) : told;
  return async (bytes, incoming) => {
    const startedAt = parts.telemetry.stopwatchMs();
    const answering = () => serves(method, served, parts, bytes, incoming);
    const answer = await (spans ? spans.around(incoming, answering) : answering());
    watch.ended("code" in answer ? answer.code : "OK", startedAt, incoming);
    return answer;
  };
}

function admitted(admission: Admission, name: string, handler: AnyHandler): AnyHandler {
  return async (request, call) => {
    const seat = admission.enter(name, request as { readonly namespace?: unknown }, call.connection, call.requestBytes);
    if (seat instanceof Rejection) return seat;
    try {
      return await handler(request, call);
    } finally {
      admission.leave(seat);
    }
  };
}

type Serve = (
  method: Method,
  handler: AnyHandler,
  parts: CallParts,
  bytes: Uint8Array,
  incoming: Incoming,
) => Promise<Uint8Array | Status>;

const serve: Serve = async (method, handler, parts, bytes, incoming) => {
  let request: unknown;
  try {
    request = method.request.decode(bytes, limits.requestDepthReserve);
  } catch (error) {
    return undecodable(method, error);
  }
  try {
    const response = await handler(request, new IncomingCall(incoming, bytes.length));
    return response instanceof Rejection ? statusOf(response) : method.response.encode(response as never);
  } catch (error) {
    return faultStatus(method.name, error, parts);
  }
};

/** The same for callers who have to say who they are: before anything of the request is read. */
function guarded(gate: Gate): Serve {
  return async (method, handler, parts, bytes, incoming) => {
    const visit = await gate.enter(incoming);
    if ("code" in visit) return visit;
    const judged: AnyHandler = async (request, call) => {
      const refusal = visit.admit(method, request);
      if (refusal) return new Rejection(refusal.code as RejectionCode, refusal.message);
      const response = await handler(request, call);
      return response instanceof Rejection ? response : visit.shown(method, response);
    };
    const answer = await serve(method, judged, parts, bytes, incoming);
    visit.ended("code" in answer ? answer.code : "OK");
    return answer;
  };
}

function undecodable({ name }: Method, error: unknown): Status {
  const reason = error instanceof Error ? error.message : String(error);
  return { code: "INVALID_ARGUMENT", message: `${name}: the request cannot be decoded: ${reason}` };
}

/** A class, because one is made for every call: an object with getters of its own would cost more than all that it is asked. */
class IncomingCall implements Call {
  readonly requestBytes: number;
  readonly #incoming: Incoming;

  constructor(incoming: Incoming, requestBytes: number) {
    this.#incoming = incoming;
    this.requestBytes = requestBytes;
  }

  get deadlineMs(): number | undefined {
    return this.#incoming.deadlineMs;
  }

  get signal(): AbortSignal {
    return this.#incoming.signal;
  }

  ended(): "no" | "cancelled" | "deadline" | "stopping" {
    return this.#incoming.ended();
  }

  get connection(): CallerConnection | undefined {
    return this.#incoming.connection;
  }

  /** Of callers that end with this process, those that ask for it: whoever says so from elsewhere is not heard. */
  get takesEarly(): boolean {
    return this.#incoming.isInProcess === true && this.#incoming.header(earlyTasksHeader) !== "";
  }

  get clientName(): string {
    return this.#incoming.header("client-name");
  }

  get clientVersion(): string {
    return this.#incoming.header("client-version");
  }

  get supportedFeatures(): readonly string[] {
    return this.#incoming.header("supported-features").split(",");
  }
}

/** A refusal as its status, with its detail as the first and only one: SDKs read no further. */
export function statusOf({ code, message, detail }: Rejection): Status {
  if (!detail) return { code, message };
  const any = (typeName: string, value: Uint8Array) => ({ type_url: `type.googleapis.com/${typeName}`, value });
  const first = any(detail.typeName, detail.bytes);
  const isCrowded = code === "RESOURCE_EXHAUSTED" && detail.typeName === errordetails.ResourceExhaustedFailure.typeName;
  const all = isCrowded ? [first, any(retryInfoType, retryInfo(limits.retryAfterMs))] : [first];
  const details = googleRpc.Status.encode({ code: statusCodes[code], message, details: all });
  return { code, message, details, ...(isCrowded && { retryAfterMs: limits.retryAfterMs }) };
}

/** A fault that callers may hear of, or a bug: then they hear where to look for it, and the log says what it was. */
export function faultStatus(name: string, error: unknown, { telemetry, random }: CallParts): Status {
  const refusal = refusalOf(error);
  if (refusal) {
    telemetry.log.warn("rpc refused by a fault", { method: name, code: refusal.code, error });
    return statusOf(refusal);
  }
  const requestId = random.uuid();
  telemetry.log.error("rpc failed", { method: name, requestId, error });
  return { code: "INTERNAL", message: `internal error (request ${requestId})` };
}

/** Counts and times one method. Series are made when first needed, so that a method never called costs none. */
class MethodWatch {
  readonly #method: Method;
  readonly #telemetry: Telemetry;
  readonly #errors = new Map<StatusCode, Counter>();
  #series: { readonly requests: Counter; readonly latency: { observe(seconds: number): void } } | undefined;

  constructor(method: Method, telemetry: Telemetry) {
    this.#method = method;
    this.#telemetry = telemetry;
  }

  ended(code: StatusCode, startedAt: number, incoming: Incoming): void {
    const { metrics, log, stopwatchMs } = this.#telemetry;
    const ms = stopwatchMs() - startedAt;
    const labels = { operation: this.#method.name };
    this.#series ??= {
      requests: metrics.counter("service_requests", "Calls answered.", labels),
      latency: metrics.histogram("service_latency", "Seconds from request to answer, long polls included.", labels),
    };
    this.#series.requests.add();
    this.#series.latency.observe(ms / 1_000);
    if (code !== "OK") this.#errorsOf(code).add();
    if (log.level === "debug") log.debug("rpc", this.#fields(code, ms, incoming));
  }

  #errorsOf(code: StatusCode): Counter {
    const known = this.#errors.get(code);
    if (known) return known;
    const labels = { operation: this.#method.name, error_type: code };
    const counter = this.#telemetry.metrics.counter("service_error_with_type", "Calls answered with an error.", labels);
    this.#errors.set(code, counter);
    return counter;
  }

  #fields(code: StatusCode, ms: number, incoming: Incoming): LogFields {
    const client = `${incoming.header("client-name")}/${incoming.header("client-version")}`;
    return { method: this.#method.name, code, ms: Math.round(ms * 100) / 100, ...(client !== "/" && { client }) };
  }
}
