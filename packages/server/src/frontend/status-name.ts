/** The status of a workflow as filters and counts write it: `Running`, `ContinuedAsNew`, … */
import { enums } from "@pawl/protocol";

type Status = enums.WorkflowExecutionStatus;

/** CONTINUED_AS_NEW → ContinuedAsNew */
const names = new Map<number, string>(
  Object.entries(enums.WorkflowExecutionStatus).map(([name, status]) => [
    status,
    name
      .split("_")
      .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
      .join(""),
  ]),
);
const byName = new Map<string, Status>([...names].map(([status, name]) => [name, status as Status]));

export function executionStatusName(status: number): string {
  return names.get(status) ?? String(status);
}

/** By name, also as the enum member is written in full, or by number; undefined when there is no such status. */
export function executionStatusOf(text: string | number): Status | undefined {
  if (typeof text === "number") return names.has(text) ? (text as Status) : undefined;
  const member = text.startsWith(memberPrefix) ? text.slice(memberPrefix.length) : undefined;
  if (member === undefined) return byName.get(text);
  const members: Readonly<Record<string, Status>> = enums.WorkflowExecutionStatus;
  return Object.hasOwn(members, member) ? members[member] : undefined;
}

const memberPrefix = "WORKFLOW_EXECUTION_STATUS_";
