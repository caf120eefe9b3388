/** grpc.health.v1: whether this server takes work. All of its services do or none does. */
import { health } from "@pawl/protocol";
import type { Routes, Status } from "./transport.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

export class Health {
  readonly #services: ReadonlySet<string>;
  readonly #watchers = new Set<() => void>();
  #serves = false;

  /** `services` beside "", which means the server as a whole. */
  constructor(services: Iterable<string>) {
    this.#services = new Set(["", ...services]);
  }

  /** Tells those who watch. */
  set(state: "serving" | "notServing"): void {
    this.#serves = state === "serving";
    for (const tell of this.#watchers) tell();
  }

  /** Of the server as a whole, by the name that the protocol gives it. */
  get status(): "SERVING" | "NOT_SERVING" {
    return this.#serves ? "SERVING" : "NOT_SERVING";
  }

  get routes(): Routes {
    return {
      unary: new Map([
        [
          "/grpc.health.v1.Health/Check",
          async (bytes) => {
            const service = readService(bytes);
            if (typeof service === "object") return service;
            if (this.#services.has(service))
              return health.HealthCheckResponse.encode({ status: this.#status(service) });
            return { code: "NOT_FOUND", message: `unknown service ${JSON.stringify(service)}` };
          },
        ],
      ]),
      streaming: new Map([
        [
          "/grpc.health.v1.Health/Watch",
          (call, send) => {
            let service: string | undefined;
            let told: number | undefined;
            const tell = () => {
              const status = this.#status(service!);
              if (status !== told) send(health.HealthCheckResponse.encode({ status }));
              told = status;
            };
            call.signal.addEventListener("abort", () => this.#watchers.delete(tell), { once: true });
            return {
              onMessage: (bytes) => {
                const asked = readService(bytes);
                if (typeof asked === "object") return asked;
                if (service !== undefined) return { code: "INVALID_ARGUMENT", message: "Watch takes one request" };
                service = asked;
                tell();
                this.#watchers.add(tell);
                return undefined;
              },
              onHalfClose: () => undefined,
            };
          },
        ],
      ]),
    };
  }

  #status(service: string): health.HealthCheckResponse_ServingStatus {
    if (!this.#services.has(service)) return SERVICE_UNKNOWN;
    return this.#serves ? SERVING : NOT_SERVING;
  }
}

function readService(bytes: Uint8Array): string | Status {
  try {
    return health.HealthCheckRequest.decode(bytes).service;
  } catch (error) {
    return { code: "INVALID_ARGUMENT", message: `Health: the request cannot be decoded: ${(error as Error).message}` };
  }
}
