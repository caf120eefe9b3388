/** Workers that poll, work and answer as SDKs do, and die, dawdle or repeat themselves when the seed says so. */
import { enums, history, type ResponseOf } from "@pawl/protocol";
import { text } from "../stories/requests.ts";
import { answerUpdates, completeUpdates, type Verdict } from "../stories/update-messages.ts";
import { brokenActivity, decide, taskQueue } from "./decision.ts";
import type { Network } from "./network.ts";
import { poisonIds } from "./poison.ts";
import type { ActivityScript } from "./program.ts";
import type { Process, World } from "./world.ts";

type Event = history.HistoryEvent;
type WorkflowTask = ResponseOf<"PollWorkflowTaskQueue">;
type ActivityTask = ResponseOf<"PollActivityTaskQueue">;

const pollTimeoutMs = 70_000;
const verdicts: readonly Verdict[] = ["complete", "accept", "complete", "reject"];

export class Worker {
  readonly #world: World;
  readonly #network: Network;
  readonly #name: string;
  readonly #isEmbedded: boolean;
  /** Of an embedded worker: the process that it is in. */
  #home: Process | undefined;
  /** Histories by run id, as a cache of runs would hold them. */
  readonly #cache = new Map<string, Event[]>();
  #lives = 1;

  constructor(world: World, network: Network, { name, isEmbedded }: { name: string; isEmbedded: boolean }) {
    this.#world = world;
    this.#network = network;
    this.#name = name;
    this.#isEmbedded = isEmbedded;
  }

