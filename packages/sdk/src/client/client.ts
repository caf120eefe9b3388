import { AsyncCompletionClient } from "./async-completion-client.ts";
import type { BaseClientOptions, ResolvedClientOptions } from "./client-options.ts";
import { WorkflowClient } from "./workflow-client.ts";

export type ClientOptions = BaseClientOptions;

/** Speaks with one namespace of a server, over one connection that any number of clients may share. */
export class Client {
  readonly workflow: WorkflowClient;
  /** Completes activities from outside their worker. */
  readonly activity: AsyncCompletionClient;

  constructor(options?: ClientOptions) {
    this.workflow = new WorkflowClient(options);
    this.activity = new AsyncCompletionClient(this.workflow.options);
  }

  get options(): ResolvedClientOptions {
    return this.workflow.options;
  }

  get connection() {
    return this.workflow.connection;
  }
}
