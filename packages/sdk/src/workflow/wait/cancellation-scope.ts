/** A tree of scopes: cancelling one cancels what was begun inside it and its children. The root is cancelled when the workflow is. */
import { type Duration, msOptionalToNumber } from "../../value/duration.ts";
import { CancelledFailure } from "../../value/failure.ts";
import { getRun } from "../run/current-run.ts";

interface Storage<T> {
  run<R>(value: T, work: () => R): R;
  getStore(): T | undefined;
}

/** Node's AsyncLocalStorage, which the sandbox puts among its globals. Made at first use: outside of it there is none, and no scope either. */
let storage: Storage<CancellationScope> | undefined;
function scopes(): Storage<CancellationScope> {
  if (!storage) {
    const { AsyncLocalStorage } = globalThis as unknown as { AsyncLocalStorage: new () => Storage<CancellationScope> };
    storage = new AsyncLocalStorage();
  }
  return storage;
}

/** What a scope is made with. */
export interface CancellationScopeOptions {
  /** The scope is cancelled when this much time has passed. */
  timeout?: Duration | undefined;
  /** What is begun in a scope that is not cancellable goes on when it is cancelled. */
  cancellable: boolean;
  /** Default: the current scope. */
  parent?: CancellationScope | undefined;
}

/** Activities, timers and children belong to the scope in which they were begun, and are cancelled with it. Scopes nest; the outermost is the workflow. */
export class CancellationScope {
  readonly cancellable: boolean;
  readonly parent: CancellationScope | undefined;
  readonly #timeoutMs: number | undefined;
  /** What to do on cancellation, in order. Taken out when what it would cancel has ended, so that a long workflow holds no tail of them. */
  readonly #listeners = new Set<(reason: CancelledFailure) => void>();
  #reason: CancelledFailure | undefined;
  /** Made when it is first asked for: most scopes are never asked. */
  #cancelRequested: PromiseWithResolvers<never> | undefined;

  constructor(options: CancellationScopeOptions = { cancellable: true }) {
    this.cancellable = options.cancellable;
    this.#timeoutMs = msOptionalToNumber(options.timeout, "CancellationScopeOptions.timeout");
    this.parent = "parent" in options ? options.parent : CancellationScope.current();
    if (this.parent?.consideredCancelled) this.cancel(this.parent.#reason);
  }

  /** Rejects with a `CancelledFailure` when the scope is cancelled; never resolves. */
  get cancelRequested(): Promise<never> {
    if (!this.#cancelRequested) {
      this.#cancelRequested = Promise.withResolvers<never>();
      // Nobody has to listen.
      this.#cancelRequested.promise.catch(() => undefined);
      if (this.#reason) this.#cancelRequested.reject(this.#reason);
    }
    return this.#cancelRequested.promise;
  }

  /** Cancelled, and one that can be: what is begun in it now is refused at once. */
  get consideredCancelled(): boolean {
    return this.#reason !== undefined && this.cancellable;
  }

  /** The error that a wait in this scope ends with. */
  get reason(): CancelledFailure | undefined {
    return this.#reason;
  }

  /** Runs `work` in this scope until it ends, or throws what it throws. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return scopes().run(this, () => this.#run(work));
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const forget = this.#followParent();
    const stopTimer = this.#startTimeout();
    try {
      return await work();
    } finally {
      forget();
      stopTimer();
    }
  }

  #startTimeout(): () => void {
    if (this.#timeoutMs === undefined) return () => undefined;
    const run = getRun("CancellationScope.withTimeout()");
    const fire = () => {
      run.waiters.of("timer").delete(seq);
      this.cancel();
    };
    const seq = run.startTimer(this.#timeoutMs, { resolve: fire, reject: () => undefined });
    return () => run.stopTimer(seq);
  }

  /** Runs `work` with this as the current scope, without waiting for anything. */
  enter<T>(work: () => T): T {
    return scopes().run(this, work);
  }

  cancel(reason: CancelledFailure = new CancelledFailure("Cancellation scope cancelled")): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#cancelRequested?.reject(reason);
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listen of listeners) listen(reason);
  }

  /** Calls `listen` once on cancellation, unless the returned function is called before. A scope that is not cancellable never calls. */
  onCancel(listen: (reason: CancelledFailure) => void): () => void {
    if (!this.cancellable) return () => undefined;
    this.#listeners.add(listen);
    return () => {
      this.#listeners.delete(listen);
    };
  }

  /** A scope that is not cancellable also hears of its parent's cancellation, by `cancelRequested`. */
  #followParent(): () => void {
    if (!this.parent) return () => undefined;
    if (this.parent.consideredCancelled) this.cancel(this.parent.#reason);
    return this.parent.onCancel((reason) => this.cancel(reason));
  }

  static current(): CancellationScope {
    return scopes().getStore() ?? getRun("CancellationScope.current()").rootScope;
  }

  static cancellable<T>(work: () => Promise<T>): Promise<T> {
    return new CancellationScope({ cancellable: true }).run(work);
  }

  static nonCancellable<T>(work: () => Promise<T>): Promise<T> {
    return new CancellationScope({ cancellable: false }).run(work);
  }

  static withTimeout<T>(timeout: Duration, work: () => Promise<T>): Promise<T> {
    return new CancellationScope({ cancellable: true, timeout }).run(work);
  }
}
