/** `GET /metrics` over plain HTTP, for Prometheus, and `GET /health`, for supervisors and load balancers. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Health } from "./health.ts";

export class MetricsServer {
  readonly #server: Server;

  constructor(metrics: Metrics, health: Pick<Health, "status">) {
    const pages = new Map<string, () => readonly [status: number, body: string]>([
      ["/metrics", () => [200, metrics.prometheusText()]],
      ["/health", () => [health.status === "SERVING" ? 200 : 503, `${health.status}\n`]],
    ]);
    this.#server = createServer((request, response) => {
      const isRead = request.method === "GET" || request.method === "HEAD";
      const page = pages.get(request.url?.split("?", 1)[0] ?? "");
      const refused = page ? 405 : 404;
      const [status, body] =
        page && isRead ? page() : [refused, `${refused}: only GET /metrics and GET /health are served here\n`];
      response.writeHead(status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      response.end(request.method === "HEAD" ? undefined : body);
    });
  }

  /** Throws what the socket says when the address is taken. */
  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        resolve({ port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
