/** The statuses of executions as filters and counts write them: `Running`, `ContinuedAsNew`, … */
import { enums } from "@pawl/protocol";

export interface StatusNames {
  nameOf(status: number): string;
  /** By name, also as the enum member is written in full, or by number; undefined when there is no such status. */
  statusOf(text: string | number): number | undefined;
}

function statusNames(members: Readonly<Record<string, number>>, memberPrefix: string): StatusNames {
  /** CONTINUED_AS_NEW → ContinuedAsNew */
  const names = new Map<number, string>(
    Object.entries(members).map(([name, status]) => [
      status,
      name
        .split("_")
        .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
        .join(""),
    ]),
  );
  const byName = new Map([...names].map(([status, name]) => [name, status]));
  return {
    nameOf: (status) => names.get(status) ?? String(status),
    statusOf: (text) => {
      if (typeof text === "number") return names.has(text) ? text : undefined;
      const member = text.startsWith(memberPrefix) ? text.slice(memberPrefix.length) : undefined;
      if (member === undefined) return byName.get(text);
      return Object.hasOwn(members, member) ? members[member] : undefined;
    },
  };
}

export const workflowStatuses = statusNames(enums.WorkflowExecutionStatus, "WORKFLOW_EXECUTION_STATUS_");
export const activityStatuses = statusNames(enums.ActivityExecutionStatus, "ACTIVITY_EXECUTION_STATUS_");
