/** Starting a workflow whose id is or was in use. */
import { enums } from "@pawl/protocol";
import { complete, fail } from "./requests.ts";
import { type Story, story } from "./story.ts";

const Reuse = enums.WorkflowIdReusePolicy;
const Conflict = enums.WorkflowIdConflictPolicy;

/** Every reuse policy on a workflow that completed and on one that failed, and every conflict policy on one that runs. */
export function idPolicyStories(): Story[] {
  const stories: Story[] = [];
  for (const [policy, workflowIdReusePolicy] of Object.entries(Reuse)) {
    for (const [ended, command] of [
      ["completed", complete()],
      ["failed", fail()],
    ] as const) {
      const name = `reuse-${policy}-${ended}`.toLowerCase();
      const sentence = `starting again under reuse policy ${policy} after a workflow ${ended}`;
      stories.push(
        story(name, sentence, async (s) => {
          await s.start();
          await s.step([command]);
          await s.attempt("StartWorkflowExecution", s.startRequest({ requestId: "second", workflowIdReusePolicy }));
          await s.describe();
        }),
      );
    }
    for (const [conflict, workflowIdConflictPolicy] of Object.entries(Conflict)) {
      const name = `conflict-${policy}-${conflict}`.toLowerCase();
      const sentence = `starting under reuse policy ${policy} and conflict policy ${conflict} while a workflow runs`;
      stories.push(
        story(name, sentence, async (s) => {
          await s.start();
          const policies = { workflowIdReusePolicy, workflowIdConflictPolicy };
          const answer = await s.attempt(
            "StartWorkflowExecution",
            s.startRequest({ requestId: "second", ...policies }),
          );
          if (answer) s.meetRun(s.name, answer.runId);
          await s.describe();
        }),
      );
    }
  }
  return stories;
}
