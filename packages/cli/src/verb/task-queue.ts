/** `pawl task-queue …`: who polls a queue, how much waits there, and what it may hand out. */
import { enums } from "@pawl/sdk/proto";
import { type Definition, define } from "../command/definition.ts";
import { choice, list, onOff, required, text, type Values } from "../command/flag.ts";
import { Failure } from "../failure.ts";
import type { Json } from "../output/json.ts";
import type { Column } from "../output/output.ts";
import { pairs } from "../output/pairs.ts";
import type { Session } from "../session.ts";
import { enumValue } from "./workflow-start.ts";

const queue = required("name", "the task queue", { short: "t" });
const types = ["workflow", "activity", "nexus"] as const;

const pollerColumns: readonly Column[] = [
  { heading: "Type", path: "taskQueueType" },
  { heading: "Identity", path: "identity" },
  { heading: "LastPoll", path: "lastAccessTime", kind: "time" },
  { heading: "RatePerSecond", path: "ratePerSecond" },
];

const statsColumns: readonly Column[] = [
  { heading: "Type", path: "taskQueueType" },
  { heading: "Waiting", path: "stats.approximateBacklogCount" },
  { heading: "OldestFor", path: "stats.approximateBacklogAge", kind: "duration" },
  { heading: "AddedPerSecond", path: "stats.tasksAddRate" },
  { heading: "HandedOutPerSecond", path: "stats.tasksDispatchRate" },
];

async function describeType(session: Session, name: string, type: (typeof types)[number]): Promise<Json> {
  const answer = await session.call("DescribeTaskQueue", {
    ...{ namespace: session.namespace, taskQueue: { name }, reportStats: true, reportConfig: true },
    taskQueueType: enumValue(enums.TaskQueueType, type),
  });
  return { taskQueueType: type, ...(await session.json("DescribeTaskQueue", answer)) };
}

const describe = define({
  path: "task-queue describe",
  summary: "Show who polls a task queue, and what waits there",
  flags: { taskQueue: queue, taskQueueType: choice(types, "only this kind of task; default: all") },
  argument: "taskQueue",
  examples: ["task-queue describe orders"],
  async run(session, { taskQueue, taskQueueType }) {
    const asked = taskQueueType === undefined ? types : [taskQueueType];
    const found = await Promise.all(asked.map((type) => describeType(session, taskQueue, type)));
    const pollers = found.flatMap(({ taskQueueType: type, pollers: all = [] }) =>
      all.map((poller: Json) => ({ taskQueueType: type, ...poller })),
    );
    const { output } = session;
    output.json({ taskQueue, types: found });
    if (output.format !== "text") return;
    output.title("Tasks");
    output.table(statsColumns, found);
    output.title(`\nPollers: ${pollers.length}`);
    if (pollers.length > 0) output.table(pollerColumns, pollers);
    else output.say(output.paint("No worker has polled this queue in the last minutes.", "yellow"));
  },
});

const partitions = define({
  path: "task-queue list-partition",
  summary: "Show into which partitions a task queue is divided",
  flags: { taskQueue: queue },
  argument: "taskQueue",
  async run(session, { taskQueue }) {
    const answer = await session.call("ListTaskQueuePartitions", {
      ...{ namespace: session.namespace, taskQueue: { name: taskQueue } },
    });
    const json = await session.json("ListTaskQueuePartitions", answer);
    const rows = (["workflow", "activity"] as const).flatMap((type) =>
      (json[`${type}TaskQueuePartitions`] ?? []).map((partition: Json) => ({ taskQueueType: type, ...partition })),
    );
    session.output.json(json);
    if (session.output.format !== "text") return;
    session.output.table(
      [
        { heading: "Type", path: "taskQueueType" },
        { heading: "Partition", path: "key" },
      ],
      rows,
    );
  },
});

const typed = { taskQueue: queue, taskQueueType: { ...choice(types, "which kind of task"), isRequired: true } };

const configColumns: readonly Column[] = [
  { heading: "QueueRate", path: "config.queueRateLimit.rateLimit.requestsPerSecond" },
  { heading: "Reason", path: "config.queueRateLimit.metadata.reason" },
  { heading: "FairnessKeyRate", path: "config.fairnessKeysRateLimitDefault.rateLimit.requestsPerSecond" },
  { heading: "FairnessWeights", path: "config.fairnessWeightOverrides", kind: "json" },
];

