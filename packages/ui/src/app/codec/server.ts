/** The codec server as it is asked: the protocol that Temporal's tools speak with theirs. */
import { type FullPayload, isPayload } from "../api/payload.ts";
import { type CodecSettings, codecEndpoint, codecToken } from "./settings.ts";

export interface CodecCall {
  readonly namespace: string;
  readonly settings: CodecSettings;
  readonly signal: AbortSignal;
}

/** As many as were sent, in their order. Throws a sentence. */
export async function askCodec(
  verb: "encode" | "decode",
  payloads: readonly FullPayload[],
  { namespace, settings, signal }: CodecCall,
): Promise<readonly FullPayload[]> {
  const token = codecToken();
  const response = await fetch(`${codecEndpoint}/${verb}`, {
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
  if (!response.ok) throw new Error(`The codec server answered ${response.status} when asked to ${verb}.`);
  const { payloads: answered } = (await response.json().catch(() => ({}))) as { payloads?: unknown };
  if (!Array.isArray(answered) || answered.length !== payloads.length || !answered.every(isPayload))
    throw new Error("The codec server's answer is not a list of as many payloads as it was sent.");
  return answered;
}
