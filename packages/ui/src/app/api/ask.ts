/** Calls to the server that this page came from. */
import { fetchInSession } from "./session.ts";

/** The server's own words for a refusal, or what became of the connection. */
export class ApiError extends Error {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** That of the request, when it is what the server does not have. */
  readonly missingNamespace: string | undefined;
  constructor(status: number, message: string, missingNamespace?: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.missingNamespace = missingNamespace;
  }
}

export interface Ask {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Makes it a POST. */
  readonly body?: unknown;
  readonly method?: "DELETE";
  readonly signal?: AbortSignal;
}

/** `segments` are percent-encoded. Throws {@link ApiError}. */
export async function ask<Answer>(
  segments: readonly string[],
  { query = {}, body, method, signal }: Ask = {},
): Promise<Answer> {
  const url = pathOf(segments, query);
  const response = await fetchInSession(url, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer.");
  });
  const text = await response.text();
  if (!response.ok) throw refusalOf(response.status, text);
  return (text === "" ? {} : JSON.parse(text)) as Answer;
}

export function pathOf(segments: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
  );
  const search = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
  return `/api/v1/${segments.map(encodeURIComponent).join("/")}${search}`;
}

interface Refusal {
  readonly message?: string;
  readonly details?: readonly { readonly "@type": string; readonly namespace?: string }[];
}

function refusalOf(status: number, text: string): ApiError {
  const { message = `The server answered ${status}.`, details = [] } = refusalIn(text);
  const missing = details.find((detail) => detail["@type"].endsWith(".NamespaceNotFoundFailure"));
  return new ApiError(status, message, missing?.namespace);
}

function refusalIn(text: string): Refusal {
  try {
    return JSON.parse(text) as Refusal;
  } catch {
    return {};
  }
}