  start(): void {
    const { NORMAL, STICKY } = enums.TaskQueueKind;
    const sticky = () => ({ name: this.#stickyQueue, kind: STICKY, normalName: taskQueue });
    this.#loop("workflow", () => this.#pollWorkflowTask(() => ({ name: taskQueue, kind: NORMAL, normalName: "" })));
    this.#loop("sticky", () => this.#pollWorkflowTask(sticky));
    for (const number of [1, 2]) this.#loop(`activity ${number}`, () => this.#pollActivityTask());
  }

  get #stickyQueue(): string {
    return `${this.#name}-${this.#lives}`;
  }

  #loop(what: string, poll: () => Promise<void>): void {
    this.#world.spawn(`${this.#name} ${what}`, async () => {
      while (!this.#world.isOver) {
        const before = this.#world.clock.nowMs();
        await poll();
        if (this.#world.clock.nowMs() - before < 5) await this.#world.sleep(this.#world.chance.between(1, 20));
      }
    });
  }

  /** Where the next call goes: undefined for a worker that is in no server's process. What was begun in another process goes on there, or ends with it. */
  async #at(): Promise<Process | undefined> {
    if (!this.#isEmbedded) return undefined;
    while (this.#world.process === undefined && !this.#world.isOver) await this.#world.sleep(20);
    if (this.#home !== this.#world.process) this.#die();
    this.#home = this.#world.process;
    return this.#home;
  }

  /** Forgets everything, as another process would. */
  #die(): void {
    this.#world.reached("worker dies");
    this.#cache.clear();
    this.#lives += 1;
  }

  async #pollWorkflowTask(queue: () => object): Promise<void> {
    const { chance, faults } = this.#world;
    const home = await this.#at();
    const life = this.#lives;
    const request = { taskQueue: queue(), identity: this.#name };
    const answer = await this.#network.call("PollWorkflowTaskQueue", request, { timeoutMs: pollTimeoutMs, home });
    if (answer.type !== "ok") return this.#world.sleep(chance.between(100, 1_000));
    if (answer.response.taskToken.length === 0 || life !== this.#lives) return;
    if (chance.hits(faults.workerDies)) return this.#die();
    if (chance.hits(faults.workerIsLate)) await this.#world.sleep(chance.between(5_000, 30_000));
    // Some answers come too late for the commit that starts their task.
    if (home && chance.hits(0.2)) await this.#world.sleep(chance.between(1, 5));
    if (answer.response.query) await this.#answerQuery(answer.response, home);
    else await this.#work(answer.response, home);
  }

  /** A task for a question alone, beside the workflow tasks. */
  async #answerQuery(task: WorkflowTask, home: Process | undefined): Promise<void> {
    const events = await this.#eventsOf(task, home);
    if (!events) return;
    const { taskToken } = task;
    const completedType = enums.QueryResultType.ANSWERED;
    const request = { taskToken, completedType, queryResult: signalsIn(events) };
    await this.#network.call("RespondQueryTaskCompleted", request, { home });
  }

  async #work(task: WorkflowTask, home: Process | undefined): Promise<void> {
    const { chance, faults } = this.#world;
    const { runId = "" } = task.workflowExecution ?? {};
    const events = await this.#eventsOf(task, home);
    if (!events) return;
    const isOnDisk = this.#world.safety.run(runId)?.workflowTask.type === "started";
    const isSpeculative = home ? task.messages.length > 0 : !isOnDisk;
    if (task.workflowExecution?.workflowId === poisonIds.task) return this.#die();
    const about = { about: `${runId} ${task.startedEventId}${isSpeculative ? " speculative" : ""}`, home };
    const { taskToken } = task;
    if (chance.hits(faults.workerFailsTask)) {
      const cause = enums.WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE;
      await this.#network.call("RespondWorkflowTaskFailed", { taskToken, cause, identity: this.#name }, about);
      return;
    }
    const answered = answerUpdates(task, () => chance.pick(verdicts));
    const earlier = completeUpdates(acceptedIn(events));
    const request = {
      taskToken,
      identity: this.#name,
      commands: [...earlier.commands, ...answered.commands, ...decide(events, runId)],
      messages: [...earlier.messages, ...answered.messages],
      queryResults: Object.fromEntries(
        Object.keys(task.queries).map((id) => [
          id,
          { resultType: enums.QueryResultType.ANSWERED, answer: signalsIn(events) },
        ]),
      ),
      stickyAttributes: {
        workerTaskQueue: { name: this.#stickyQueue, kind: enums.TaskQueueKind.STICKY, normalName: taskQueue },
        scheduleToStartTimeout: { seconds: 5, nanos: 0 },
      },
      forceCreateNewWorkflowTask: chance.hits(0.05),
    };
    const times = chance.hits(faults.workerAnswersTwice) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      const answer = await this.#network.call("RespondWorkflowTaskCompleted", request, about);
      if (answer.type === "ok") this.#cache.set(runId, events);
      else if (time === 0) this.#cache.delete(runId);
    }
  }

  /** What the task brings, behind what the cache has; all of it from the server where that leaves a gap. */
  async #eventsOf(
    { history: bytes, workflowExecution, ...task }: WorkflowTask,
    home: Process | undefined,
  ): Promise<Event[] | undefined> {
    const fresh = bytes ? history.History.decode(bytes).events : [];
    const first = fresh[0]?.eventId ?? 0;
    if (first === 1) return fresh;
    const known = this.#cache.get(workflowExecution?.runId ?? "");
    // A worker whose answer is still on its way holds more than what it has been told to keep: here it reads that again.
    if (task.query && fresh.length === 0 && known && known.length >= task.previousStartedEventId) return known;
    const startedEventId = task.query ? Number.POSITIVE_INFINITY : task.startedEventId;
    const cached = known?.filter(({ eventId }) => eventId < first) ?? [];
    if (first > 0 && cached.length === first - 1) {
      this.#world.reached("sticky");
      return [...cached, ...fresh];
    }
    const read = workflowExecution && (await this.#network.readHistory(workflowExecution, { home }));
    if (!read) return undefined;
    const all = history.History.decode(read).events;
    // No worker can make anything of a history without a beginning: the task times out, and the check of the end tells why.
    if (all[0]?.eventId !== 1) return undefined;
    const shown = fresh.filter(({ eventId }) => eventId > all.length);
    return [...all, ...shown].filter(({ eventId }) => eventId <= startedEventId);
  }

  async #pollActivityTask(): Promise<void> {
    const { chance, faults } = this.#world;
    const home = await this.#at();
    const request = { taskQueue: { name: taskQueue }, identity: this.#name };
    const answer = await this.#network.call("PollActivityTaskQueue", request, { timeoutMs: pollTimeoutMs, home });
    if (answer.type !== "ok") return this.#world.sleep(chance.between(100, 1_000));
    if (answer.response.taskToken.length === 0) return;
    if (chance.hits(faults.workerDies)) return this.#world.reached("worker dies");
    await this.#act(answer.response, home);
  }

  async #act(task: ActivityTask, home: Process | undefined): Promise<void> {
    const { chance, faults } = this.#world;
    const { taskToken, attempt, activityId, input } = task;
    const script = JSON.parse(new TextDecoder().decode(input?.payloads[0]?.data)) as ActivityScript;
    if (script.kills) return this.#die();
    const about = { about: `${task.activityRunId || task.workflowExecution?.runId} ${activityId} ${attempt}`, home };
    if (script.attemptsMax > 0 && attempt > script.attemptsMax)
      this.#world.violate(`I15: attempt ${attempt} of ${script.attemptsMax} of ${about.about} is given out`);
    for (let beat = 1; beat <= script.heartbeats; beat++) {
      await this.#world.sleep(script.workMs / script.heartbeats);
      const details = text(`${attempt}.${beat}`);
      const answer = await this.#network.call("RecordActivityTaskHeartbeat", { taskToken, details }, about);
      if (answer.type === "refused" && answer.code === "NOT_FOUND") return;
      if (answer.type === "ok" && answer.response.cancelRequested) {
        await this.#network.insist("RespondActivityTaskCanceled", { taskToken, details: text("gone") }, about);
        return;
      }
    }
    if (script.heartbeats === 0) await this.#world.sleep(script.workMs);
    if (chance.hits(faults.workerIsLate)) await this.#world.sleep(chance.between(5_000, 60_000));
    const times = chance.hits(faults.workerAnswersTwice) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      if (attempt <= script.failures) {
        const failure = brokenActivity(script.finalFailure);
        await this.#network.insist("RespondActivityTaskFailed", { taskToken, failure }, about);
      } else await this.#network.insist("RespondActivityTaskCompleted", { taskToken, result: text(activityId) }, about);
    }
  }
}

/** What a worker knows when it is asked. */
function signalsIn(events: readonly Event[]) {
  return text(events.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []));
}

/** Updates that were accepted and not completed: this task completes them. */
function acceptedIn(events: readonly Event[]): Set<string> {
  const open = new Set<string>();
  for (const event of events) {
    const accepted = event.workflowExecutionUpdateAcceptedEventAttributes?.protocolInstanceId;
    if (accepted !== undefined) open.add(accepted);
    open.delete(event.workflowExecutionUpdateCompletedEventAttributes?.meta?.updateId ?? "");
  }
  return open;
}
