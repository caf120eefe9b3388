/**
 * What a server and a worker in one process say to each other beside the API. Both end together, so the worker may have a workflow task before the commit that
 * starts it: what it makes of the task counts only once that commit has been made. What reaches beyond the process, such as a local activity, has to wait for it.
 */

/** A header of polls for workflow tasks: the worker knows what a task before its commit is. Its value is "1". */
export const earlyTasksHeader = "pawl-early-tasks";

/**
 * Takes the token of a workflow task, and answers nothing when the commit that starts it has been made; NOT_FOUND when it never will be, or when the task is over.
 */
export const confirmWorkflowTaskPath = "/pawl.embedded.v1.WorkerService/ConfirmWorkflowTask";
