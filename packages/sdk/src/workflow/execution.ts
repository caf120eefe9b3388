/** What a workflow can say and ask about itself: its info, its end as another run, patches, attributes, log. */
import type { ContinueAsNewCommand } from "../value/activation.ts";
import { InitialVersioningBehavior } from "../value/continue-as-new.ts";
import { msOptionalToNumber } from "../value/duration.ts";
import { composeInterceptors } from "../value/interceptors.ts";
import { requireOneOf, type Workflow } from "../value/options.ts";
import { mapFromPayloads, mapToPayloads } from "../value/payload-converter.ts";
import {
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  encodeOptionalSearchAttributes,
  encodeSearchAttributes,
  type SearchAttributes,
  type SearchAttributeUpdatePair,
} from "../value/search-attributes.ts";
import { ContinueAsNew, type ContinueAsNewOptions } from "./continue-as-new.ts";
import type { ContinueAsNewInput } from "./interceptors.ts";
import { uuidFrom } from "./random/random.ts";
import { getRun } from "./run/current-run.ts";
import type { WorkflowRun } from "./run/run.ts";
import type { WorkflowInfo } from "./run/workflow-info.ts";

/** What the workflow may know of itself. Throws outside of workflow code. */
export function workflowInfo(): WorkflowInfo {
  return getRun("workflowInfo()").info;
}

/** Ends this run and begins another of the same workflow with these arguments and an empty history. Never returns. */
export function continueAsNew<F extends Workflow>(...args: Parameters<F>): Promise<never> {
  return makeContinueAsNewFunc<F>()(...args);
}

/** `continueAsNew` with other options than this run has. */
export function makeContinueAsNewFunc<F extends Workflow>(
  options: ContinueAsNewOptions = {},
): (...args: Parameters<F>) => Promise<never> {
  const run = getRun("continueAsNew()");
  const full = { ...options, workflowType: options.workflowType ?? run.start.workflowType };
  const next = composeInterceptors(run.interceptors.outbound, "continueAsNew", async (input) => {
    throw new ContinueAsNew(continueAsNewCommand(run, input));
  });
  return (...args) => next({ args, headers: {}, options: full });
}

function continueAsNewCommand(run: WorkflowRun, { args, headers, options }: ContinueAsNewInput): ContinueAsNewCommand {
  const { memo, searchAttributes, typedSearchAttributes, initialVersioningBehavior } = options;
  requireOneOf(InitialVersioningBehavior, initialVersioningBehavior, "initialVersioningBehavior");
  return {
    type: "continueAsNew",
    workflowType: options.workflowType,
    taskQueue: options.taskQueue,
    input: run.payloadsOf(args),
    headers,
    memo: memo ? mapToPayloads(run.converter, memo) : orNone(run.memo),
    searchAttributes:
      encodeOptionalSearchAttributes(searchAttributes, typedSearchAttributes) ?? orNone(run.searchAttributes),
    runTimeoutMs: msOptionalToNumber(options.workflowRunTimeout, "workflowRunTimeout"),
    taskTimeoutMs: msOptionalToNumber(options.workflowTaskTimeout, "workflowTaskTimeout"),
    backoffStartMs: msOptionalToNumber(options.backoffStartInterval, "backoffStartInterval"),
    initialVersioningBehavior,
    retryPolicy: run.start.retryPolicy,
  };
}

function orNone<T extends object>(fields: T): T | undefined {
  return Object.keys(fields).length > 0 ? fields : undefined;
}

/**
 * Whether code changed under this name is to run its new way: `true` for runs that reach it first with the new code, `false` for those whose
 * history was made without it. Stays what it was for the rest of the run.
 */
export function patched(patchId: string): boolean {
  const run = getRun("patched()");
  const answered = run.patches.answered.get(patchId);
  if (answered !== undefined) return answered;
  const isNew = run.patches.known.has(patchId) || (!run.isReplaying && run.host.activatesPatch(run.info, patchId));
  if (isNew) run.push({ type: "patch", patchId, deprecated: false });
  run.patches.answered.set(patchId, isNew);
  return isNew;
}

/** The old way is gone from the code, but runs that know of the patch may still be open. */
export function deprecatePatch(patchId: string): void {
  const run = getRun("deprecatePatch()");
  if (run.patches.answered.has(patchId)) return;
  run.push({ type: "patch", patchId, deprecated: true });
  run.patches.answered.set(patchId, true);
}

/** A UUID that is the same each time the run is replayed. */
export function uuid4(): string {
  return uuidFrom(getRun("uuid4()").random);
}

/** Sets search attributes by which lists can be filtered; `null`, or an empty array of an untyped one, removes it. */
export function upsertSearchAttributes(searchAttributes: SearchAttributes | SearchAttributeUpdatePair[]): void {
  const run = getRun("upsertSearchAttributes()");
  const fields = Array.isArray(searchAttributes)
    ? encodeSearchAttributes(undefined, searchAttributes)
    : encodeSearchAttributes(searchAttributes);
  if (Object.keys(fields).length === 0) throw new TypeError("upsertSearchAttributes() needs at least one attribute");
  run.push({ type: "upsertSearchAttributes", fields });
  Object.assign(run.searchAttributes, fields);
  run.info = {
    ...run.info,
    searchAttributes: decodeSearchAttributes(run.searchAttributes),
    typedSearchAttributes: decodeTypedSearchAttributes(run.searchAttributes),
  };
}

/** Sets entries of the memo; `undefined` or `null` removes one. */
export function upsertMemo(memo: Record<string, unknown>): void {
  const run = getRun("upsertMemo()");
  const fields = mapToPayloads(run.converter, mapNulls(memo));
  if (Object.keys(fields).length === 0) throw new TypeError("upsertMemo() needs at least one entry");
  run.push({ type: "upsertMemo", fields });
  for (const [key, payload] of Object.entries(fields)) {
    if (memo[key] === null || memo[key] === undefined) delete run.memo[key];
    else run.memo[key] = payload;
  }
  run.info = { ...run.info, memo: mapFromPayloads(run.converter, run.memo) };
}

function mapNulls(memo: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(memo).map(([key, value]) => [key, value === null ? undefined : value]));
}
