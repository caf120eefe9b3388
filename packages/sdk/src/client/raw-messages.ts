/** Messages of the API that clients take and give as they are, under the names that the official packages have for them. */
import type { activity, workflow, workflowservice } from "@pawl/protocol";

/** The wire's request to start a workflow. */
export type StartWorkflowExecutionRequest = workflowservice.StartWorkflowExecutionRequest;
/** The wire's request for a page of a history. */
export type GetWorkflowExecutionHistoryRequest = workflowservice.GetWorkflowExecutionHistoryRequest;
/** The wire's description of a workflow: `raw` of a {@link WorkflowExecutionDescription}. */
export type DescribeWorkflowExecutionResponse = workflowservice.DescribeWorkflowExecutionResponse;
/** What `terminate` resolves to; it says nothing. */
export type TerminateWorkflowExecutionResponse = workflowservice.TerminateWorkflowExecutionResponse;
/** What `cancel` resolves to; it says nothing. */
export type RequestCancelWorkflowExecutionResponse = workflowservice.RequestCancelWorkflowExecutionResponse;
/** The wire's row of a list of workflows: `raw` of a {@link WorkflowExecutionInfo}. */
export type RawWorkflowExecutionInfo = workflow.WorkflowExecutionInfo;
/** The wire's description of an activity: `rawInfo` of an {@link ActivityExecutionDescription}. */
export type RawActivityExecutionInfo = activity.ActivityExecutionInfo;
/** The wire's row of a list of activities. */
export type RawActivityExecutionListInfo = activity.ActivityExecutionListInfo;
/** Who is told of an activity's end, as the wire has it. */
export type RawActivityExecutionCallbacks = activity.CallbackInfo[];
