/**
 * Polls that commands take along to another node. A command of a worker or client of this node often makes a workflow task for a worker of this node. Left to itself, that task
 * comes here to find its poll, and the poll sends a command back to start it: two calls and a commit, which are saved when the command brings the poll with it.
 *
 *   L1. A poll is lent until the command has its answer, but for `loanMsMax` at most: then it waits here again. What was started for it nevertheless goes to the next poll of its
 *       queue.
 *   L2. The borrower starts one task for it at most, of the execution that the command is for, in the commit that makes this task. The task goes with the answer to the command or,
 *       when that has been given before, to the poll's queue.
 *   L3. When the answer is lost with its node, so is the started task, as if its worker had died: its timeout ends it.
 */
import { type CommandOfKind, type ExecutionKey, type Kind, workflowKey } from "@pawl/engine";
import type { Cancel, Clock } from "../clock.ts";
import { clusterLimits } from "../limits.ts";
import type { DeploymentVersion, LentPoll, Reservation, Task, Waiting } from "../matching/match.ts";
import type { Started } from "../shard/dispatcher.ts";
import { keyText } from "../shard/hosted.ts";
import type { Queue } from "./placement.ts";
import type { Repayment } from "./wire.ts";

/** What the borrower knows of a poll. */
export interface Loan {
  readonly queue: Queue;
  readonly poller: Waiting;
}

export interface LenderParts {
  readonly clock: Clock;
  /** Takes a poll that waits here out of its line; null when none does. */
  readonly lend: (queue: Queue) => LentPoll<Started> | null;
}

/** Lends polls of this node. */
export class Lender {
  readonly #parts: LenderParts;
  /** By execution: the queue of the worker that keeps it cached, latest last. */
  readonly #stickyQueues = new Map<string, Queue>();
  /** Nodes that have kept a poll for too long, and until when they get none. */
  readonly #refused = new Map<string, number>();

  constructor(parts: LenderParts) {
    this.#parts = parts;
  }

  /** A worker that calls this node keeps the execution cached. */
  noteSticky(key: ExecutionKey<"workflow">, stickyQueue: Queue): void {
    const name = keyText(key);
    this.#stickyQueues.delete(name);
    this.#stickyQueues.set(name, stickyQueue);
    if (this.#stickyQueues.size > clusterLimits.stickyNotesMax)
      this.#stickyQueues.delete(this.#stickyQueues.keys().next().value!);
  }

  /** Undefined when the command makes no task for a poll that waits here. Dispose of it when the command is over. */
  lendFor(nodeId: string, key: ExecutionKey, command: CommandOfKind<Kind>): LentAlong | undefined {
    const { clock, lend } = this.#parts;
    const queue = this.#queueOf(key, command);
    if (queue === undefined || clock.nowMs() < (this.#refused.get(nodeId) ?? 0)) return undefined;
    const poll = lend(queue);
    if (poll === null) return undefined;
    const onLate = () => this.#refused.set(nodeId, clock.nowMs() + clusterLimits.loanRefusedMs);
    return new LentAlong({ queue, poller: poll.poller }, { poll, clock, onLate });
  }

  #queueOf(key: ExecutionKey, command: CommandOfKind<Kind>): Queue | undefined {
    const { namespaceId } = key;
    switch (command.type) {
      case "startWorkflow":
        return { namespaceId, taskQueue: command.request.taskQueue?.name ?? "" };
      case "signalWithStart":
        return this.#stickyQueueOf(key) ?? { namespaceId, taskQueue: command.request.taskQueue?.name ?? "" };
      case "signal":
      case "completeActivity":
      case "failActivity":
      case "cancelActivity":
        return this.#stickyQueueOf(key);
      default:
        return undefined;
    }
  }

  #stickyQueueOf(key: ExecutionKey): Queue | undefined {
    return this.#stickyQueues.get(keyText(key));
  }
}

/** A poll that has gone along with a command. Disposed of, it waits here again. */
export class LentAlong implements Disposable {
  readonly loan: Loan;
  readonly #poll: LentPoll<Started>;
  readonly #cancelWake: Cancel;

