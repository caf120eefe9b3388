/**
 * What a handler calls an operation that a workflow does for it. The form is the same in all Temporal SDKs, so that a worker of another language
 * can cancel what this one has started.
 */
import { HandlerError } from "nexus-rpc";

const kinds = { workflowRun: 1 } as const;

interface TokenFields {
  /** The form's version; absent is 0, the only one there is. */
  v?: number;
  /** The kind. */
  t: number;
  /** The namespace. */
  ns: string;
  /** The workflow's id. */
  wid?: string;
}

export function workflowRunToken(namespace: string, workflowId: string): string {
  const fields: TokenFields = { t: kinds.workflowRun, ns: namespace, wid: workflowId };
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
}

/** The workflow behind an operation. Throws `HandlerError` BAD_REQUEST for a token that is none of ours. */
export function workflowOf(token: string): { readonly namespace: string; readonly workflowId: string } {
  const refused = (why: string) => new HandlerError("BAD_REQUEST", `invalid operation token: ${why}`);
  if (!/^[\w-]+$/.test(token)) throw refused("it is not base64url");
  let fields: Partial<Record<keyof TokenFields, unknown>> | null;
  try {
    fields = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw refused("it holds no JSON");
  }
  if (typeof fields !== "object" || fields === null) throw refused("it holds no record");
  const { v = 0, t, ns, wid } = fields;
  if (v !== 0) throw refused(`its version ${v} is not known here`);
  if (t !== kinds.workflowRun) throw refused("it names no workflow run");
  if (typeof ns !== "string" || typeof wid !== "string" || wid === "") throw refused("its workflow id is missing");
  return { namespace: ns, workflowId: wid };
}
