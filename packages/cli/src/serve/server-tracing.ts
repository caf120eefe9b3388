/** Where a server's spans go, by the variables that every program with OpenTelemetry heeds, under its names and with its defaults. */
import { readFileSync } from "node:fs";
import type { Attributes, Sampler, TracingConfig } from "@pawl/server";
import { traceLimits } from "@pawl/server/settings";
import { Failure } from "../failure.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined where no collector is named, or traces are switched off. Throws {@link Failure} for what makes no sense, and for what is not spoken here. */
export function tracingConfig(environment: Environment): TracingConfig | undefined {
  const read = (name: string) => environment[name]?.trim() || undefined;
  const otlp = (name: string): readonly [name: string, value: string | undefined] => {
    const own = `OTEL_EXPORTER_OTLP_TRACES_${name}`;
    return read(own) === undefined
      ? [`OTEL_EXPORTER_OTLP_${name}`, read(`OTEL_EXPORTER_OTLP_${name}`)]
      : [own, read(own)];
  };
  const isOff = read("OTEL_SDK_DISABLED")?.toLowerCase() === "true" || read("OTEL_TRACES_EXPORTER") === "none";
  const [endpointName, endpoint] = otlp("ENDPOINT");
  if (endpoint === undefined || isOff) return undefined;
  refuseOthers("OTEL_TRACES_EXPORTER", read("OTEL_TRACES_EXPORTER"), ["otlp"]);
  refuseOthers(...otlp("PROTOCOL"), ["http/json"]);
  refuseOthers(...otlp("COMPRESSION"), ["gzip", "none"]);
  const isWhole = endpointName === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const count = (name: string, fallback: number) => wholeNumber(name, read(name), fallback);
  return {
    sampler: samplerOf(read("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on", read("OTEL_TRACES_SAMPLER_ARG")),
    target: {
      url: urlOf(endpointName, isWhole ? endpoint : `${endpoint.replace(/\/+$/, "")}/v1/traces`),
      headers: Object.fromEntries(pairsOf(...otlp("HEADERS"))),
      resource: resourceOf(read),
      isCompressed: otlp("COMPRESSION")[1] === "gzip",
      timeoutMs: wholeNumber(...otlp("TIMEOUT"), traceLimits.timeoutMsDefault),
      batchMax: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", traceLimits.batchDefault),
      delayMs: count("OTEL_BSP_SCHEDULE_DELAY", traceLimits.delayMsDefault),
      queueMax: count("OTEL_BSP_MAX_QUEUE_SIZE", traceLimits.queueDefault),
    },
  };
}

function refuseOthers(name: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw new Failure("usage", `${name} is ${JSON.stringify(value)}; this server knows ${known.join(" and ")}`);
}

function urlOf(name: string, text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new Failure(
    "usage",
    `${name} is such as http://127.0.0.1:4318, which ${JSON.stringify(text)} does not lead to`,
  );
}

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure("usage", `${name} is a whole number above 0, not ${JSON.stringify(text)}`);
}

/** `key=value,key=value`, percent-encoded. */
function pairsOf(name: string, text = ""): (readonly [string, string])[] {
  return text
    .split(",")
    .filter((pair) => pair.trim() !== "")
    .map((pair) => {
      const [, key, value] = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair) ?? [];
      try {
        if (key !== undefined && value !== undefined)
          return [decodeURIComponent(key), decodeURIComponent(value.trim())];
      } catch {
        // Refused below; what it says is not repeated, because it may be a key.
      }
      throw new Failure("usage", `${name} is written key=value,key=value, with percent signs before what is not plain`);
    });
}

function resourceOf(read: (name: string) => string | undefined): Attributes {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  const given = Object.fromEntries(pairsOf("OTEL_RESOURCE_ATTRIBUTES", read("OTEL_RESOURCE_ATTRIBUTES")));
  const name = read("OTEL_SERVICE_NAME");
  return {
    "service.name": "pawl",
    "service.version": version,
    ...given,
    ...(name !== undefined && { "service.name": name }),
  };
}

function samplerOf(name: string, argument: string | undefined): Sampler {
  refuseOthers("OTEL_TRACES_SAMPLER", name, samplers);
  const heedsCallers = name.startsWith("parentbased_");
  if (!name.endsWith("traceidratio")) return { heedsCallers, ratio: name.endsWith("always_on") ? 1 : 0 };
  const ratio = Number(argument ?? 1);
  if (ratio >= 0 && ratio <= 1) return { heedsCallers, ratio };
  throw new Failure("usage", `OTEL_TRACES_SAMPLER_ARG is a number from 0 to 1, not ${JSON.stringify(argument)}`);
}

const samplers = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);
