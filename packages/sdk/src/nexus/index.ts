/** `@pawl/sdk/nexus`: what handlers of Nexus operations may use. Services and handlers themselves are made with `nexus-rpc`. */
export { getClient, log, metricMeter, type OperationInfo, operationInfo } from "./context.ts";
export {
  signalWithStartWorkflow,
  startWorkflow,
  type WorkflowHandle,
  WorkflowRunOperationHandler,
  type WorkflowRunOperationStartHandler,
  type WorkflowSignalWithStartOptions,
  type WorkflowStartOptions,
} from "./workflow-run.ts";
