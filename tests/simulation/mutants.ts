/**
 * Servers that break a promise, made of the real one by changing what lies around it: its store, its clock, what stands between shards and queues,
 * and what leaves its handlers. A simulation that lets one of them pass tests nothing.
 */
import { type Call, Rejection, type ScheduleRun, type StandaloneRun, type Task } from "@pawl/engine";
import type { MethodName } from "@pawl/protocol";
import type { Cancel, Clock, Dispatcher, Started } from "@pawl/server/simulation";
import { CommitUnknown, type Lease, type Store, type Write } from "@pawl/store";
import type { CastName } from "./cast.ts";
import { currentOf, type LawsOf } from "./laws.ts";
import type { World } from "./world.ts";

type Answered = object | Rejection;
/** Asks the server itself. */
type Ask = (request: object) => Promise<Answered>;

/** What a mutant puts between the server and its surroundings. */
export interface Seams {
  readonly store?: (store: Store, world: World) => Store;
  readonly clock?: (clock: Clock) => Clock;
  readonly dispatcher?: (dispatcher: Dispatcher, world: World) => Dispatcher;
  /** Other laws than the engine's. */
  readonly laws?: LawsOf;
  /** What a run asks of others; undefined: it is never asked, and nobody says so. */
  readonly call?: (call: Call, world: World) => Call | undefined;
  readonly handler?: (method: MethodName, request: object, ask: Ask, world: World) => Promise<Answered>;
}

export interface Mutant {
  readonly name: string;
  /** The checks that may notice it first. */
  readonly caughtBy: RegExp;
  /** Who plays when it is looked for. */
  readonly cast: CastName;
  /** Anew for each seed; what it returns serves all processes of the seed. */
  readonly make: () => Seams;
}

type Commit = Store["commit"];

