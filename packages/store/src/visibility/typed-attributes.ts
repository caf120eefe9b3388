/** Attributes as rows hold them now, from rows that were written before texts were kept as words and a list's single value as a list. */

import { activity, type common, schedule, workflow } from "@pawl/protocol";
import { kindOfCode } from "../kind-code.ts";
import type { ExecutionKind } from "../store.ts";
import { storedName, storedValue } from "./visibility-attributes.ts";

type Payloads = Readonly<Record<string, common.Payload>>;

/** What a row of each kind's list shows. */
const shown: Readonly<Record<ExecutionKind, (info: Uint8Array) => Payloads | undefined>> = {
  workflow: (info) => workflow.WorkflowExecutionInfo.decode(info).searchAttributes?.indexedFields,
  activity: (info) => activity.ActivityExecutionListInfo.decode(info).searchAttributes?.indexedFields,
  schedule: (info) => schedule.ScheduleListEntry.decode(info).searchAttributes?.indexedFields,
};

/** The same text when nothing is to change. */
export function typedAttributesJson(kind: number, attributes: string, info: Uint8Array): string {
  const values = JSON.parse(attributes) as Record<string, unknown>;
  let isChanged = false;
  for (const [name, payload] of Object.entries(payloadsOf(kindOfCode(kind), info))) {
    const key = storedName(name);
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (typeof value !== "string") continue;
    const type = payload.metadata["type"] ? new TextDecoder().decode(payload.metadata["type"]) : "";
    if (type !== "Text" && type !== "KeywordList") continue;
    values[key] = type === "Text" ? storedValue({ text: value }) : [value];
    isChanged = true;
  }
  return isChanged ? JSON.stringify(values) : attributes;
}

/** A row whose bytes are not what its kind shows keeps its attributes as they are. */
function payloadsOf(kind: ExecutionKind, info: Uint8Array): Payloads {
  try {
    return shown[kind](info) ?? {};
  } catch {
    return {};
  }
}
