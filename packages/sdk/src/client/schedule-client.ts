/** Makes schedules and looks after them: workflows that are started by calendars, intervals and cron expressions. */
import { randomUUID } from "node:crypto";
import { enums, type Init, type schedule, toTimestamp } from "@pawl/protocol";
import { CallFailed } from "../transport/transport.ts";
import { msOptionalToNumber } from "../value/duration.ts";
import { NamespaceNotFoundError, recognizeAcrossRealms } from "../value/errors.ts";
import { composeInterceptors, type Headers } from "../value/interceptors.ts";
import type { Workflow } from "../value/options.ts";
import { mapToPayloads } from "../value/payload-converter.ts";
import { encodeOptionalSearchAttributes } from "../value/search-attributes.ts";
import { wireDuration, wireFields } from "../value/wire.ts";
import { type BaseClientOptions, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { rethrowCallFailure } from "./errors.ts";
import type { CreateScheduleInput, CreateScheduleOutput, ScheduleClientInterceptor } from "./interceptors.ts";
import { scheduleDescription, scheduleSummary } from "./schedule-description.ts";
import type {
  Backfill,
  ScheduleDescription,
  ScheduleOptions,
  ScheduleOptionsAction,
  ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
  ScheduleSummary,
  ScheduleUpdateOptions,
} from "./schedule-options.ts";
import { encodeSpec } from "./schedule-spec.ts";
import { ServiceClient } from "./service-client.ts";
import { wireHeader } from "./workflow-calls.ts";
import { startFields, typeOf } from "./workflow-options.ts";

/** A schedule of this id is there already. */
export class ScheduleAlreadyRunning extends Error {
  readonly scheduleId: string;
  constructor(message: string, scheduleId: string) {
    super(message);
    this.scheduleId = scheduleId;
  }
}
recognizeAcrossRealms(ScheduleAlreadyRunning, "ScheduleAlreadyRunning");

/** No schedule has this id; it may have been deleted. */
export class ScheduleNotFoundError extends Error {
  readonly scheduleId: string;
  constructor(message: string, scheduleId: string) {
    super(message);
    this.scheduleId = scheduleId;
  }
}
recognizeAcrossRealms(ScheduleNotFoundError, "ScheduleNotFoundError");

/** Options of a schedule client, in addition to those of every client. */
export interface ScheduleClientOptions extends BaseClientOptions {
  /** The first is the outermost. */
  interceptors?: ScheduleClientInterceptor[];
}

/** Which schedules are listed, and how many at a time are fetched. Default: all. */
export interface ListScheduleOptions {
  /** Default: 1,000. */
  pageSize?: number;
  query?: string;
}

/** One schedule. Every method throws `ScheduleNotFoundError` when there is no schedule of this id. */
export interface ScheduleHandle {
  readonly scheduleId: string;
  readonly client: ScheduleClient;
  describe(): Promise<ScheduleDescription>;
  /** Replaces all of it by what the function makes of what is there. Called again when someone else was faster. */
  update<W extends Workflow = Workflow>(
    updateFn: (
      previous: ScheduleDescription,
    ) => ScheduleUpdateOptions<ScheduleOptionsStartWorkflowAction<W>> | ScheduleUpdateOptions,
  ): Promise<void>;
  delete(): Promise<void>;
  /** One action now. Default: by the schedule's own policy. */
  trigger(overlap?: ScheduleOverlapPolicy): Promise<void>;
  /** The actions that would have been taken in this time. */
  backfill(options: Backfill | Backfill[]): Promise<void>;
  pause(note?: string): Promise<void>;
  unpause(note?: string): Promise<void>;
}

const status = { notFound: 5, alreadyExists: 6, failedPrecondition: 9, aborted: 10 } as const;
const updateAttemptsMax = 5;

/** Creates, lists and finds schedules; a handle does the rest. */
export class ScheduleClient extends ServiceClient {
  readonly options: ResolvedClientOptions & Pick<ScheduleClientOptions, "interceptors">;

  constructor(options: ScheduleClientOptions = {}) {
    super();
    this.options = { ...resolveClientOptions(options), interceptors: options.interceptors ?? [] };
  }

  /** Throws `ScheduleAlreadyRunning`, `NamespaceNotFoundError`, `ServiceError`; `TypeError` or `ValueError` for a bad option. */
  async create<W extends Workflow = Workflow>(
    options: ScheduleOptions<ScheduleOptionsStartWorkflowAction<W>>,
  ): Promise<ScheduleHandle> {
    const create = composeInterceptors(this.options.interceptors ?? [], "create", (input) => this.#create(input));
    await create({ headers: {}, options: options as unknown as ScheduleOptions });
    return this.getHandle(options.scheduleId);
  }

  async #create({ options, headers }: CreateScheduleInput): Promise<CreateScheduleOutput> {
    const { call, namespace, identity, payloadConverter } = this.options;
    const { scheduleId, memo, searchAttributes, typedSearchAttributes, state } = options;
    if (typeof scheduleId !== "string" || scheduleId === "") throw new TypeError("options.scheduleId is missing");
    const indexed = encodeOptionalSearchAttributes(searchAttributes, typedSearchAttributes);
    const { triggerImmediately, backfill = [] } = state ?? {};
    const initialPatch: Init<schedule.SchedulePatch> = {
      triggerImmediately: triggerImmediately ? { overlapPolicy: overlapNumber(options.policies?.overlap) } : undefined,
      backfillRequest: backfill.map(encodeBackfill),
    };
    const request = {
      ...{ namespace, identity, scheduleId, requestId: randomUUID() },
      schedule: this.#encode(scheduleId, options, headers),
      initialPatch: triggerImmediately || backfill.length > 0 ? initialPatch : undefined,
      memo: memo && { fields: wireFields(mapToPayloads(payloadConverter, memo)) },
      searchAttributes: indexed && { indexedFields: wireFields(indexed) },
    };
    const { conflictToken } = await call("CreateSchedule", request).catch((error) => {
      if (error instanceof CallFailed && error.code === status.alreadyExists) {
        throw new ScheduleAlreadyRunning("Schedule already exists and is running", scheduleId);
      }
      return rethrowCallFailure(error, "Failed to create schedule", { namespace });
    });
    return { conflictToken };
  }

  /** A handle for a schedule that exists, or may exist: nothing is asked of the server. */
  getHandle(scheduleId: string): ScheduleHandle {
    const patch = (change: Init<schedule.SchedulePatch>) => this.#patch(scheduleId, change);
    return {
      scheduleId,
      client: this,
      describe: () => this.#describe(scheduleId),
      update: (updateFn) =>
        this.#update(scheduleId, updateFn as (previous: ScheduleDescription) => ScheduleUpdateOptions),
      delete: async () => {
        const { call, namespace, identity } = this.options;
        await call("DeleteSchedule", { namespace, identity, scheduleId }).catch(this.#rethrow("delete", scheduleId));
      },
      trigger: (overlap) => patch({ triggerImmediately: { overlapPolicy: overlapNumber(overlap) } }),
      backfill: (options) => patch({ backfillRequest: [options].flat().map(encodeBackfill) }),
      pause: (note) => patch({ pause: note ?? "Paused via TypeScript SDK" }),
      unpause: (note) => patch({ unpause: note ?? "Unpaused via TypeScript SDK" }),
    };
  }

  /** Pages are fetched while iterating. A schedule that was just made may be missing. */
  async *list({ pageSize = 1_000, query = "" }: ListScheduleOptions = {}): AsyncGenerator<ScheduleSummary> {
    const { call, namespace, payloadConverter } = this.options;
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace, maximumPageSize: pageSize, nextPageToken, query };
      const response = await call("ListSchedules", request).catch((error) =>
        rethrowCallFailure(error, "Failed to list schedules", { namespace }),
      );
      for (const entry of response.schedules) yield scheduleSummary(entry, payloadConverter);
      nextPageToken = response.nextPageToken;
    } while (nextPageToken.length > 0);
  }

  async #describe(scheduleId: string): Promise<ScheduleDescription> {
    const { call, namespace, payloadConverter } = this.options;
    const rethrow = this.#rethrow("describe", scheduleId);
    const raw = await call("DescribeSchedule", { namespace, scheduleId }).catch(rethrow);
    return scheduleDescription(scheduleId, raw, payloadConverter);
  }

  async #update(scheduleId: string, updateFn: (previous: ScheduleDescription) => ScheduleUpdateOptions): Promise<void> {
    const { call, namespace, identity } = this.options;
    for (let attempt = 1; ; attempt++) {
      const previous = await this.#describe(scheduleId);
      const options = updateFn(previous);
      const { searchAttributes, typedSearchAttributes } = options;
      const indexed = encodeOptionalSearchAttributes(searchAttributes, typedSearchAttributes);
      const request = {
        ...{ namespace, identity, scheduleId, requestId: randomUUID() },
        conflictToken: previous.raw.conflictToken,
        schedule: this.#encode(scheduleId, options, previous.raw.schedule?.action?.startWorkflow?.header?.fields ?? {}),
        searchAttributes: indexed && { indexedFields: wireFields(indexed) },
      };
      try {
        await call("UpdateSchedule", request);
        return;
      } catch (error) {
        const isOutrun =
          error instanceof CallFailed && (error.code === status.failedPrecondition || error.code === status.aborted);
        if (!isOutrun || attempt >= updateAttemptsMax) this.#rethrow("update", scheduleId)(error);
      }
    }
  }

  async #patch(scheduleId: string, patch: Init<schedule.SchedulePatch>): Promise<void> {
    const { call, namespace, identity } = this.options;
    const request = { namespace, identity, scheduleId, patch, requestId: randomUUID() };
    await call("PatchSchedule", request).catch(this.#rethrow("patch", scheduleId));
  }

  #encode(
    scheduleId: string,
    { spec, action, policies = {}, state = {} }: ScheduleOptions | ScheduleUpdateOptions,
    headers: Headers,
  ): Init<schedule.Schedule> {
    if (typeof spec !== "object" || spec === null) throw new TypeError("options.spec is missing");
    const { remainingActions, paused = false, note = "" } = state;
    return {
      spec: encodeSpec(spec),
      action: { startWorkflow: this.#encodeAction(scheduleId, action, headers) },
      policies: {
        overlapPolicy: overlapNumber(policies.overlap),
        catchupWindow: wireDuration(msOptionalToNumber(policies.catchupWindow, "policies.catchupWindow")),
        pauseOnFailure: policies.pauseOnFailure ?? false,
      },
      state: {
        ...{ paused, notes: note, limitedActions: remainingActions !== undefined },
        remainingActions: remainingActions ?? 0,
      },
    };
  }

  #encodeAction(scheduleId: string, action: ScheduleOptionsAction, headers: Headers) {
    if (action?.type !== "startWorkflow") throw new TypeError('options.action.type must be "startWorkflow"');
    const { workflowType, workflowId = `${scheduleId}-workflow`, ...options } = action;
    const fields = startFields(typeOf(workflowType), { ...options, workflowId }, this.options.payloadConverter);
    return { ...fields, header: wireHeader(headers) };
  }

  #rethrow(deed: string, scheduleId: string) {
    return (error: unknown): never => {
      const { namespace } = this.options;
      if (error instanceof CallFailed && error.code === status.notFound) {
        const isNamespace = error.detail("temporal.api.errordetails.v1.NamespaceNotFoundFailure");
        throw isNamespace
          ? new NamespaceNotFoundError(namespace)
          : new ScheduleNotFoundError(error.details, scheduleId);
      }
      return rethrowCallFailure(error, `Failed to ${deed} schedule`, { namespace });
    };
  }
}

function encodeBackfill({ start, end, overlap }: Backfill): Init<schedule.BackfillRequest> {
  return {
    startTime: toTimestamp(start.getTime()),
    endTime: toTimestamp(end.getTime()),
    overlapPolicy: overlapNumber(overlap),
  };
}

function overlapNumber(overlap: ScheduleOverlapPolicy | undefined): enums.ScheduleOverlapPolicy {
  const number = enums.ScheduleOverlapPolicy[overlap ?? "UNSPECIFIED"];
  if (number === undefined) throw new TypeError(`${JSON.stringify(overlap)} is not an overlap policy of a schedule`);
  return number;
}
