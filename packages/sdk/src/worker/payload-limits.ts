/**
 * The sizes that a server accepts. A worker checks them before it sends: a server ends a workflow or an activity for good when its payloads are too large,
 * whereas a task that fails in the worker is tried again, by then perhaps with corrected code.
 */
import type { namespace } from "@pawl/protocol";

export interface PayloadLimits {
  /** Of one field: the arguments of an activity, the result of a workflow. */
  readonly payloadBytesMax: number;
  readonly memoBytesMax: number;
}

export class PayloadsTooLarge extends Error {
  constructor(field: string, bytes: number, bytesMax: number) {
    super(
      `[TMPRL1103] Attempted to upload payloads with size that exceeded the error limit: ${field} has ${bytes} bytes, the namespace takes ${bytesMax}. ` +
        "Keep large values elsewhere, and pass a reference to them",
    );
    this.name = "PayloadsTooLarge";
  }
}

/** A server that names no limit keeps its own counsel. */
export function limitsOf(info: namespace.NamespaceInfo | undefined): PayloadLimits {
  const { blobSizeLimitError, memoSizeLimitError } = info?.limits ?? {};
  return {
    payloadBytesMax: blobSizeLimitError || Number.POSITIVE_INFINITY,
    memoBytesMax: memoSizeLimitError || Number.POSITIVE_INFINITY,
  };
}

/** Fields that the server does not count, or counts by other rules. */
const leftAlone: ReadonlySet<string> = new Set(["header", "searchAttributes"]);
const memos: ReadonlySet<string> = new Set(["memo", "upsertedMemo"]);

/** `commands` and `messages` as they are sent, after all codecs. Throws {@link PayloadsTooLarge}. */
export function checkCompletion(
  { commands, messages }: { readonly commands: readonly object[]; readonly messages: readonly object[] },
  limits: PayloadLimits,
): void {
  for (const command of commands) {
    for (const [kind, attributes] of Object.entries(command)) {
      if (!kind.endsWith("CommandAttributes") || !attributes) continue;
      for (const [name, value] of Object.entries(attributes as object)) {
        if (leftAlone.has(name)) continue;
        checkField(
          `${kind}.${name}${subjectOf(attributes as Subject)}`,
          value,
          memos.has(name) ? "memo" : "payload",
          limits,
        );
      }
    }
  }
  for (const message of messages) checkField("the answer to an update", message, "payload", limits);
}

/** `field`: how it is called in the error. Throws {@link PayloadsTooLarge}. */
export function checkField(field: string, value: unknown, kind: "payload" | "memo", limits: PayloadLimits): void {
  const bytesMax = kind === "memo" ? limits.memoBytesMax : limits.payloadBytesMax;
  const bytes = contentBytes(value);
  if (bytes > bytesMax) throw new PayloadsTooLarge(field, bytes, bytesMax);
}

interface Subject {
  readonly activityType?: { readonly name: string };
  readonly workflowType?: { readonly name: string };
  readonly signalName?: string;
  readonly operation?: string;
}

function subjectOf({ activityType, workflowType, signalName, operation }: Subject): string {
  const name = activityType?.name ?? workflowType?.name ?? signalName ?? operation;
  return name === undefined ? "" : ` of ${name}`;
}

/** At most what the value takes on the wire: its bytes and texts, without what frames them. */
function contentBytes(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  if (value instanceof Uint8Array) return value.length;
  let bytes = 0;
  for (const each of Array.isArray(value) ? value : Object.values(value)) bytes += contentBytes(each);
  return bytes;
}