export const mutants: readonly Mutant[] = [
  commits(
    "a store that drops one commit in thirty that it acknowledged",
    /^[IL][0-9]+:|reports a bug/,
    (commit, world) => async (lease, writes) =>
      lease && world.chance.hits(1 / 30) ? undefined : commit(lease, writes),
  ),
  commits("a store that acknowledges a commit before it is written", /^I(1|25):/, (commit) => {
    let before: Promise<unknown> = Promise.resolve();
    return async (lease, writes) => {
      if (!lease) return commit(lease, writes);
      before = before.then(() => commit(lease, writes)).catch(() => undefined);
    };
  }),
  {
    name: "a store without a fence: whoever had the shard before may still write",
    caughtBy: /^I[0-9]+:|reports a bug/,
    cast: "workflows",
    make: () => {
      const newest = new Map<number, Lease>();
      return {
        store: (store) =>
          over(store, {
            acquire: async (shardId, owner) => {
              const lease = await store.acquire(shardId, owner);
              newest.set(shardId, lease);
              return lease;
            },
            commit: (lease, writes) => store.commit(lease && (newest.get(lease.shardId) ?? lease), writes),
          }),
      };
    },
  },
  commits(
    "a store that takes a commit of unknown outcome for done",
    /^I[0-9]+:|reports a bug/,
    (commit) => async (lease, writes) =>
      commit(lease, writes).catch((error: unknown) => {
        if (!(error instanceof CommitUnknown)) throw error;
      }),
  ),
  commits(
    "a store that writes an unknown commit once more",
    /reports a bug/,
    (commit) => async (lease, writes) =>
      commit(lease, writes).catch((error: unknown) => {
        if (!(error instanceof CommitUnknown)) throw error;
        return commit(lease, writes);
      }),
  ),
  writes("a store that loses the list's row", /^I26:/, ({ table }) => table !== "visibility"),
  writes(
    "a store that loses a pending thing of a run now and then",
    /^(I10|I2|L3|I15):/,
    ({ table }, world) => table !== "part" || !world.chance.hits(0.1),
  ),
  writes(
    "a store that loses a batch of events now and then",
    /^I[26]:/,
    ({ table }, world) => table !== "history" || !world.chance.hits(0.02),
  ),
  writes(
    "a store that loses a snapshot now and then",
    /^I[0-9]+:|^L3/,
    ({ table }, world) => table !== "run" || !world.chance.hits(0.05),
  ),
  writes("a store that does not note which run an id means", /^(I4|I2|I1):/, ({ table }) => table !== "current"),
  rewrites("a shard that does not note when to look again", /^(L3|L2|I30):/, (write) =>
    write.table === "run" ? { ...write, wakeAtMs: null } : write,
  ),
  rewrites("a shard that looks again a second late", /^(L3|L2):/, (write) =>
    write.table === "run" && write.wakeAtMs !== null ? { ...write, wakeAtMs: write.wakeAtMs + 1_000 } : write,
  ),
  rewrites("a shard that does not note what waits for a worker", /^L3:/, (write) =>
    write.table === "run" ? { ...write, undispatched: false } : write,
  ),
  reads("a restart that hands nothing out again", /^(L1|L3):/, () => ({ undispatchedRuns: async () => [] })),
  reads("a restart that does not look for what is due", /^(L1|L3):/, () => ({ wakingRuns: async () => [] })),
  reads("a shard that reads a run as it was when it was first read", /^(I[0-9]+|L3):|reports a bug/, (store) => {
    const first = new Map<string, Awaited<ReturnType<Store["loadRuns"]>>[number]>();
    return {
      loadRuns: async (runIds) => {
        const rows = await store.loadRuns(runIds);
        for (const [index, row] of rows.entries())
          if (row && !first.has(runIds[index]!)) first.set(runIds[index]!, row);
        return runIds.map((runId) => first.get(runId) ?? null);
      },
    };
  }),
  {
    name: "a clock that is a second fast for whoever is woken",
    caughtBy: /^I(8|20):/,
    cast: "workflows",
    make: () => ({ clock: hasty }),
  },
  {
    name: "a clock that wakes three seconds late",
    caughtBy: /^L2:/,
    cast: "workflows",
    make: () => ({
      clock: (clock) => ({ ...told(clock), wake: (atMs, run) => clock.wake(atMs + 3_000, run) }),
    }),
  },
  {
    name: "task queues that lose one task in twenty",
    caughtBy: /^L1:/,
    cast: "workflows",
    make: () => ({
      dispatcher: (dispatcher, world) => ({
        reserve: (task) => dispatcher.reserve(task),
        offer: (task) => void (world.chance.hits(0.05) || dispatcher.offer(task)),
      }),
    }),
  },
  {
    name: "task queues in which a task that comes again and again holds up all others",
    caughtBy: /^L5:/,
    cast: "poison",
    make: () => ({ dispatcher: heldUp }),
  },
  {
    name: "a server that leaves a shard to nobody when it takes the shards over",
    caughtBy: /^L4:/,
    cast: "workflows",
    make: () => {
      let [isFirst, orphan]: [boolean, Lease | undefined] = [true, undefined];
      return {
        store: (store) => {
          const takesOver = !isFirst;
          isFirst = false;
          return over(store, {
            async acquire(shardId, owner) {
              const lease = await store.acquire(shardId, owner);
              if (!takesOver || shardId > 0) return lease;
              orphan = lease;
              return { ...lease, rangeId: lease.rangeId - 1 };
            },
            async loadCurrent(keys) {
              if (orphan && takesOver) await store.commit({ ...orphan, rangeId: orphan.rangeId - 1 }, []);
              return store.loadCurrent(keys);
            },
          });
        },
      };
    },
  },
  {
    name: "a server whose polls wait on when it is told to go",
    caughtBy: /^L6:/,
    cast: "workflows",
    make: () => ({
      handler: async (method, request, ask) => {
        const answer = await ask(request);
        const isEmpty = "taskToken" in answer && (answer.taskToken as Uint8Array).length === 0;
        return method.startsWith("Poll") && isEmpty ? new Promise<never>(() => {}) : answer;
      },
    }),
  },
  reads("a server that repeats a read for ever once it has failed", /^L7:/, (store, world) => ({
    loadRuns: (runIds) =>
      store.loadRuns(runIds).catch((error: unknown) => {
        world.spawn("repeated read", async () => {
          for (; !world.isOver; await world.sleep(10)) await store.loadRuns(runIds).catch(() => undefined);
        });
        throw error;
      }),
  })),
  {
    name: "task queues that give one task to two workers",
    caughtBy: /^I25:/,
    cast: "workflows",
    make: () => ({ dispatcher: twice }),
  },
  {
    name: "task queues that hand workflow tasks to every worker before their commit",
    caughtBy: /^I25:/,
    cast: "workflows",
    make: () => ({ dispatcher: allEarly }),
  },
  answers("a server that accepts the end of a task that has ended", /^I(14|1):/, async (method, request, ask) => {
    const answer = await ask(request);
    return method.startsWith("Respond") && answer instanceof Rejection && answer.code === "NOT_FOUND" ? {} : answer;
  }),
  answers("a server that acknowledges signals that it forgets", /^I17:/, async (method, request, ask, world) =>
    method === "SignalWorkflowExecution" && world.chance.hits(0.1) ? { link: undefined } : ask(request),
  ),
  answers("a server that does not recognise a signal that comes again", /^I17:/, async (method, request, ask) =>
    ask(method === "SignalWorkflowExecution" ? { ...request, requestId: "" } : request),
  ),
  answers("a server that acknowledges terminations that it forgets", /^I22:/, async (method, request, ask) =>
    method === "TerminateWorkflowExecution" ? {} : ask(request),
  ),
  {
    name: "a server that acknowledges the termination of an activity that it forgets",
    caughtBy: /^I22:/,
    cast: "all",
    make: () => ({
      handler: async (method, request, ask) => (method === "TerminateActivityExecution" ? {} : ask(request)),
    }),
  },
  {
    name: "a server that acknowledges patches of schedules that it forgets",
    caughtBy: /^I1:/,
    cast: "all",
    make: () => ({ handler: async (method, request, ask) => (method === "PatchSchedule" ? {} : ask(request)) }),
  },
  laws("a schedule that does not know what it has started", /^I20:/, () => ({
    kind: "schedule",
    execute(next, execution, command, step) {
      const run = currentOf<ScheduleRun>(execution);
      if (run && command.type === "wake") run.started = run.started.map((each) => ({ ...each, isAlongside: true }));
      return next(execution, command, step);
    },
  })),
  laws("a schedule that acts on a time twice", /^I20:/, () => ({
    kind: "schedule",
    execute(next, execution, command, step, world) {
      const run = currentOf<ScheduleRun>(execution);
      // The end of a workflow, or the answer to a start, takes it back to the time before.
      if (run && command.type !== "wake" && world.chance.hits(0.3))
        run.seenUntilMs = Math.min(run.seenUntilMs, (run.recent.at(-1)?.nominalMs ?? Number.POSITIVE_INFINITY) - 1);
      return next(execution, command, step);
    },
  })),
  laws("a schedule that passes over a time now and then", /^L2:/, () => ({
    kind: "schedule",
    execute(next, execution, command, step, world) {
      const run = currentOf<ScheduleRun>(execution);
      if (run && command.type === "wake" && world.chance.hits(0.3)) {
        run.seenUntilMs = Math.max(run.seenUntilMs, step.nowMs);
        run.changes.core = true;
      }
      return next(execution, command, step);
    },
  })),
  laws("a schedule that does not hear of the end of what it started", /^L[13]:/, () => ({
    kind: "schedule",
    execute(next, execution, command, step) {
      const run = currentOf<ScheduleRun>(execution);
      return run && command.type === "receive" ? { type: "taken", runId: run.runId } : next(execution, command, step);
    },
  })),
  laws("a workflow that does not hear of the end of a Nexus operation", /^L[13]:/, () => ({
    kind: "workflow",
    execute: (next, execution, command, step) =>
      command.type === "completeNexusOperation" ? {} : next(execution, command, step),
  })),
  laws("a workflow that takes every end of a Nexus operation for its success", /^I9:/, () => ({
    kind: "workflow",
    execute: (next, execution, command, step) =>
      next(
        execution,
        command.type === "completeNexusOperation"
          ? { ...command, outcome: { type: "completed", result: undefined } }
          : command,
        step,
      ),
  })),
  {
    name: "a server that loses one request to a Nexus handler in three",
    caughtBy: /^L[13]:/,
    cast: "all",
    make: () => ({
      call: (call, world) => (call.type === "startNexusOperation" && world.chance.hits(0.3) ? undefined : call),
    }),
  },
  {
    name: "a server that asks a Nexus handler by another request id each time",
    caughtBy: /^(L[13]|I9):/,
    cast: "all",
    make: () => ({
      call: (call, world) => ("requestId" in call ? { ...call, requestId: world.chance.uuid() } : call),
    }),
  },
  laws("an activity of its own that is tried once more than it may", /^I15:/, () => ({
    kind: "activity",
    execute(next, execution, command, step) {
      if (command.type !== "startActivity") return next(execution, command, step);
      const { retryPolicy } = command.request;
      const maximumAttempts = retryPolicy?.maximumAttempts ? retryPolicy.maximumAttempts + 1 : 0;
      const request = { ...command.request, retryPolicy: retryPolicy && { ...retryPolicy, maximumAttempts } };
      return next(execution, { ...command, request }, step);
    },
  })),
  laws("an activity of its own that ends twice", /^I(5|14):/, () => ({
    kind: "activity",
    execute(next, execution, command, step, world) {
      const run = "runId" in command ? (execution.runs.get(command.runId) as StandaloneRun | undefined) : undefined;
      if (run?.status.type === "closed" && command.type === "terminateActivity" && world.chance.hits(0.5))
        run.status = { type: "open" };
      return next(execution, command, step);
    },
  })),
  answers("a server that tells a history without its end", /^I7:/, async (method, request, ask, world) => {
    const answer = await ask(request);
    const isWhole = method === "GetWorkflowExecutionHistory" && !("waitNewEvent" in request);
    return isWhole && world.isHealed && !(answer instanceof Rejection)
      ? { ...answer, history: new Uint8Array() }
      : answer;
  }),
];