  constructor(loan: Loan, { poll, clock, onLate }: { poll: LentPoll<Started>; clock: Clock; onLate: () => void }) {
    this.loan = loan;
    this.#poll = poll;
    this.#cancelWake = clock.after(clusterLimits.loanMsMax, () => {
      onLate();
      poll.release();
    });
  }

  repay({ task, started }: Repayment): void {
    this.#poll.deliver(task, started);
  }

  [Symbol.dispose](): void {
    this.#cancelWake();
    this.#poll.release();
  }
}

export interface BorrowingParts {
  /** Whether the task is for workers of this version. */
  readonly isFor: (task: Task, version: DeploymentVersion | null) => boolean;
  /** Takes what was started too late for the answer to the queue of its poll. */
  readonly sendLate: (loan: Loan, repayment: Repayment) => void;
}

/** Polls of other nodes, each for one execution of this node. */
export class Borrowings {
  readonly #parts: BorrowingParts;
  readonly #byExecution = new Map<string, Borrowed[]>();

  constructor(parts: BorrowingParts) {
    this.#parts = parts;
  }

  /** Dispose of it when the command is over that the poll came with. */
  borrow(key: ExecutionKey, loan: Loan): Borrowed {
    const name = keyText(key);
    const borrowed: Borrowed = new Borrowed(loan, {
      sendLate: (repayment) => this.#parts.sendLate(loan, repayment),
      end: () => {
        const left = this.#byExecution.get(name)!.filter((other) => other !== borrowed);
        if (left.length > 0) this.#byExecution.set(name, left);
        else this.#byExecution.delete(name);
      },
    });
    this.#byExecution.set(name, [...(this.#byExecution.get(name) ?? []), borrowed]);
    return borrowed;
  }

  /** As `Dispatcher.reserve`. */
  reserve(task: Task): Reservation<Started> | null {
    if (this.#byExecution.size === 0 || task.kind !== "workflow") return null;
    const borrowed = this.#byExecution.get(keyText(workflowKey(task.namespaceId, task.workflowId)));
    return borrowed?.find((one) => one.isFree && this.#suits(one.loan, task))?.reserve(task) ?? null;
  }

  #suits({ queue, poller }: Loan, task: Task): boolean {
    const isItsQueue = queue.stickyQueue
      ? task.stickyQueue === queue.stickyQueue
      : !task.stickyQueue && task.taskQueue === queue.taskQueue;
    return isItsQueue && this.#parts.isFor(task, poller.deploymentVersion ?? null);
  }
}

interface Ends {
  readonly sendLate: (repayment: Repayment) => void;
  readonly end: () => void;
}

/** A poll of another node, for as long as the command is under way that it came with. */
export class Borrowed implements Disposable {
  readonly loan: Loan;
  readonly #ends: Ends;
  #isFree = true;
  #isOver = false;
  #repayment: Repayment | undefined;

  constructor(loan: Loan, ends: Ends) {
    this.loan = loan;
    this.#ends = ends;
  }

  get isFree(): boolean {
    return this.#isFree;
  }

  reserve(task: Task): Reservation<Started> {
    this.#isFree = false;
    return {
      poller: this.loan.poller,
      sticky: isSticky(this.loan),
      deliver: (started) => {
        if (this.#isOver) this.#ends.sendLate({ task, started });
        else this.#repayment = { task, started };
      },
      deliverEarly: () => false,
      release: () => {
        this.#isFree = true;
      },
    };
  }

  /** What goes with the command's answer. */
  take(): Repayment | undefined {
    const repayment = this.#repayment;
    this.#repayment = undefined;
    return repayment;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#ends.end();
    const left = this.take();
    if (left) this.#ends.sendLate(left);
  }
}

export function isSticky({ queue }: Loan): boolean {
  return Boolean(queue.stickyQueue);
}
