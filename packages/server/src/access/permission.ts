/** What a caller may do: roles, each for a namespace or for the whole system. Nothing that is not given is allowed. */

import { systemScope } from "../config.ts";

/** What a call needs. */
export type Need = "read" | "work" | "write" | "admin";

/** As bits, so that a role is the set of what it may do. */
export const needBits = { read: 1, work: 2, write: 4, admin: 8 } as const satisfies Record<Need, number>;

/**
 * A reader looks, a worker takes and answers tasks, a writer does both and starts and steers workflows, an admin changes the namespace itself. A writer
 * may work because tokens made for Temporal's own server say `write` for workers.
 */
const roles: Readonly<Record<string, number>> = { reader: 0b0001, worker: 0b0010, writer: 0b0111, admin: 0b1111 };

/** As tokens made for Temporal's own server spell them. */
const otherNames: Readonly<Record<string, string>> = { read: "reader", write: "writer" };

export interface Permissions {
  /** Bits that hold everywhere. */
  readonly system: number;
  /** Bits by the namespace's name. */
  readonly namespaces: ReadonlyMap<string, number>;
}

/** Somebody who has said who he is. */
export interface Principal extends Permissions {
  /** For the audit log: `key:ci`, `jwt:alice@example.org`, `certificate:billing`. */
  readonly name: string;
}

/** The bits of a `namespace:role`, or undefined for a text that is none. The namespace is what stands before the last colon. */
export function parsePermission(text: string): { readonly scope: string; readonly bits: number } | undefined {
  const at = text.lastIndexOf(":");
  const role = text.slice(at + 1).toLowerCase();
  const name = Object.hasOwn(otherNames, role) ? otherNames[role]! : role;
  if (at <= 0 || !Object.hasOwn(roles, name)) return undefined;
  return { scope: text.slice(0, at), bits: roles[name]! };
}

/** Several together; those that are no permissions give none. */
export function permissionsOf(texts: Iterable<string>): Permissions {
  let system = 0;
  const namespaces = new Map<string, number>();
  for (const text of texts) {
    const found = parsePermission(text);
    if (!found) continue;
    if (found.scope === systemScope) system |= found.bits;
    else namespaces.set(found.scope, (namespaces.get(found.scope) ?? 0) | found.bits);
  }
  return { system, namespaces };
}

/** `needs`: any of these bits will do. */
export function mayInSystem({ system }: Permissions, needs: number): boolean {
  return (system & needs) !== 0;
}

export function mayInNamespace({ system, namespaces }: Permissions, needs: number, namespace: string): boolean {
  return ((system | (namespaces.get(namespace) ?? 0)) & needs) !== 0;
}