function over(store: Store, changed: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = name in changed ? changed[name as keyof Store] : target[name as keyof Store];
      return typeof value === "function" ? value.bind(name in changed ? changed : target) : value;
    },
  });
}

function commits(name: string, caughtBy: RegExp, change: (commit: Commit, world: World) => Commit): Mutant {
  const store = (each: Store, world: World) =>
    over(each, { commit: change((lease, all) => each.commit(lease, all), world) });
  return { name, caughtBy, cast: "workflows", make: () => ({ store }) };
}

function writes(name: string, caughtBy: RegExp, isKept: (write: Write, world: World) => boolean): Mutant {
  return commits(
    name,
    caughtBy,
    (commit, world) => (lease, all) =>
      commit(
        lease,
        all.filter((write) => isKept(write, world)),
      ),
  );
}

function rewrites(name: string, caughtBy: RegExp, change: (write: Write) => Write): Mutant {
  return commits(name, caughtBy, (commit) => (lease, all) => commit(lease, all.map(change)));
}

function reads(name: string, caughtBy: RegExp, change: (store: Store, world: World) => Partial<Store>): Mutant {
  const store = (each: Store, world: World) => over(each, change(each, world));
  return { name, caughtBy, cast: "workflows", make: () => ({ store }) };
}

function laws(name: string, caughtBy: RegExp, make: () => LawsOf): Mutant {
  return { name, caughtBy, cast: "all", make: () => ({ laws: make() }) };
}

