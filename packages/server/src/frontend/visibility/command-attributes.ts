/** The search attributes that workflow code sets by its commands: checked and marked with their types, as those of a start are. */
import { Rejection } from "@pawl/engine";
import { type command, type common, enums } from "@pawl/protocol";
import type { Namespace } from "../namespace/namespace-registry.ts";
import { attributesToSet, attributesToUpsert, type CustomAttributes } from "./search-attribute.ts";

const { CONTINUE_AS_NEW_WORKFLOW_EXECUTION, START_CHILD_WORKFLOW_EXECUTION, UPSERT_WORKFLOW_SEARCH_ATTRIBUTES } =
  enums.CommandType;
const carriers: readonly number[] = [
  CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
  START_CHILD_WORKFLOW_EXECUTION,
  UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
];

/** The refusal is what the workflow task fails with. */
export function withTypedAttributes(
  commands: command.Command[],
  namespace: Namespace,
  custom: CustomAttributes,
): command.Command[] | Rejection {
  if (!commands.some(({ commandType }) => carriers.includes(commandType))) return commands;
  const typed: command.Command[] = [];
  for (const one of commands) {
    const changed = typedCommand(one, namespace, custom);
    if (changed instanceof Rejection) return changed;
    typed.push(changed);
  }
  return typed;
}

function typedCommand(
  one: command.Command,
  namespace: Namespace,
  custom: CustomAttributes,
): command.Command | Rejection {
  const {
    upsertWorkflowSearchAttributesCommandAttributes: upsert,
    continueAsNewWorkflowExecutionCommandAttributes: next,
    startChildWorkflowExecutionCommandAttributes: child,
  } = one;
  if (upsert) {
    const searchAttributes = attributesToUpsert(upsert.searchAttributes, namespace, custom);
    if (searchAttributes instanceof Rejection) return searchAttributes;
    return { ...one, upsertWorkflowSearchAttributesCommandAttributes: { ...upsert, searchAttributes } };
  }
  const given: { searchAttributes?: common.SearchAttributes | undefined } | undefined = next ?? child;
  if (!given?.searchAttributes) return one;
  const searchAttributes = attributesToSet(given.searchAttributes, namespace, custom);
  if (searchAttributes instanceof Rejection) return searchAttributes;
  return {
    ...one,
    ...(next && { continueAsNewWorkflowExecutionCommandAttributes: { ...next, searchAttributes } }),
    ...(child && { startChildWorkflowExecutionCommandAttributes: { ...child, searchAttributes } }),
  };
}
