import { ActivityClient } from "./activity-client.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import type { ClientInterceptors } from "./interceptors.ts";
import { ScheduleClient } from "./schedule-client.ts";
import { ServiceClient } from "./service-client.ts";
import { TaskQueueClient } from "./task-queue-client.ts";
import { WorkflowClient, type WorkflowClientOptions } from "./workflow-client.ts";

/** Options of a client; all of them are optional. */
export interface ClientOptions extends BaseClientOptions {
  interceptors?: ClientInterceptors;
  plugins?: ClientPlugin[];
  workflow?: Pick<WorkflowClientOptions, "queryRejectCondition">;
}

/** Changes the options of a client before it is made. */
export interface ClientPlugin {
  readonly name: string;
  configureClient?(options: Omit<ClientOptions, "plugins">): Omit<ClientOptions, "plugins">;
}

/** A client of one namespace of a server, over a connection that any number of clients may share. */
export class Client extends ServiceClient {
  readonly workflow: WorkflowClient;
  /** Activities without a workflow; and the completion of any from outside its worker. */
  readonly activity: ActivityClient;
  readonly schedule: ScheduleClient;
  readonly taskQueue: TaskQueueClient;
  readonly options: ResolvedClientOptions;

  /** Throws `TypeError` or `ValueError` for a bad option. */
  constructor(options: ClientOptions = {}) {
    super();
    const { interceptors, workflow, ...base } = configured(options);
    this.options = resolveClientOptions(base);
    this.workflow = new WorkflowClient({ ...this.options, ...workflow, interceptors: interceptors?.workflow ?? [] });
    this.activity = new ActivityClient({ ...this.options, interceptors: interceptors?.activity ?? [] });
    this.schedule = new ScheduleClient({ ...this.options, interceptors: interceptors?.schedule ?? [] });
    this.taskQueue = new TaskQueueClient(this.options);
  }
}

/** Applies the plugins of the connection that are for clients, and then the client's own. */
function configured({ plugins = [], ...options }: ClientOptions): Omit<ClientOptions, "plugins"> {
  const all = [...((options.connection?.plugins ?? []) as readonly ClientPlugin[]), ...plugins];
  return all.reduce<Omit<ClientOptions, "plugins">>((last, plugin) => plugin.configureClient?.(last) ?? last, options);
}
