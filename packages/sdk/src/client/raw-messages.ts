/** Messages of the API that clients take and give as they are, under the names that the official packages have for them. */
import type { activity, workflow, workflowservice } from "@pawl/protocol";

/** The API's request to start a workflow. */
export type StartWorkflowExecutionRequest = workflowservice.StartWorkflowExecutionRequest;
/** The API's request for a page of a history. */
export type GetWorkflowExecutionHistoryRequest = workflowservice.GetWorkflowExecutionHistoryRequest;
/** The API's description of a workflow: `raw` of a {@link WorkflowExecutionDescription}. */
export type DescribeWorkflowExecutionResponse = workflowservice.DescribeWorkflowExecutionResponse;
/** What `terminate` resolves to: an empty message. */
export type TerminateWorkflowExecutionResponse = workflowservice.TerminateWorkflowExecutionResponse;
/** What `cancel` resolves to: an empty message. */
export type RequestCancelWorkflowExecutionResponse = workflowservice.RequestCancelWorkflowExecutionResponse;
/** The API's row of a list of workflows: `raw` of a {@link WorkflowExecutionInfo}. */
export type RawWorkflowExecutionInfo = workflow.WorkflowExecutionInfo;
/** The API's description of an activity: `rawInfo` of an {@link ActivityExecutionDescription}. */
export type RawActivityExecutionInfo = activity.ActivityExecutionInfo;
/** The API's row of a list of activities. */
export type RawActivityExecutionListInfo = activity.ActivityExecutionListInfo;
/** The completion callbacks of an activity, as the API has them. */
export type RawActivityExecutionCallbacks = activity.CallbackInfo[];
