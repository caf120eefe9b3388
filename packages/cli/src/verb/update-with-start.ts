/** `pawl workflow start-update-with-start` and `execute-update-with-start`: an update, and the workflow first if it does not run; both or neither. */
import { enums } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, list, onOff, required, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import { payloadsOf } from "../payload.ts";
import type { Session } from "../session.ts";
import { headerOf, showUpdate } from "./workflow-message.ts";
import { enumValue, startFlags, startRequest } from "./workflow-start.ts";

const flags = {
  ...startFlags,
  workflowId: required("id", "its workflow id", { short: "w" }),
  updateName: required("name", "the update", { aliases: ["update-type"] }),
  updateId: text("id", "its id, by which it is made only once; default: a new one"),
  updateFirstExecutionRunId: text("id", "only if the chain of runs began with this one"),
  updateInput: list("json", "an argument of the update, as JSON"),
  updateInputFile: list("file", "a file with an argument of the update, as JSON"),
  updateInputMeta: list("KEY=VALUE", "metadata of the update's arguments"),
  updateInputBase64: onOff("the update's arguments are written in base64"),
  runId: text("id", "the run, if one is there already", { short: "r" }),
};

const stages = enums.UpdateWorkflowExecutionLifecycleStage;

async function updateWithStart(session: Session, given: Values<typeof flags>, stage: "Accepted" | "Completed") {
  if (given.idConflictPolicy === undefined)
    throw new Failure("usage", "say with --id-conflict-policy what to do when the workflow runs: UseExisting or Fail");
  const { namespace, identity } = session;
  const { workflowId, runId = "", updateName, updateId = crypto.randomUUID() } = given;
  const wanted = enumValue(stages, stage);
  const update = {
    ...{ input: given.updateInput, inputFile: given.updateInputFile },
    ...{ inputMeta: given.updateInputMeta, inputBase64: given.updateInputBase64 },
  };
  const args = payloadsOf(update, "--update-input");
  const updateWorkflow = {
    ...{ namespace, workflowExecution: { workflowId, runId }, waitPolicy: { lifecycleStage: wanted } },
    firstExecutionRunId: given.updateFirstExecutionRunId ?? "",
    request: { meta: { updateId, identity }, input: { name: updateName, args, header: headerOf(given.headers) } },
  };
  const operations = [{ startWorkflow: startRequest(session, given) }, { updateWorkflow }];
  const { responses } = await session.wait("ExecuteMultiOperation", { namespace, operations });
  let answer = responses[1]?.updateWorkflow;
  while (answer === undefined || (answer.stage < wanted && answer.outcome === undefined)) {
    // The server answers before its own patience ends, and has to be asked on.
    const updateRef = {
      updateId,
      workflowExecution: { workflowId, runId: responses[0]?.startWorkflow?.runId ?? runId },
    };
    const request = { namespace, identity, updateRef, waitPolicy: { lifecycleStage: wanted } };
    answer = { ...answer!, ...(await session.wait("PollWorkflowExecutionUpdate", request)) };
  }
  showUpdate(session, updateId, updateName, await session.json("UpdateWorkflowExecution", answer));
}

export const updateWithStartCommands: readonly Definition[] = [
  define({
    path: "workflow start-update-with-start",
    summary: "Send an update, and start the workflow first if it does not run; wait until it is accepted",
    flags: { ...flags, updateWaitForStage: choice(["accepted"], "how far to wait; there is but one choice") },
    run: (session, given) => updateWithStart(session, given, "Accepted"),
  }),
  define({
    path: "workflow execute-update-with-start",
    summary: "Send an update, and start the workflow first if it does not run; wait for the update's outcome",
    flags,
    examples: [
      `workflow execute-update-with-start -w cart-1 --type Cart -t carts --id-conflict-policy UseExisting --update-name add --update-input '"chair"'`,
    ],
    run: (session, given) => updateWithStart(session, given, "Completed"),
  }),
];
