/**
 * Payloads that are too large for histories live elsewhere: a driver puts them there, and what travels is a reference in the form that all SDKs
 * know (`temporal.api.sdk.v1.ExternalStorageReference`). Drivers written for the official packages work as they are.
 */
import { ValueError } from "./errors.ts";
import type { Payload } from "./payload.ts";

/** What a driver has given for a payload, and is given back to find it again. */
export class StorageDriverClaim {
  readonly claimData: Record<string, string>;
  constructor(claimData: Record<string, string>) {
    this.claimData = claimData;
  }
}

/** The workflow that payloads belong to, as far as the call names it. */
export interface StorageDriverWorkflowInfo {
  readonly kind: "workflow";
  readonly namespace: string;
  readonly id?: string;
  readonly runId?: string;
  readonly type?: string;
}

/** The activity that payloads belong to, as far as the call names it. */
export interface StorageDriverActivityInfo {
  readonly kind: "activity";
  readonly namespace: string;
  readonly id?: string;
  /** Of a standalone activity alone. */
  readonly runId?: string;
  readonly type?: string;
}

/** Whose payloads they are, where that is known. */
export type StorageDriverTargetInfo = StorageDriverWorkflowInfo | StorageDriverActivityInfo;

/** Whose payload asks for a driver. */
export interface StorageDriverSelectContext {
  /** Aborts when another driver has failed for payloads of the same call. */
  abortSignal?: AbortSignal;
  target?: StorageDriverTargetInfo;
}

/** Whose payloads are stored. */
export type StorageDriverStoreContext = StorageDriverSelectContext;

/** `abortSignal` aborts when the payloads are not needed any more. */
export interface StorageDriverRetrieveContext {
  abortSignal?: AbortSignal;
}

/** Keeps payloads somewhere and finds them again, for as long as histories that name them live. What it throws fails the call as a `ValueError`. */
export interface StorageDriver {
  /** Which one of a program's drivers has a payload: part of the reference. */
  readonly name: string;
  /** Which implementation it is, for operators. */
  readonly type: string;
  /** One claim for each payload, in their order. The same payload may come again: a task is tried again after a failure. */
  store(context: StorageDriverStoreContext, payloads: Payload[]): Promise<StorageDriverClaim[]>;
  retrieve(context: StorageDriverRetrieveContext, claims: StorageDriverClaim[]): Promise<Payload[]>;
}

/** Which driver takes a payload that is large enough; `null` leaves it where it is. */
export type StorageDriverSelector = (context: StorageDriverSelectContext, payload: Payload) => StorageDriver | null;

/** Which payloads are stored outside, and where. */
export interface ExternalStorageOptions {
  drivers: StorageDriver[];
  /** Needed when there are several drivers. Default: the only one. */
  driverSelector?: StorageDriverSelector;
  /** Payloads of at least so many bytes, after all codecs, are stored outside. Default: 256 KiB. */
  payloadSizeThreshold?: number;
}

const thresholdDefault = 256 * 1024;

/** The drivers of a data converter, checked. */
export class ExternalStorage {
  readonly drivers: StorageDriver[];
  readonly driverSelector: StorageDriverSelector;
  readonly payloadSizeThreshold: number;

  /** Throws `ValueError` for options that make no sense. */
  constructor({ drivers, driverSelector, payloadSizeThreshold = thresholdDefault }: ExternalStorageOptions) {
    const [first] = Array.isArray(drivers) ? drivers : [];
    if (!first) throw new ValueError("ExternalStorage.drivers must have at least one driver");
    if (!(Number.isFinite(payloadSizeThreshold) && payloadSizeThreshold >= 0)) {
      throw new ValueError(
        `ExternalStorage.payloadSizeThreshold must be a number of bytes, not ${String(payloadSizeThreshold)}`,
      );
    }
    const names = new Set<string>();
    for (const { name } of drivers) {
      if (typeof name !== "string" || name === "")
        throw new ValueError("ExternalStorage.drivers: each must have a name");
      if (names.has(name)) throw new ValueError(`ExternalStorage.drivers: ${JSON.stringify(name)} is given twice`);
      names.add(name);
    }
    if (!driverSelector && drivers.length > 1) {
      throw new ValueError("ExternalStorage.driverSelector must choose among several drivers");
    }
    this.drivers = [...drivers];
    this.driverSelector = driverSelector ?? (() => first);
    this.payloadSizeThreshold = payloadSizeThreshold;
  }

  getDriver(name: string): StorageDriver | null {
    return this.drivers.find((each) => each.name === name) ?? null;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encoding = "json/protobuf";
const messageType = "temporal.api.sdk.v1.ExternalStorageReference";

export function isReference({ metadata }: Payload): boolean {
  const text = (name: string) => decoder.decode(metadata[name]);
  return text("encoding") === encoding && text("messageType") === messageType;
}

export interface Reference {
  readonly driverName: string;
  readonly claim: StorageDriverClaim;
  /** Of the payload that it stands for. */
  readonly sizeBytes: number;
}

export function referencePayload({ driverName, claim, sizeBytes }: Reference): Payload {
  return {
    metadata: { encoding: encoder.encode(encoding), messageType: encoder.encode(messageType) },
    data: encoder.encode(JSON.stringify({ driverName, claimData: claim.claimData })),
    externalPayloads: [{ sizeBytes }],
  };
}

/** Throws `ValueError` when the reference cannot be read. */
export function readReference({ data, externalPayloads }: Payload): Reference {
  let read: { driverName?: unknown; claimData?: Record<string, string> };
  try {
    read = JSON.parse(decoder.decode(data)) as typeof read;
  } catch (error) {
    throw new ValueError("a reference to a payload that is stored outside is not valid JSON", error);
  }
  const { driverName, claimData = {} } = read;
  if (typeof driverName !== "string" || driverName === "") {
    throw new ValueError("a reference to a payload that is stored outside has no driverName");
  }
  return { driverName, claim: new StorageDriverClaim(claimData), sizeBytes: externalPayloads?.[0]?.sizeBytes ?? 0 };
}
