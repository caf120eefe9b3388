/** Links between executions that a request carries: how many, how large, and that each says what it points to. */
import type { Rejection } from "@pawl/engine";
import { common } from "@pawl/protocol";
import { limits } from "../limits.ts";
import { invalid } from "./field-rules.ts";

export function linksProblem(links: readonly common.Link[]): Rejection | undefined {
  if (links.length > limits.linksMax)
    return invalid(`cannot attach more than ${limits.linksMax} links per request, got ${links.length}`);
  for (const link of links) {
    const problem = linkProblem(link);
    if (problem) return problem;
  }
  return undefined;
}

function linkProblem(link: common.Link): Rejection | undefined {
  const bytes = common.Link.encode(link).length;
  if (bytes > limits.linkBytesMax) return invalid(`link exceeds allowed size of ${limits.linkBytesMax}, got ${bytes}`);
  if (link.workflowEvent) {
    const { namespace, workflowId, runId, eventRef } = link.workflowEvent;
    if (namespace === "") return invalid("workflow event link must not have an empty namespace field");
    if (workflowId === "") return invalid("workflow event link must not have an empty workflow ID field");
    if (runId === "") return invalid("workflow event link must not have an empty run ID field");
    if (eventRef && eventRef.eventId !== 0 && eventRef.eventType === 0)
      return invalid("workflow event link ref cannot have an unspecified event type and a non-zero event ID");
    return undefined;
  }
  if (link.batchJob)
    return link.batchJob.jobId === "" ? invalid("batch job link must not have an empty job ID") : undefined;
  return link.activity || link.nexusOperation || link.workflow ? undefined : invalid("unsupported link variant");
}