const getConfig = define({
  path: "task-queue config get",
  summary: "Show the rates and weights of a task queue",
  flags: typed,
  argument: "taskQueue",
  async run(session, { taskQueue, taskQueueType }) {
    const json = await describeType(session, taskQueue, taskQueueType!);
    session.output.json(json.config ?? {});
    session.output.facts(configColumns, json);
    if (json.config === undefined) session.output.say("Nothing is set: tasks are handed out as fast as workers ask.");
  },
});

const setFlags = {
  ...typed,
  queueRpsLimit: text("rate", "hand out no more than this a second, or `default` for no such limit"),
  queueRpsLimitReason: text("words", "why; it is kept"),
  fairnessKeyRpsLimitDefault: text("rate", "the same for each fairness key, or `default`"),
  fairnessKeyRpsLimitReason: text("words", "why; it is kept"),
  fairnessKeyWeight: list("KEY=WEIGHT", "a key's share in place of what its tasks say, or KEY=default"),
  fairnessKeyWeightClearAll: onOff("all keys have the share that their tasks say"),
};

function rate(given: string | undefined, flag: string, reason: string | undefined) {
  if (given === undefined) return undefined;
  const requestsPerSecond = Number(given);
  if (given === "default") return { reason: reason ?? "" };
  if (given.trim() === "" || !(requestsPerSecond >= 0))
    throw new Failure("usage", `${flag} is a number of tasks a second, or default, not ${JSON.stringify(given)}`);
  return { rateLimit: { requestsPerSecond }, reason: reason ?? "" };
}

const setConfig = define({
  path: "task-queue config set",
  summary: "Set the rates and weights of a task queue",
  flags: setFlags,
  argument: "taskQueue",
  examples: ["task-queue config set orders --task-queue-type activity --queue-rps-limit 50"],
  async run(session, flags: Values<typeof setFlags>) {
    const weights = Object.entries(pairs(flags.fairnessKeyWeight, "--fairness-key-weight"));
    const queueRate = rate(flags.queueRpsLimit, "--queue-rps-limit", flags.queueRpsLimitReason);
    const keyRate = rate(
      flags.fairnessKeyRpsLimitDefault,
      "--fairness-key-rps-limit-default",
      flags.fairnessKeyRpsLimitReason,
    );
    const isClearing = flags.fairnessKeyWeightClearAll;
    if (isClearing && weights.length > 0)
      throw new Failure("usage", "--fairness-key-weight and --fairness-key-weight-clear-all exclude each other");
    if (queueRate === undefined && keyRate === undefined && weights.length === 0 && !isClearing)
      throw new Failure(
        "usage",
        "say what to set: --queue-rps-limit, --fairness-key-rps-limit-default or --fairness-key-weight",
      );
    const answer = await session.call("UpdateTaskQueueConfig", {
      ...{ namespace: session.namespace, identity: session.identity, taskQueue: flags.taskQueue },
      taskQueueType: enumValue(enums.TaskQueueType, flags.taskQueueType),
      updateQueueRateLimit: queueRate,
      updateFairnessKeyRateLimitDefault: keyRate,
      setFairnessWeightOverrides: Object.fromEntries(
        weights.filter(([, weight]) => weight !== "default").map(([key, weight]) => [key, weightOf(weight)]),
      ),
      unsetFairnessWeightOverrides: isClearing
        ? await weighedKeys(session, flags)
        : weights.filter(([, weight]) => weight === "default").map(([key]) => key),
    });
    session.output.thing(configColumns, await session.json("UpdateTaskQueueConfig", answer));
  },
});

async function weighedKeys(session: Session, { taskQueue, taskQueueType }: Values<typeof setFlags>): Promise<string[]> {
  const { config } = await describeType(session, taskQueue, taskQueueType!);
  return Object.keys(config?.fairnessWeightOverrides ?? {});
}

function weightOf(given: string): number {
  const weight = Number(given);
  if (given.trim() !== "" && weight > 0) return weight;
  throw new Failure("usage", `a weight is a number above 0, or default, not ${JSON.stringify(given)}`);
}

export const taskQueueCommands: readonly Definition[] = [describe, partitions, getConfig, setConfig];
