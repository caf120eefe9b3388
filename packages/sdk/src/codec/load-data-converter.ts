/** Data converters as users name them, by path or as objects, made ready for this side of the sandbox. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import {
  type DataConverter,
  defaultDataConverter,
  type LoadedDataConverter,
  requireFailureConverter,
  requirePayloadConverter,
} from "../value/data-converter.ts";
import { errorMessage, ValueError } from "../value/errors.ts";
import { ExternalStorage } from "../value/external-storage.ts";

/** Throws `ValueError` when a module cannot be loaded, `TypeError` when it exports no converter. */
export function loadDataConverter(options: DataConverter = {}): LoadedDataConverter {
  const { payloadConverterPath, failureConverterPath, payloadCodecs = [] } = options;
  exclusive(options, "payloadConverter", "payloadConverterPath");
  exclusive(options, "failureConverter", "failureConverterPath");
  return {
    payloadConverter:
      payloadConverterPath === undefined
        ? (options.payloadConverter ?? defaultDataConverter.payloadConverter)
        : requirePayloadConverter(load(payloadConverterPath)["payloadConverter"], payloadConverterPath),
    failureConverter:
      failureConverterPath === undefined
        ? (options.failureConverter ?? defaultDataConverter.failureConverter)
        : requireFailureConverter(load(failureConverterPath)["failureConverter"], failureConverterPath),
    payloadCodecs,
    externalStorage: requireStorage(options.externalStorage),
  };
}

function requireStorage(storage: unknown): ExternalStorage | undefined {
  if (storage === undefined || storage instanceof ExternalStorage) return storage;
  throw new TypeError("DataConverter.externalStorage must be an ExternalStorage");
}

function exclusive(options: DataConverter, one: keyof DataConverter, other: keyof DataConverter): void {
  if (options[one] === undefined || options[other] === undefined) return;
  throw new TypeError(`DataConverter.${one} and ${other} exclude each other`);
}

/** Synchronous, because clients are made without waiting; Node loads modules of either kind so. */
function load(path: string): Record<string, unknown> {
  const require = createRequire(import.meta.url);
  try {
    return require(path.startsWith("file:") ? fileURLToPath(path) : path) as Record<string, unknown>;
  } catch (error) {
    throw new ValueError(`Could not load the data converter module ${path}: ${errorMessage(error)}`, error);
  }
}
