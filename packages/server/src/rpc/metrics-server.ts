/** `GET /metrics` over plain HTTP, for Prometheus. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Metrics } from "../metrics.ts";

export class MetricsServer {
  readonly #server: Server;

  constructor(metrics: Metrics) {
    this.#server = createServer((request, response) => {
      const isRead = request.method === "GET" || request.method === "HEAD";
      const isMetrics = request.url?.split("?", 1)[0] === "/metrics";
      const status = !isMetrics ? 404 : isRead ? 200 : 405;
      const body = status === 200 ? metrics.prometheusText() : `${status}: only GET /metrics is served here\n`;
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
