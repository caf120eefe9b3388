/** Workflows that ask for what cannot be, each in its own way. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  type ChildWorkflowOptions,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
} from "@pawl/sdk/workflow";

interface Activities {
  absent(): Promise<void>;
  take(text: string): Promise<number>;
  give(bytes: number): Promise<string>;
  heartbeats(bytes: number): Promise<void>;
  fails(bytes: number): Promise<void>;
  failsUnwritably(): Promise<void>;
}

const once = { startToCloseTimeout: "1 minute", retry: { maximumAttempts: 1 } } as const;
const remote = proxyActivities<Activities>(once);
const local = proxyLocalActivities<Activities>(once);

export const told = defineSignal<[text: string]>("told");
export const asked = defineQuery<string, [bytes: number]>("asked");
export const changed = defineUpdate<string, [bytes: number]>("changed");

/** What the activity failed with. */
async function causeOf(work: Promise<unknown>): Promise<string> {
  try {
    return `no failure: ${await work}`;
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    const { name, message } = cause as Error;
    const { type, nonRetryable } = cause instanceof ApplicationFailure ? cause : {};
    return `${name} ${type} ${nonRetryable}: ${message}`;
  }
}

export async function missingActivities(): Promise<string[]> {
  return [await causeOf(remote.absent()), await causeOf(local.absent())];
}

export async function activityEnds(bytes: number): Promise<string[]> {
  return [
    await causeOf(remote.give(bytes)),
    await causeOf(remote.heartbeats(bytes)),
    await causeOf(remote.fails(bytes)),
  ];
}

export async function failsUnwritably(): Promise<string> {
  return await causeOf(remote.failsUnwritably());
}

export async function hasBug(order?: { goods: string[] }): Promise<number> {
  return order!.goods.length;
}

const tooMuch = {
  activity: (text: string) => remote.take(text),
  child: (text: string) => executeChild("take", { args: [text] }),
  memo: async (text: string) => upsertMemo({ text }),
  result: async (text: string) => text,
  failure: async (text: string) => {
    throw ApplicationFailure.nonRetryable("too long a story", "Story", text);
  },
  next: (text: string) => continueAsNew<(text: string) => Promise<void>>(text),
  localResult: (text: string) => local.give(text.length),
  many: (text: string) => Promise.all(Array.from({ length: 6 }, () => remote.take(text.slice(0, text.length / 3)))),
};
export type TooMuch = keyof typeof tooMuch;

/** What it does with a text of so many bytes is decided by `what`. */
export async function saysTooMuch(what: TooMuch, bytes: number): Promise<unknown> {
  return await tooMuch[what]("x".repeat(bytes));
}

export async function answers(): Promise<string> {
  let text: string | undefined;
  setHandler(told, (given) => {
    text = given;
  });
  setHandler(asked, (bytes) => "x".repeat(bytes));
  setHandler(changed, (bytes) => "x".repeat(bytes));
  await condition(() => text !== undefined);
  return text!;
}

/** Sets each handler twice. */
export async function handlesTwice(): Promise<string> {
  const heard: string[] = [];
  for (const which of ["first", "second"]) {
    setHandler(told, (text) => {
      heard.push(`${which} ${text}`);
    });
    setHandler(asked, () => which);
    setHandler(changed, () => which);
  }
  await condition(() => heard.length > 0);
  return heard.join();
}

/** Wrong options, by the words that must be in the error. */
const wrong: Record<string, () => unknown> = {
  "ActivityOptions.startToCloseTimeout": () => proxyActivities({ startToCloseTimeout: "soon" as never }).any!(),
  "scheduleToCloseTimeout or startToCloseTimeout": () => proxyActivities({} as never).any!(),
  "RetryPolicy.maximumAttempts": () =>
    proxyActivities({ startToCloseTimeout: 1, retry: { maximumAttempts: 0.5 } }).any!(),
  "RetryPolicy.backoffCoefficient": () =>
    proxyActivities({ startToCloseTimeout: 1, retry: { backoffCoefficient: 0.5 } }).any!(),
  "ActivityOptions.cancellationType": () =>
    proxyActivities({ startToCloseTimeout: 1, cancellationType: "NEVER" as never }).any!(),
  "LocalActivityOptions.startToCloseTimeout": () => proxyLocalActivities({ startToCloseTimeout: -1 }).any!(),
  "LocalActivityOptions.cancellationType": () =>
    proxyLocalActivities({ startToCloseTimeout: 1, cancellationType: "NEVER" as never }).any!(),
  sleep: () => sleep("a while" as never),
  condition: () => condition(() => false, "a while" as never),
  CancellationScope: () => CancellationScope.withTimeout("a while" as never, async () => undefined),
  "ChildWorkflowOptions.workflowRunTimeout": () => child({ workflowRunTimeout: "a while" as never }),
  "ChildWorkflowOptions.parentClosePolicy": () => child({ parentClosePolicy: "ADOPT" as never }),
  "ChildWorkflowOptions.cancellationType": () => child({ cancellationType: "NEVER" as never }),
  "ChildWorkflowOptions.workflowIdReusePolicy": () => child({ workflowIdReusePolicy: "SOMETIMES" as never }),
  upsertMemo: () => upsertMemo({}),
  upsertSearchAttributes: () => upsertSearchAttributes({}),
  'query name "__stack_trace" is reserved': () => setHandler(defineQuery("__stack_trace"), () => "mine"),
  'signal name "__temporal_own" is reserved': () => setHandler(defineSignal("__temporal_own"), () => undefined),
  'update name "__temporal_workflow_stream_publish" is reserved': () =>
    setHandler(defineUpdate("__temporal_workflow_stream_publish"), () => undefined),
  "definition of a signal, query or update": () => setHandler({ type: "event" } as never, () => undefined),
  "search attribute CustomKeywordField": () => upsertSearchAttributes({ CustomKeywordField: "bare" as never }),
};

function child(options: ChildWorkflowOptions): Promise<unknown> {
  return startChild("any", options);
}

/** What of `wrong` is not refused at its call, or not by its name. */
export async function optionsThatPass(): Promise<string[]> {
  const passed: string[] = [];
  for (const [words, call] of Object.entries(wrong)) {
    try {
      await Promise.race([call(), sleep(50)]);
      passed.push(`${words}: not refused`);
    } catch (error) {
      const { name, message } = error as Error;
      if (name !== "TypeError" && name !== "ValueError") passed.push(`${words}: ${name}`);
      if (!message.includes(words)) passed.push(`${words}: ${message}`);
    }
  }
  return passed;
}
