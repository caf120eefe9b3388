/**
 * What a server and a worker in one process say to each other in addition to the API. Both end together, so the worker may be given a workflow task before the
 * commit that starts it: its answer counts only once that commit has succeeded. Whatever has effects outside the process, such as a local activity, must wait for
 * the commit.
 */

/** A header of polls for workflow tasks: the worker can deal with a task that comes before its commit. Its value is "1". */
export const earlyTasksHeader = "pawl-early-tasks";

/**
 * Takes the token of a workflow task, and answers nothing when the commit that starts it has been made; NOT_FOUND when it never will be, or when the task is over.
 */
export const confirmWorkflowTaskPath = "/pawl.embedded.v1.WorkerService/ConfirmWorkflowTask";
