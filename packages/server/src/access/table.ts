/**
 * Who may do what, all of it: a row for every method of the API, every route of HTTP and every stream. What has no row may be done by nobody; a method
 * without one does not compile.
 */
import type { MethodName } from "@pawl/protocol";
import { needBits } from "./permission.ts";

export type TokenKind = "workflow" | "activity" | "query" | "nexus";

export type AccessRow =
  /** For everybody, also for who does not say who he is. */
  | { readonly of: "open" }
  /** For everybody who says who he is. */
  | { readonly of: "anybody" }
  /** The same; the answer shows what belongs to namespaces in which he may do something. */
  | { readonly of: "his" }
  /** With one of these rights over the server as a whole. */
  | { readonly of: "system"; readonly needs: number }
  /** With one of these rights in the namespace that the request names, or its task token does. */
  | { readonly of: "namespace"; readonly needs: number; readonly token?: TokenKind };

const { read, work, write, admin } = needBits;

const open: AccessRow = { of: "open" };
const anybody: AccessRow = { of: "anybody" };
const whatIsHis: AccessRow = { of: "his" };
const readsSystem: AccessRow = { of: "system", needs: read };
const administersSystem: AccessRow = { of: "system", needs: admin };
const reads: AccessRow = { of: "namespace", needs: read };
const works: AccessRow = { of: "namespace", needs: work };
/** What a worker has to read, too. */
const readsOrWorks: AccessRow = { of: "namespace", needs: read | work };
const writes: AccessRow = { of: "namespace", needs: write };
const administers: AccessRow = { of: "namespace", needs: admin };
const answers = (token: TokenKind): AccessRow => ({ of: "namespace", needs: work, token });

const methodAccess = {
  // About the server itself.

  GetSystemInfo: anybody,
  GetClusterInfo: anybody,
  ListNamespaces: whatIsHis,
  GetSearchAttributes: readsSystem,
  ListClusters: readsSystem,
  GetNexusEndpoint: readsSystem,
  ListNexusEndpoints: readsSystem,
  RegisterNamespace: administersSystem,
  AddOrUpdateRemoteCluster: administersSystem,
  RemoveRemoteCluster: administersSystem,
  CreateNexusEndpoint: administersSystem,
  UpdateNexusEndpoint: administersSystem,
  DeleteNexusEndpoint: administersSystem,

  // Namespaces and what belongs to them as a whole.

  UpdateNamespace: administers,
  DeprecateNamespace: administers,
  AddSearchAttributes: administers,
  RemoveSearchAttributes: administers,
  DeleteNamespace: administers,
  DescribeNamespace: readsOrWorks,
  ListSearchAttributes: reads,

  // To look.

  GetWorkflowExecutionHistoryReverse: reads,
  ListOpenWorkflowExecutions: reads,
  ListClosedWorkflowExecutions: reads,
  ListWorkflowExecutions: reads,
  ListArchivedWorkflowExecutions: reads,
  ScanWorkflowExecutions: reads,
  CountWorkflowExecutions: reads,
  QueryWorkflow: reads,
  DescribeWorkflowExecution: reads,
  DescribeTaskQueue: reads,
  ListTaskQueuePartitions: reads,
  DescribeSchedule: reads,
  ListScheduleMatchingTimes: reads,
  ListSchedules: reads,
  CountSchedules: reads,
  GetWorkerBuildIdCompatibility: reads,
  GetWorkerVersioningRules: reads,
  GetWorkerTaskReachability: reads,
  DescribeDeployment: reads,
  DescribeWorkerDeploymentVersion: reads,
  ListDeployments: reads,
  GetDeploymentReachability: reads,
  GetCurrentDeployment: reads,
  DescribeWorkerDeployment: reads,
  ListWorkerDeployments: reads,
  ValidateWorkerDeploymentVersionComputeConfig: reads,
  PollWorkflowExecutionUpdate: reads,
  DescribeBatchOperation: reads,
  ListBatchOperations: reads,
  DescribeWorkflowRule: reads,
  ListWorkflowRules: reads,
  ListWorkers: reads,
  CountWorkers: reads,
  DescribeWorker: reads,
  DescribeActivityExecution: reads,
  DescribeNexusOperationExecution: reads,
  PollActivityExecution: reads,
  PollNexusOperationExecution: reads,
  ListActivityExecutions: reads,
  ListNexusOperationExecutions: reads,
  CountActivityExecutions: reads,
  CountNexusOperationExecutions: reads,
  PollWorkflowExecutionTimeSkipping: reads,
  GetWorkflowExecutionHistory: readsOrWorks,

  // Tasks.

  PollWorkflowTaskQueue: works,
  PollActivityTaskQueue: works,
  RecordActivityTaskHeartbeatById: works,
  RespondActivityTaskCompletedById: works,
  RespondActivityTaskFailedById: works,
  RespondActivityTaskCanceledById: works,
  ResetStickyTaskQueue: works,
  ShutdownWorker: works,
  PollNexusTaskQueue: works,
  RecordWorkerHeartbeat: works,
  RespondWorkflowTaskCompleted: answers("workflow"),
  RespondWorkflowTaskFailed: answers("workflow"),
  RecordActivityTaskHeartbeat: answers("activity"),
  RespondActivityTaskCompleted: answers("activity"),
  RespondActivityTaskFailed: answers("activity"),
  RespondActivityTaskCanceled: answers("activity"),
  RespondQueryTaskCompleted: answers("query"),
  RespondNexusTaskCompleted: answers("nexus"),
  RespondNexusTaskFailed: answers("nexus"),

  // To start, steer and end.

  StartWorkflowExecution: writes,
  ExecuteMultiOperation: writes,
  RequestCancelWorkflowExecution: writes,
  SignalWorkflowExecution: writes,
  SignalWithStartWorkflowExecution: writes,
  ResetWorkflowExecution: writes,
  TerminateWorkflowExecution: writes,
  DeleteWorkflowExecution: writes,
  CreateSchedule: writes,
  UpdateSchedule: writes,
  PatchSchedule: writes,
  DeleteSchedule: writes,
  UpdateWorkerBuildIdCompatibility: writes,
  UpdateWorkerVersioningRules: writes,
  SetCurrentDeployment: writes,
  SetWorkerDeploymentCurrentVersion: writes,
  DeleteWorkerDeployment: writes,
  DeleteWorkerDeploymentVersion: writes,
  SetWorkerDeploymentRampingVersion: writes,
  CreateWorkerDeployment: writes,
  CreateWorkerDeploymentVersion: writes,
  UpdateWorkerDeploymentVersionComputeConfig: writes,
  UpdateWorkerDeploymentVersionMetadata: writes,
  SetWorkerDeploymentManager: writes,
  UpdateWorkflowExecution: writes,
  StartBatchOperation: writes,
  StopBatchOperation: writes,
  UpdateActivityOptions: writes,
  UpdateWorkflowExecutionOptions: writes,
  PauseActivity: writes,
  UnpauseActivity: writes,
  ResetActivity: writes,
  CreateWorkflowRule: writes,
  DeleteWorkflowRule: writes,
  TriggerWorkflowRule: writes,
  UpdateTaskQueueConfig: writes,
  FetchWorkerConfig: writes,
  UpdateWorkerConfig: writes,
  PauseWorkflowExecution: writes,
  UnpauseWorkflowExecution: writes,
  StartActivityExecution: writes,
  StartNexusOperationExecution: writes,
  RequestCancelActivityExecution: writes,
  RequestCancelNexusOperationExecution: writes,
  TerminateActivityExecution: writes,
  DeleteActivityExecution: writes,
  PauseActivityExecution: writes,
  ResetActivityExecution: writes,
  UnpauseActivityExecution: writes,
  UpdateActivityExecutionOptions: writes,
  TerminateNexusOperationExecution: writes,
  DeleteNexusOperationExecution: writes,
} as const satisfies Record<MethodName, AccessRow>;

