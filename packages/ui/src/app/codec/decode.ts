/** Payloads that only their own codec can read, read by the codec server: the protocol that Temporal's tools speak with theirs. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { encodedPayloads, type FullPayload, isPayload, withDecoded } from "../api/payload.ts";
import { useRemembered } from "../parts/remembered.ts";
import { type CodecSettings, codecEndpoint, codecSettings, codecToken } from "./settings.ts";

export interface Decoded {
  readonly value: unknown;
  /** `plain`: there was nothing to decode. `unread`: nobody is asked. */
  readonly state: "plain" | "unread" | "asking" | "decoded" | "failed";
  readonly error?: Error;
}

/** Of one request, so that no codec server refuses it for its size alone. */
const payloadsMax = 200;

/** A message with what the codec server makes of the payloads in it. */
export function useDecoded(value: unknown): Decoded {
  const { namespace = "default" } = useParams({ strict: false });
  const settings = useRemembered(codecSettings);
  const wanted = encodedPayloads(value).slice(0, payloadsMax);
  const isAsked = wanted.length > 0 && codecEndpoint !== undefined && settings.isOn;
  const answer = useQuery({
    queryKey: ["decoded", namespace, settings.withCookies, wanted],
    queryFn: ({ signal }) => decode(wanted, { namespace, settings, signal }),
    enabled: isAsked,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
  if (wanted.length === 0) return { value, state: "plain" };
  if (!isAsked) return { value, state: "unread" };
  if (answer.error) return { value, state: "failed", error: answer.error };
  if (!answer.data) return { value, state: "asking" };
  const decoded = new Map(wanted.map((payload, index) => [payload, answer.data[index]] as const));
  return { value: withDecoded(value, (payload) => decoded.get(payload) ?? payload), state: "decoded" };
}

interface DecodeOptions {
  readonly namespace: string;
  readonly settings: CodecSettings;
  readonly signal: AbortSignal;
}

/** As many as were sent, in their order. Throws a sentence. */
export async function decode(
  payloads: readonly FullPayload[],
  { namespace, settings, signal }: DecodeOptions,
): Promise<readonly FullPayload[]> {
  const token = codecToken();
  const response = await fetch(`${codecEndpoint}/decode`, {
    method: "POST",
    body: JSON.stringify({ payloads }),
    headers: {
      "content-type": "application/json",
      "x-namespace": namespace,
      ...(token !== "" && { authorization: token }),
    },
    credentials: settings.withCookies ? "include" : "omit",
    // Where it leads on to, it was not named by whoever runs the server.
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal,
  }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new Error(`The codec server does not answer, or does not let pages of ${location.origin} ask it.`);
  });
  if (!response.ok) throw new Error(`The codec server answered ${response.status}.`);
  const { payloads: decoded } = (await response.json().catch(() => ({}))) as { payloads?: unknown };
  if (!Array.isArray(decoded) || decoded.length !== payloads.length || !decoded.every(isPayload))
    throw new Error("The codec server's answer is not a list of as many payloads as it was sent.");
  return decoded;
}
