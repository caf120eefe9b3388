/** Which trace work belongs to, as W3C's Trace Context carries it between processes. */

export interface SpanContext {
  /** 32 and 16 hexadecimal digits, in lower case. */
  readonly traceId: string;
  readonly spanId: string;
  /** What other tracing systems add; handed on as it came, "" = nothing. */
  readonly state: string;
}

/** A trace that is kept, or one of which nobody keeps anything. */
export type TraceContext = SpanContext | "unsampled";

/** Longer ones may be thrown away, says the standard. */
const stateCharsMax = 512;
const noId = /^0+$/;

/** Undefined for a header that is absent or none: then a trace begins here, as the standard has it. */
export function contextOf(traceparent: string, tracestate = ""): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(traceparent) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined) return undefined;
  // Versions to come may add parts; this one may not.
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (noId.test(traceId) || noId.test(spanId)) return undefined;
  if ((Number.parseInt(flags!, 16) & 1) === 0) return "unsampled";
  return { traceId, spanId, state: tracestate.length <= stateCharsMax ? tracestate : "" };
}

/** What tells another process to go on with the trace. */
export function traceHeadersOf(context: TraceContext | undefined): Readonly<Record<string, string>> {
  if (context === undefined) return {};
  if (context === "unsampled") return { traceparent: `00-${"f".repeat(32)}-${"f".repeat(16)}-00` };
  const { traceId, spanId, state } = context;
  return { traceparent: `00-${traceId}-${spanId}-01`, ...(state !== "" && { tracestate: state }) };
}

/** Which traces are kept. */
export interface Sampler {
  /** Whether a caller who has decided for his trace has decided for us. */
  readonly heedsCallers: boolean;
  /** Of traces that nobody has decided for: 0 = none, 1 = all. */
  readonly ratio: number;
}

/** By the last 56 bits of the id, which the standard wants to be random: so processes that sample alike keep the same traces. 52 of them are exact here. */
export function isKept(traceId: string, { ratio }: Sampler): boolean {
  return Number.parseInt(traceId.slice(-14, -1), 16) < ratio * 2 ** 52;
}
