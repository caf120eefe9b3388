import type { Sinks } from "@pawl/sdk/workflow";

/** Functions of the worker's process that the workflows of these tests call. */
export interface JournalSinks extends Sinks {
  journal: {
    note(text: string, value: unknown): void;
    always(text: string): void;
  };
}