function answers(name: string, caughtBy: RegExp, handler: NonNullable<Seams["handler"]>): Mutant {
  return { name, caughtBy, cast: "workflows", make: () => ({ handler }) };
}

/** What a clock that wakes others at another time says itself. */
function told(clock: Clock): Pick<Clock, "nowMs" | "after"> {
  return { nowMs: () => clock.nowMs(), after: (ms, run) => clock.after(ms, run) };
}

/** Sleepers wake a second early and are told that it is time. */
function hasty(clock: Clock): Clock {
  let aheadMs = 0;
  return {
    ...told(clock),
    nowMs: () => clock.nowMs() + aheadMs,
    wake(atMs, run): Cancel {
      return clock.wake(atMs - 1_000, () => {
        aheadMs = 1_000;
        clock.wake(clock.nowMs() + 1, () => {
          aheadMs = 0;
        });
        run();
      });
    },
  };
}

/** The fourth time that a task of a workflow comes, nothing else is handed out until that has been ended: which, if it never is, is never. */
function heldUp(dispatcher: Dispatcher): Dispatcher {
  const times = new Map<string, number>();
  let holder: string | undefined;
  const isHeldUp = ({ runId, scheduledEventId }: Task): boolean => {
    const task = `${runId} ${scheduledEventId}`;
    const count = (times.get(task) ?? 0) + 1;
    times.set(task, count);
    if (count > 3) holder ??= task;
    return holder !== undefined && holder !== task;
  };
  return {
    reserve: (task) => (isHeldUp(task) ? null : dispatcher.reserve(task)),
    offer: (task) => void (isHeldUp(task) || dispatcher.offer(task)),
  };
}

function allEarly(dispatcher: Dispatcher): Dispatcher {
  return {
    offer: (task) => dispatcher.offer(task),
    reserve(task) {
      const reservation = dispatcher.reserve(task);
      if (!reservation) return null;
      const deliverEarly = (started: Started) => {
        if (!reservation.deliverEarly(started)) reservation.deliver(started);
        return true;
      };
      return { ...reservation, deliverEarly };
    },
  };
}

function twice(dispatcher: Dispatcher): Dispatcher {
  return {
    offer: (task) => dispatcher.offer(task),
    reserve(task) {
      const [first, second] = [dispatcher.reserve(task), dispatcher.reserve(task)];
      if (!first || !second) return first;
      return {
        poller: first.poller,
        sticky: first.sticky,
        deliverEarly: () => false,
        deliver(started) {
          first.deliver(started);
          second.deliver(started);
        },
        release() {
          first.release();
          second.release();
        },
      };
    },
  };
}
