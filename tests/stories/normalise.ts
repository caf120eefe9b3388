/**
 * What two servers answer to the same requests, made comparable: run ids, other UUIDs, times, tokens and sizes become placeholders, and fields
 * that hold their default are left out. Durations, event ids, attempts, identities that the story gave, texts and the presence of a message stay.
 */
import { enums, errordetails, type googleProtobuf, googleRpc, history } from "@pawl/protocol";
import type { Answer } from "./connection.ts";

export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

type Fields = Record<string, unknown>;

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const timeKey = /(Time|Timestamp)$/;
const tokenKey = /(^taskToken|PageToken|longPollToken|callback-token|^conflictToken)$/;
/** The conflict token of a schedule, which counts its changes; that of a deployment is a time. */
const isCount = (key: string, { byteLength }: Uint8Array) => key === "conflictToken" && byteLength === 8;
const sizeKey = /(historySizeBytes|stateSizeBytes|^taskId|stateTransitionCount)$/;
/** How long something took, in contrast to how long it may take. */
const measuredKey = /^(executionDuration)$/;
/** A wait that is counted from the moment of the call: rounded up to seconds. */
const countedKey = /^(firstWorkflowTaskBackoff|currentRetryInterval)$/;
/** What the reference adds to hint at its own partitions and pollers. */
const hintKey =
  /^(pollerScalingDecision|pollerGroupInfos|pollerGroupsInfo|pollerGroupId|backlogCountHint|routingConfigUpdateState)$/;

/** Longer texts are compared by their beginning and length. */
const shownMax = 10_000;

/** One for each story and server, since placeholders number what was seen before. */
export class Normaliser {
  readonly #runs = new Map<string, string>();

  /** Names a run id by the order in which the story met it. */
  noteRun(runId: string): void {
    if (runId !== "" && !this.#runs.has(runId)) this.#runs.set(runId, `run-${this.#runs.size + 1}`);
  }

  value(value: unknown): Plain {
    return this.#value("", value) ?? {};
  }

  /** The refusal's status, text and detail. */
  refusal({ status, message, details }: Answer): Plain {
    const decoded =
      details === undefined ? [] : googleRpc.Status.decode(details).details.map((any) => this.#detail(any));
    return { status, message: this.text(message), ...(decoded.length > 0 ? { details: decoded } : {}) };
  }

  text(text: string): string {
    if (text.length > shownMax) return `${text.slice(0, 40)}… of ${text.length}`;
    // The reference's protocol library writes other spaces into its errors with every build.
    return text.replaceAll("\u00a0", " ").replace(uuid, (id) => this.#runs.get(id) ?? "uuid");
  }

  #detail({ type_url: typeUrl, value }: googleProtobuf.Any): Plain {
    const name = typeUrl.split(".").at(-1) ?? "";
    const codec = (errordetails as unknown as Record<string, { decode(bytes: Uint8Array): object } | undefined>)[name];
    return { type: typeUrl, value: codec ? this.value(codec.decode(value)) : Buffer.from(value).toString("base64") };
  }

  #value(key: string, value: unknown): Plain | undefined {
    if (value === undefined || value === null || value === "" || value === 0 || value === false) return undefined;
    if (hintKey.test(key)) return undefined;
    if (value instanceof Uint8Array) return this.#bytes(key, value);
    if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => this.#value("", item) ?? {});
    if (typeof value === "object") return this.#fields(key, value as Fields);
    if (typeof value === "string") return this.#string(key, value);
    if (sizeKey.test(key)) return "some";
    if (key === "eventType") return nameOf(enums.EventType, value as number);
    return value as number | boolean;
  }

  #string(key: string, value: string): string {
    if (/runId$/i.test(key)) this.noteRun(value);
    if (tokenKey.test(key)) return "token";
    return this.text(value);
  }

  #bytes(key: string, value: Uint8Array): Plain | undefined {
    if (value.byteLength === 0) return undefined;
    if (tokenKey.test(key) && !isCount(key, value)) return "token";
    if (key === "history") return this.value(history.History.decode(value));
    return this.text(Buffer.from(value).toString());
  }

  #fields(key: string, value: Fields): Plain {
    if (timeKey.test(key)) return (value as unknown as googleProtobuf.Timestamp).seconds <= 0 ? "no time" : "time";
    if (measuredKey.test(key)) return "measured";
    if (countedKey.test(key)) return roundedUp(value as unknown as googleProtobuf.Duration);
    if (key === "workflowTaskScheduledEventAttributes") return this.#fields("", withoutJitter(value));
    if (key === "workflowExecutionStartedEventAttributes") return this.#fields("", withWholeBeat(value));
    const kept: Record<string, Plain> = {};
    for (const [name, field] of Object.entries(value)) {
      const plain = this.#value(name, field);
      if (plain !== undefined) kept[this.text(name)] = plain;
    }
    return kept;
  }
}

function nameOf(members: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(members).find((name) => members[name] === value) ?? String(value);
}

/** Between runs of a chain the wait makes up a whole second from the start of the run before. */
function roundedUp({ seconds, nanos }: googleProtobuf.Duration): string {
  // A retry is due some microseconds after its interval.
  return `${Math.ceil(seconds + nanos / 1e9 - 0.05)} s`;
}

/** What is left of a beat when the next run is made depends on how long the one before took. */
function withWholeBeat(attributes: Fields): Fields {
  const { initiator, cronSchedule, firstWorkflowTaskBackoff } = attributes;
  const beat = Number(/^@every (\d+)s$/.exec(cronSchedule as string)?.[1]);
  const { seconds = 0, nanos = 0 } = (firstWorkflowTaskBackoff ?? {}) as Partial<googleProtobuf.Duration>;
  const left = seconds + nanos / 1e9;
  const isPart = left > 0 && left < beat;
  if (initiator !== enums.ContinueAsNewInitiator.CRON_SCHEDULE || !isPart) return attributes;
  return { ...attributes, firstWorkflowTaskBackoff: { seconds: beat, nanos: 0 } };
}

const randomFromAttempt = 4;

/** Repeated workflow tasks have a timeout that grows by random steps. */
function withoutJitter(attributes: Fields): Fields {
  return (attributes["attempt"] as number) < randomFromAttempt
    ? attributes
    : { ...attributes, startToCloseTimeout: "random" };
}
