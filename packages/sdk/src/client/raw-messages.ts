/** Messages of the API that clients take and give as they are, under the names that the official packages have for them. */
import type { activity, workflow, workflowservice } from "@pawl/protocol";

export type StartWorkflowExecutionRequest = workflowservice.StartWorkflowExecutionRequest;
export type GetWorkflowExecutionHistoryRequest = workflowservice.GetWorkflowExecutionHistoryRequest;
export type DescribeWorkflowExecutionResponse = workflowservice.DescribeWorkflowExecutionResponse;
export type TerminateWorkflowExecutionResponse = workflowservice.TerminateWorkflowExecutionResponse;
export type RequestCancelWorkflowExecutionResponse = workflowservice.RequestCancelWorkflowExecutionResponse;
export type RawWorkflowExecutionInfo = workflow.WorkflowExecutionInfo;
export type RawActivityExecutionInfo = activity.ActivityExecutionInfo;
export type RawActivityExecutionListInfo = activity.ActivityExecutionListInfo;
export type RawActivityExecutionCallbacks = activity.CallbackInfo[];