/** By the operation's name, as in metrics. Routes that carry a method of the API have no row here: the method has. */
export const routeAccess = {
  MakeActivityLink: works,
  // Whoever has the link has the right: it is signed, of one attempt, and expires.
  ShowActivityLink: open,
  AnswerActivityLink: open,
  ActivityProgress: reads,
  ListTaskQueues: reads,
  PendingActivities: reads,
  Metrics: readsSystem,
  MetricsHistory: readsSystem,
  WhyWorkflow: reads,
  StartNexusOperationByEndpoint: writes,
  CancelNexusOperationByEndpoint: writes,
  StartNexusOperationByTaskQueue: writes,
  CancelNexusOperationByTaskQueue: writes,
  // Whoever has the signed token that the caller's request carried has the right.
  CompleteNexusOperation: open,
  CompleteNexusOperationOfNamespace: open,
  OpenApi: open,
  Health: open,
  // Whoever opens a session shows his credential with that; who closes one needs none any more.
  OpenSession: open,
  ShowSession: anybody,
  CloseSession: open,
} as const satisfies Record<string, AccessRow>;

/** What a route may be called: one that is in neither table does not compile. */
export type Operation = MethodName | keyof typeof routeAccess;

/** By path. */
export const streamAccess: Readonly<Record<string, AccessRow>> = {
  "/grpc.health.v1.Health/Check": open,
  "/grpc.health.v1.Health/Watch": open,
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": anybody,
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": anybody,
};

/** The row of a method, a route or a stream by its name. */
export function accessOf(operation: string): AccessRow | undefined {
  const table = [methodAccess, routeAccess, streamAccess].find((rows) => Object.hasOwn(rows, operation));
  return (table as Readonly<Record<string, AccessRow>> | undefined)?.[operation];
}
