/** The gate of a server with authentication: each call from another process is checked once, by its row in `table.ts`. What has no row is refused. */
import type { Method, namespace as namespaceMessages } from "@pawl/protocol";
import type { Parts } from "../frontend/parts.ts";
import type { Gate, Visit } from "../rpc/gate.ts";
import type { Incoming, Status, StatusCode } from "../rpc/transport.ts";
import type { AuditLog } from "./audit.ts";
import type { Authenticator } from "./authenticator.ts";
import { mayInNamespace, mayInSystem, needBits, type Principal } from "./permission.ts";
import { type AccessRow, accessOf } from "./table.ts";
import { namespaceOf, targetOf } from "./target.ts";

export interface GateParts extends Pick<Parts, "namespaces" | "tokens"> {
  readonly authenticator: Authenticator;
  readonly audit: AuditLog | undefined;
}

export class AccessGate implements Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  isOpen(operation: string): boolean {
    return accessOf(operation)?.of === "open";
  }

  enter(incoming: Incoming): Visit | Status | Promise<Visit | Status> {
    const found = this.#parts.authenticator.identify(incoming);
    return found instanceof Promise
      ? found.then((each) => this.#entered(incoming, each))
      : this.#entered(incoming, found);
  }

  #entered(incoming: Incoming, found: Principal | Status): Visit | Status {
    if (!("code" in found)) return new AccessVisit(this.#parts, found);
    this.#parts.audit?.write({ who: "", what: incoming.path, namespace: "", target: {}, outcome: found.code });
    return found;
  }
}

class AccessVisit implements Visit {
  readonly #parts: GateParts;
  readonly #principal: Principal;
  #entry: { what: string; namespace: string; target: Readonly<Record<string, string>>; isNoted: boolean } | undefined;

  constructor(parts: GateParts, principal: Principal) {
    this.#parts = parts;
    this.#principal = principal;
  }

  admit(method: Method, request: unknown): Status | undefined {
    const row = accessOf(method.name);
    if (row?.of !== "namespace") return this.#judge(method.name, row, { namespace: "", request });
    const namespace = namespaceOf(this.#parts, row, request);
    // An id or a token of another namespace does not tell its name.
    const isNamed = (request as { readonly namespace?: unknown }).namespace === namespace;
    return this.#judge(method.name, row, { namespace, request, ...(!isNamed && { shown: "" }) });
  }

  admitTo(operation: string, namespace = ""): Status | undefined {
    return this.#judge(operation, accessOf(operation), { namespace, request: undefined });
  }

  shown<Response>(method: Method, response: Response): Response {
    if (accessOf(method.name)?.of !== "his") return response;
    const { namespaces = [] } = response as { readonly namespaces?: readonly Described[] };
    const anything = Object.values(needBits).reduce((bits, bit) => bits | bit, 0);
    const isHis = ({ namespaceInfo }: Described) =>
      mayInNamespace(this.#principal, anything, namespaceInfo?.name ?? "");
    return { ...response, namespaces: namespaces.filter(isHis) };
  }

  ended(code: StatusCode): void {
    const { audit } = this.#parts;
    if (!audit || !this.#entry) return;
    const { isNoted, ...entry } = this.#entry;
    if (isNoted || code === "PERMISSION_DENIED") audit.write({ who: this.#principal.name, ...entry, outcome: code });
  }

  #judge(
    what: string,
    row: AccessRow | undefined,
    {
      namespace,
      request,
      shown = namespace,
    }: { readonly namespace: string; readonly request: unknown; readonly shown?: string },
  ): Status | undefined {
    if (this.#parts.audit) this.#entry = { what, namespace, target: targetOf(request), isNoted: isNoted(row) };
    return may(this.#principal, row, namespace) ? undefined : refusal(what, shown);
  }
}

type Described = { readonly namespaceInfo?: Pick<namespaceMessages.NamespaceInfo, "name"> | undefined };

function may(principal: Principal, row: AccessRow | undefined, namespace: string): boolean {
  switch (row?.of) {
    case undefined:
      return false;
    case "open":
    case "anybody":
    case "his":
      return true;
    case "system":
      return mayInSystem(principal, row.needs);
    case "namespace":
      return mayInNamespace(principal, row.needs, namespace);
    default:
      return row satisfies never;
  }
}

/** What changes something; a worker's tasks would fill the log and are in the histories. */
function isNoted(row: AccessRow | undefined): boolean {
  return (row?.of === "namespace" || row?.of === "system") && (row.needs & (needBits.write | needBits.admin)) !== 0;
}

/** The same whether or not the namespace exists: who may not look does not learn that. */
function refusal(what: string, namespace: string): Status {
  const where = namespace === "" ? "" : ` in namespace ${JSON.stringify(namespace.slice(0, 200))}`;
  return { code: "PERMISSION_DENIED", message: `Request unauthorized: ${what} is not allowed${where}.` };
}
