/** Payloads that only their own codec can read, read by the codec server. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { encodedPayloads, shownPayload, withDecoded } from "../api/payload.ts";
import { useRemembered } from "../parts/remembered.ts";
import { askCodec } from "./server.ts";
import { codecEndpoint, codecSettings } from "./settings.ts";

export interface Decoded {
  readonly value: unknown;
  /** `plain`: there was nothing to decode. `unread`: nobody is asked. */
  readonly state: "plain" | "unread" | "asking" | "decoded" | "failed";
  readonly error?: Error;
}

/** Of one request, so that no codec server refuses it for its size alone. */
const payloadsMax = 200;
const timeoutMs = 30_000;

/** A message with what the codec server makes of the payloads in it. */
export function useDecoded(value: unknown): Decoded {
  const { namespace = "default" } = useParams({ strict: false });
  const settings = useRemembered(codecSettings);
  const wanted = encodedPayloads(value).slice(0, payloadsMax);
  const isAsked = wanted.length > 0 && codecEndpoint !== undefined && settings.isOn;
  const answer = useQuery({
    queryKey: ["decoded", namespace, settings.withCookies, wanted],
    queryFn: ({ signal }) => askCodec("decode", wanted, { namespace, settings, signal }),
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

/** The same for what is not shown as it is but read: once, and without a page that waits. Throws a sentence. */
export async function decodedMessage(namespace: string, value: unknown): Promise<unknown> {
  const settings = codecSettings.get();
  const wanted = encodedPayloads(value);
  if (wanted.length === 0 || codecEndpoint === undefined || !settings.isOn) return value;
  const signal = AbortSignal.timeout(timeoutMs);
  const decoded = await askCodec("decode", wanted, { namespace, settings, signal });
  return withDecoded(value, (payload) => decoded[wanted.indexOf(payload)] ?? payload);
}

/** What one payload holds. */
export async function decodedValue(namespace: string, value: unknown): Promise<unknown> {
  return shownPayload(await decodedMessage(namespace, value));
}
