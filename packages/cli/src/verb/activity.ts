/** `pawl activity …`: activities of workflows, and standalone ones, which have no workflow id. */
import type { Definition } from "../definition.ts";
import { linkCommand } from "./activity-link.ts";

export const activityCommands: readonly Definition[] = [linkCommand];
