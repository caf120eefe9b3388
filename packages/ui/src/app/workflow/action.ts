/** What every action on a run is given. */
import type { RunAddress } from "../api/workflows.ts";

export interface ActionProps {
  readonly address: RunAddress;
  readonly onClose: () => void;
}

/** As flags of a command line. */
export function idsOf({ namespace, workflowId, runId }: RunAddress) {
  return { namespace, "workflow-id": workflowId, "run-id": runId };
}
