/**
 * What a Nexus operation adds to the call with which its handler has it done: who asked for it, whom to tell of its end, and what came of the
 * call. It travels under a symbol beside the call's own options, past interceptors that copy them.
 */
import type { common, workflow } from "@pawl/protocol";

export const callLinks = Symbol("links of a call");

export interface CallLinks {
  /** What the call becomes in the history of who asked: filled in when it is answered. */
  answered?: common.Link | undefined;
  readonly links: common.Link[];
  /** For a start alone: the same start twice is one. */
  readonly requestId?: string;
  readonly completionCallbacks?: common.Callback[];
  readonly onConflictOptions?: workflow.OnConflictOptions;
}

export interface Linked {
  readonly [callLinks]?: CallLinks;
}

/** The fields of the request. */
export function linkFields(of: object): Partial<Omit<CallLinks, "answered">> {
  const { answered: _, ...fields } = (of as Linked)[callLinks] ?? {};
  return fields;
}

export function linked(of: object, link: common.Link | undefined): void {
  const given = (of as Linked)[callLinks];
  if (given && link) given.answered = link;
}
