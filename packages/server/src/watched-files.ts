/**
 * Files of an operator's that may be exchanged while the server runs: certificates, keys, who may do what. They are read again every few seconds
 * and when somebody asks for it; watching through the file system would miss the symbolic links that container platforms exchange.
 *
 *   F1. What was read last and made sense stays in force: files that make no sense, or are gone, change nothing but the log.
 */
import { readFile } from "node:fs/promises";
import type { Cancel, Clock } from "./clock.ts";
import { limits } from "./limits.ts";
import type { Log } from "./telemetry/telemetry.ts";

export interface WatchedFilesOptions<V> {
  /** What the files are, for the log: `TLS certificates`. */
  readonly what: string;
  readonly paths: readonly string[];
  /** Is given the contents in the order of `paths`. Throws an error whose message says what is wrong with them. */
  readonly parse: (contents: readonly Buffer[]) => V;
  readonly clock: Clock;
  readonly log: Log;
}

export class WatchedFiles<V> {
  readonly #options: WatchedFilesOptions<V>;
  readonly #listeners = new Set<(value: V) => void>();
  #contents: readonly Buffer[];
  #value: V;
  /** The last trouble that was logged, so that it is not said again every few seconds. */
  #trouble: string | undefined;
  #cancelLook: Cancel | undefined;
  #isClosed = false;

  private constructor(options: WatchedFilesOptions<V>, contents: readonly Buffer[]) {
    this.#options = options;
    this.#contents = contents;
    this.#value = options.parse(contents);
    this.#lookLater();
  }

  /** Throws what reading or parsing throws. */
  static async open<V>(options: WatchedFilesOptions<V>): Promise<WatchedFiles<V>> {
    return new WatchedFiles(options, await readAll(options.paths));
  }

  get value(): V {
    return this.#value;
  }

  /** Called with each further value; returns what ends that. */
  watch(listener: (value: V) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the files now. Resolves to whether they make sense; never throws. */
  async reload(): Promise<boolean> {
    const { what, paths, parse, log } = this.#options;
    try {
      const contents = await readAll(paths);
      if (contents.every((bytes, index) => bytes.equals(this.#contents[index]!))) return true;
      const value = parse(contents);
      if (this.#isClosed) return true;
      this.#contents = contents;
      this.#value = value;
      this.#trouble = undefined;
      for (const listener of this.#listeners) listener(value);
      log.info(`${what} read again`);
      return true;
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== this.#trouble) log.error(`${what} cannot be read again, what was there before stays`, { error });
      this.#trouble = trouble;
      return false;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLook?.();
    this.#listeners.clear();
  }

  #lookLater(): void {
    const { clock } = this.#options;
    this.#cancelLook = clock.after(limits.fileLookMs, () => {
      void this.reload().then(() => {
        if (!this.#isClosed) this.#lookLater();
      });
    });
  }
}

function readAll(paths: readonly string[]): Promise<readonly Buffer[]> {
  return Promise.all(paths.map((path) => readFile(path)));
}
