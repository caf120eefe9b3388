/** What may be changed of an open run without its code having a say: its priority, which versions of workers it goes to, who else has asked for it. */
import { workflow as api, type common, enums, type history, type Init, type workflowservice } from "@pawl/protocol";
import { redispatchActivities } from "../activity/activity.ts";
import { registerCallbacks } from "../nexus/completion-callback.ts";
import { Rejection } from "../rejection.ts";
import { happen } from "../run/history.ts";
import { isOpen, type Run } from "../state/run.ts";
import type { Step } from "../step.ts";
import { indexVersioning } from "../versioning/version-index.ts";
import { overrideOf, wireOverride } from "../versioning/version-override.ts";
import { isRoutedAlike, overridden } from "../versioning/versioning.ts";
import { redispatchWorkflowTask } from "../workflow-task/workflow-task.ts";
import { noteRequest } from "./attached-request.ts";

type Options = Pick<api.WorkflowExecutionOptions, "priority" | "versioningOverride">;
type OptionsUpdated = Init<history.WorkflowExecutionOptionsUpdatedEventAttributes>;

/** The options after the change. One that changes nothing leaves no event. */
export function updateOptions(
  run: Run,
  step: Step,
  { workflowExecutionOptions, updateMask, identity }: workflowservice.UpdateWorkflowExecutionOptionsRequest,
): { readonly options: Init<api.WorkflowExecutionOptions> } | Rejection {
  if (!isOpen(run)) return new Rejection("NOT_FOUND", "workflow execution already completed");
  return {
    options: changeOptions(run, step, { to: workflowExecutionOptions, paths: updateMask?.paths ?? [], identity }),
  };
}

/** `paths`: of the fields of `to` that count, already checked. */
export function changeOptions(
  run: Run,
  step: Step,
  { to, paths, identity }: { to: Init<Options> | undefined; paths: readonly string[]; identity: string },
): Init<api.WorkflowExecutionOptions> {
  const before = { priority: run.start.priority, versioningOverride: wireOverrideOf(run) };
  const after = merged(before, to ?? {}, new Set(paths));
  if (encoded(before) !== encoded(after)) {
    const { priority, versioningOverride } = after;
    recordUpdate(run, step, {
      versioningOverride,
      unsetVersioningOverride: versioningOverride === undefined,
      priority,
      identity,
    });
  }
  return after;
}

function wireOverrideOf({ versioning }: Run): Init<api.VersioningOverride> | undefined {
  return versioning?.override ? wireOverride(versioning.override) : undefined;
}

/** In the newest form alone. */
function plainOverride(given: Init<api.VersioningOverride> | undefined): Init<api.VersioningOverride> | undefined {
  const override = overrideOf(given);
  return override ? wireOverride(override) : undefined;
}

function setOverride(run: Run, given: Init<api.VersioningOverride> | undefined): void {
  const before = run.versioning;
  run.versioning = overridden(before, overrideOf(given));
  indexVersioning(run, before);
}

function encoded(options: Init<Options>): string {
  return String(api.WorkflowExecutionOptions.encode(options));
}

function merged(before: Init<Options>, to: Init<Options>, paths: ReadonlySet<string>): Init<Options> {
  const after = { ...before };
  if (paths.has("priority")) after.priority = to.priority;
  if (["versioning_override", "versioning_override.behavior"].some((path) => paths.has(path)))
    after.versioningOverride = plainOverride(to.versioningOverride);
  const single: Init<common.Priority> = {};
  if (paths.has("priority.priority_key")) single.priorityKey = to.priority?.priorityKey ?? 0;
  if (paths.has("priority.fairness_key")) single.fairnessKey = to.priority?.fairnessKey ?? "";
  if (paths.has("priority.fairness_weight")) single.fairnessWeight = to.priority?.fairnessWeight ?? 0;
  if (Object.keys(single).length > 0) after.priority = { ...after.priority, ...single };
  return after;
}

export interface Attachment {
  /** "" = none is attached. */
  readonly requestId: string;
  readonly links: readonly common.Link[];
  readonly callbacks: readonly common.Callback[];
}

/** A start has found the run open and joins it: what it wants to be remembered by it. */
export function attach(run: Run, step: Step, { requestId, links, callbacks }: Attachment): void {
  recordUpdate(run, step, { attachedRequestId: requestId, attachedCompletionCallbacks: callbacks }, links);
}

/** Gives a run that came of a reset the options and requests of the run before. */
export function reapplyOptions(run: Run, step: Step, event: history.HistoryEvent): void {
  const attributes = event.workflowExecutionOptionsUpdatedEventAttributes;
  if (attributes) recordUpdate(run, step, attributes, event.links);
}

function recordUpdate(run: Run, step: Step, attributes: OptionsUpdated, links: readonly common.Link[] = []): void {
  const before = run.versioning;
  const written = happen(run, step.nowMs, {
    eventType: enums.EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    workerMayIgnore: true,
    links,
    workflowExecutionOptionsUpdatedEventAttributes: attributes,
  });
  applyOptions(run, attributes, { eventId: written ? run.nextEventId - 1 : 0, atMs: step.nowMs });
  if (isRoutedAlike(before, run.versioning)) return;
  redispatchWorkflowTask(run, step);
  redispatchActivities(run, step);
}

/** What the event means for the state. Its id is 0 while it is buffered. */
export function applyOptions(run: Run, attributes: OptionsUpdated, event: { eventId: number; atMs: number }): void {
  const { priority, versioningOverride, unsetVersioningOverride, attachedRequestId } = attributes;
  // A priority that is taken away stays, like in the reference server.
  if (priority) {
    const { priorityKey = 0, fairnessKey = "", fairnessWeight = 0 } = priority;
    run.start = { ...run.start, priority: { priorityKey, fairnessKey, fairnessWeight } };
  }
  if (versioningOverride || unsetVersioningOverride) setOverride(run, versioningOverride);
  if (attachedRequestId) noteRequest(run, attachedRequestId, event.eventId);
  const callbacks = (attributes.attachedCompletionCallbacks ?? []) as readonly common.Callback[];
  registerCallbacks(run, event.atMs, callbacks, attachedRequestId);
  run.changes.core = true;
  run.changes.visibility = true;
}
