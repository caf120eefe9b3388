/** A story's worker deployment, which is called as the story is: its workers by build id, and routing that has taken effect. */
import { setTimeout as delay } from "node:timers/promises";
import { enums, type Init, type RequestOf } from "@pawl/protocol";
import type { ActivityTask, Play, WorkflowTask } from "./story.ts";

type Completion = Init<RequestOf<"RespondWorkflowTaskCompleted">>;

const namespace = "default";
/** The shortest that the servers accept. */
const glanceTimeoutMs = 2_500;
const settledWithinMs = 10_000;
const settledPollMs = 100;

export class Deployed {
  readonly #play: Play;
  readonly #waiting: WorkflowTask[] = [];

  constructor(play: Play) {
    this.#play = play;
  }

  version(buildId: string) {
    return { deploymentName: this.#play.name, buildId };
  }

  /** What a worker says of itself. */
  worker(buildId: string) {
    return { ...this.version(buildId), workerVersioningMode: enums.WorkerVersioningMode.VERSIONED };
  }

  /** Workers of these builds poll the story's queue, until the server knows of it. */
  async seen(...buildIds: string[]): Promise<void> {
    const { name } = this.#play;
    for (const buildId of buildIds) {
      const request = { namespace, taskQueue: { name }, identity: "worker", deploymentOptions: this.worker(buildId) };
      const options = { timeoutMs: glanceTimeoutMs };
      // That a poll is there is enough: the server may answer late, or not at all.
      await Promise.allSettled([
        this.#play.unrecorded("PollWorkflowTaskQueue", request, options),
        this.#play.unrecorded("PollActivityTaskQueue", request, options),
      ]);
      const deploymentVersion = this.version(buildId);
      await this.#until(async () => {
        const described = await this.#play.unrecorded("DescribeWorkerDeploymentVersion", {
          namespace,
          deploymentVersion,
        });
        return described.workerDeploymentVersionInfo?.taskQueueInfos.length === 2;
      });
    }
  }

  /** Makes the version current, "" = workers without one, and waits until both kinds of the queue route by it. */
  async setCurrent(buildId: string): Promise<void> {
    const request = { namespace, deploymentName: this.#play.name, buildId, identity: "client" };
    await this.#play.call("SetWorkerDeploymentCurrentVersion", request);
    await this.#routed((info) => (info?.currentDeploymentVersion?.buildId ?? "") === buildId);
  }

  async setRamping(buildId: string, percentage: number): Promise<void> {
    const request = { namespace, deploymentName: this.#play.name, buildId, percentage, identity: "client" };
    await this.#play.call("SetWorkerDeploymentRampingVersion", request);
    await this.#routed((info) => info?.rampingVersionPercentage === percentage);
  }

  async #routed(
    isDone: (info: NonNullable<Awaited<ReturnType<Deployed["queue"]>>>["versioningInfo"]) => boolean,
  ): Promise<void> {
    for (const type of [enums.TaskQueueType.WORKFLOW, enums.TaskQueueType.ACTIVITY])
      await this.#until(async () => isDone((await this.queue(type)).versioningInfo));
  }

  queue(taskQueueType: enums.TaskQueueType) {
    return this.#play.unrecorded("DescribeTaskQueue", {
      namespace,
      taskQueue: { name: this.#play.name },
      taskQueueType,
    });
  }

  workflowTask(buildId: string): Promise<WorkflowTask> {
    return this.#play.workflowTask(this.#play.name, { deploymentOptions: this.worker(buildId) });
  }

  /** The next task of this workflow, unrecorded, whichever of several comes first. */
  async taskOf(buildId: string, workflowId: string): Promise<WorkflowTask> {
    const request = { namespace, taskQueue: { name: this.#play.name }, deploymentOptions: this.worker(buildId) };
    for (;;) {
      const found = this.#waiting.findIndex((task) => task.workflowExecution?.workflowId === workflowId);
      if (found >= 0) return this.#waiting.splice(found, 1)[0]!;
      this.#waiting.push(this.#play.opened(await this.#play.unrecorded("PollWorkflowTaskQueue", request)));
    }
  }

  activityTask(buildId: string): Promise<ActivityTask> {
    return this.#play.activityTask(this.#play.name, { deploymentOptions: this.worker(buildId) });
  }

  complete(
    task: WorkflowTask,
    buildId: string,
    versioningBehavior: enums.VersioningBehavior,
    commands: Completion["commands"] = [],
  ) {
    return this.#play.complete(task, commands, { deploymentOptions: this.worker(buildId), versioningBehavior });
  }

  /** Takes the next workflow task and completes it. */
  async step(
    buildId: string,
    versioningBehavior: enums.VersioningBehavior,
    commands: Completion["commands"] = [],
  ): Promise<void> {
    await this.complete(await this.workflowTask(buildId), buildId, versioningBehavior, commands);
  }

  async #until(isDone: () => Promise<boolean>): Promise<void> {
    const giveUp = AbortSignal.timeout(settledWithinMs);
    // The reference server hands a change on to its queues in its own time, and refuses to describe what it is about to make.
    while (!(await isDone().catch(() => false))) {
      if (giveUp.aborted) throw new Error("the deployment did not come to rest");
      await delay(settledPollMs);
    }
    await delay(settledPollMs);
  }
}
