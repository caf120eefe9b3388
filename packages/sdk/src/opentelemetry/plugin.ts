import { fileURLToPath } from "node:url";
import type { Tracer } from "@opentelemetry/api";
import type { ClientOptions, ClientPlugin } from "../client/client.ts";
import type { WorkerPlugin } from "../worker/plugin.ts";
import type { ReplayWorkerOptions } from "../worker/run/replayer.ts";
import type { WorkerOptions } from "../worker/worker-options.ts";
import {
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from "./activity-interceptor.ts";
import { OpenTelemetryWorkflowClientInterceptor } from "./client-interceptor.ts";
import { makeWorkflowExporter, type SpanExporterLike, type SpanProcessorLike } from "./workflow-exporter.ts";

/** Where spans go. Default of `tracer`: one of the global provider. */
export interface OpenTelemetryPluginOptions {
  /** Takes the spans of workflow code; those of clients and activities go where the tracer's provider sends them. */
  readonly spanProcessor: SpanProcessorLike | SpanExporterLike;
  /** Who sends the spans of workflow code, in OpenTelemetry's form. */
  readonly resource?: unknown;
  readonly tracer?: Tracer;
}

/** The path of the workflow interceptors, for `WorkerInterceptors.workflowModules`. */
export const workflowInterceptorsPath = fileURLToPath(
  new URL(`./workflow-interceptors${extension()}`, import.meta.url),
);

function extension(): string {
  return import.meta.url.slice(import.meta.url.lastIndexOf("."));
}

/** Traces clients, activities and workflows: for `ClientOptions.plugins` and `WorkerOptions.plugins`. */
export class OpenTelemetryPlugin implements ClientPlugin, WorkerPlugin {
  readonly name = "OpenTelemetryPlugin";
  readonly #options: OpenTelemetryPluginOptions;

  constructor(options: OpenTelemetryPluginOptions) {
    this.#options = options;
  }

  configureClient(options: Omit<ClientOptions, "plugins">): Omit<ClientOptions, "plugins"> {
    const workflow = [
      ...(options.interceptors?.workflow ?? []),
      new OpenTelemetryWorkflowClientInterceptor(this.#tracer()),
    ];
    return { ...options, interceptors: { ...options.interceptors, workflow } };
  }

  configureWorker(options: WorkerOptions): WorkerOptions {
    const { interceptors = {}, sinks } = options;
    const activity = [
      ...(interceptors.activity ?? []),
      (context: ConstructorParameters<typeof OpenTelemetryActivityInboundInterceptor>[0]) => ({
        inbound: new OpenTelemetryActivityInboundInterceptor(context, this.#tracer()),
        outbound: new OpenTelemetryActivityOutboundInterceptor(),
      }),
    ];
    const { spanProcessor, resource } = this.#options;
    return {
      ...options,
      interceptors: { ...interceptors, activity, workflowModules: withModule(interceptors.workflowModules) },
      sinks: { ...sinks, exporter: makeWorkflowExporter(spanProcessor, resource) },
    };
  }

  configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    const { interceptors = {} } = options;
    return { ...options, interceptors: { ...interceptors, workflowModules: withModule(interceptors.workflowModules) } };
  }

  #tracer() {
    const { tracer } = this.#options;
    return tracer ? { tracer } : {};
  }
}

function withModule(modules: readonly string[] = []): string[] {
  return [...modules, workflowInterceptorsPath];
}
