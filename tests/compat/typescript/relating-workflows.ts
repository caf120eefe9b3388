/** Workflows that answer updates, speak to each other, follow each other, and say things of themselves. */
import {
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowExecutionAlreadyStartedError,
} from "@temporalio/common";
import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ChildWorkflowFailure,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  executeChild,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";

export const color = defineSearchAttributeKey("TypescriptColor", SearchAttributeType.KEYWORD);
export const tries = defineSearchAttributeKey("TypescriptTries", SearchAttributeType.INT);

export const deposit = defineUpdate<number, [number]>("deposit");
export const withdraw = defineUpdate<number, [number]>("withdraw");
export const grant = defineSignal("grant");
export const close = defineSignal("close");

/** Its balance changes by updates, until it is closed. */
export async function account(): Promise<number> {
  let balance = 0;
  let granted = false;
  let closed = false;
  setHandler(
    deposit,
    (amount) => {
      balance += amount;
      return balance;
    },
    {
      validator: (amount) => {
        if (amount <= 0) throw ApplicationFailure.nonRetryable("only more than nothing", "TooLittle");
      },
    },
  );
  setHandler(withdraw, async (amount) => {
    await condition(() => granted);
    if (amount > balance) throw ApplicationFailure.nonRetryable("more than there is", "Overdrawn");
    balance -= amount;
    return balance;
  });
  setHandler(grant, () => {
    granted = true;
  });
  setHandler(close, () => {
    closed = true;
  });
  await condition(() => closed && allHandlersFinished());
  return balance;
}

export const word = defineSignal<[string]>("word");

/** Hears one word, or of its cancellation. */
export async function listener(): Promise<string> {
  let heard: string | undefined;
  setHandler(word, (what) => {
    heard = what;
  });
  await condition(() => heard !== undefined);
  return heard!;
}

/** Returns how often there was nobody to hear. */
export async function speaker(listening: string, cancelled: string, nobody: string): Promise<number> {
  await getExternalWorkflowHandle(listening).signal(word, "hello");
  await getExternalWorkflowHandle(cancelled).cancel();
  const gone = getExternalWorkflowHandle(nobody);
  const said = await Promise.allSettled([gone.signal(word, "hello"), gone.cancel()]);
  return said.filter(({ status }) => status === "rejected").length;
}

export async function failingChild(): Promise<void> {
  throw ApplicationFailure.nonRetryable("no", "Naughty");
}

export const policies = [
  ParentClosePolicy.TERMINATE,
  ParentClosePolicy.REQUEST_CANCEL,
  ParentClosePolicy.ABANDON,
] as const;

/** Has children that outlast it, each by another policy; then one that fails, one that it cancels, and one that is there already. */
export async function parent(): Promise<string[]> {
  const own = workflowInfo().workflowId;
  for (const parentClosePolicy of policies)
    await startChild(listener, { workflowId: `${own}-${parentClosePolicy}`, parentClosePolicy });
  const said: string[] = [];
  const note = (error: unknown) => {
    if (!(error instanceof ChildWorkflowFailure)) throw error;
    const { cause } = error;
    said.push(cause instanceof ApplicationFailure ? `${cause.type}` : `${cause?.name}`);
  };
  await executeChild(failingChild).catch(note);
  const scope = new CancellationScope();
  const cancelled = await scope.run(() => startChild(listener, { workflowId: `${own}-cancelled` }));
  scope.cancel();
  await cancelled.result().catch(note);
  await startChild(listener, { workflowId: `${own}-${ParentClosePolicy.ABANDON}` }).catch((error: unknown) => {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    said.push("already started");
  });
  return said;
}

export async function counting(): Promise<number> {
  return ((workflowInfo().lastResult as number | undefined) ?? 0) + 1;
}

export async function relay(laps: number, before: string[]): Promise<string[]> {
  const ran = [...before, workflowInfo().runId];
  if (laps > 1) await continueAsNew<typeof relay>(laps - 1, ran);
  return ran;
}

export const finish = defineSignal("finish");

export async function telling(): Promise<unknown> {
  let done = false;
  setHandler(finish, () => {
    done = true;
  });
  upsertSearchAttributes([
    { key: color, value: "blue" },
    { key: tries, value: null },
  ]);
  upsertMemo({ note: "changed", gone: null });
  setCurrentDetails("waiting for the end");
  await sleep(1, { summary: "a short nap" });
  await condition(() => done);
  return workflowInfo().memo?.["note"];
}
