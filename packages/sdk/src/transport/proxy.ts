/** Connecting through an HTTP proxy, which is configured by the same environment variables that gRPC's libraries read. */
import { request } from "node:http";
import type { Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

const connectWithinMs = 20_000;

export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** `user:password` */
  readonly auth: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `TypeError` for a proxy that is no address of HTTP. */
export function proxyFor(host: string, environment: Environment): Proxy | undefined {
  const text = first(environment, ["grpc_proxy", "https_proxy", "http_proxy"]);
  if (text === undefined || isExcepted(host, first(environment, ["no_grpc_proxy", "no_proxy"]) ?? "")) return undefined;
  const url = URL.parse(text);
  if (url?.protocol !== "http:") throw new TypeError(`a proxy must be an address of HTTP, not ${JSON.stringify(text)}`);
  const { hostname, port, username, password } = url;
  const auth = username === "" ? undefined : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { host: hostname, port: Number(port || 80), auth };
}

/** A socket through the proxy, with TLS on it when there is to be. */
export function throughProxy(
  proxy: Proxy,
  { host, port }: { readonly host: string; readonly port: number },
  tls: ConnectionOptions | undefined,
): Promise<Socket> {
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const headers = {
    host: target,
    ...(proxy.auth === undefined
      ? {}
      : { "proxy-authorization": `Basic ${Buffer.from(proxy.auth).toString("base64")}` }),
  };
  const options = { host: proxy.host, port: proxy.port, method: "CONNECT", path: target, headers, agent: false };
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, timeout: connectWithinMs });
    asked.once("connect", ({ statusCode }, socket, head) => {
      if (statusCode !== 200) {
        socket.destroy();
        return reject(new Error(`the proxy ${proxy.host}:${proxy.port} answered ${statusCode}`));
      }
      // The server may have begun to speak in the same breath.
      if (head.length > 0) socket.unshift(head);
      if (!tls) return resolve(socket);
      const secure = connectTls({ ...tls, servername: tls.servername ?? host, socket }, () => resolve(secure));
      secure.once("error", reject);
    });
    asked.once("timeout", () => asked.destroy(new Error(`the proxy ${proxy.host}:${proxy.port} does not answer`)));
    asked.once("error", reject);
    asked.end();
  });
}

function first(environment: Environment, names: readonly string[]): string | undefined {
  return names.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
}

/** `.example.com` and `example.com` mean the name and all below it. */
function isExcepted(host: string, list: string): boolean {
  const names = list.split(",").map((name) => name.trim().replace(/^\./, ""));
  return names.some((name) => name !== "" && (host === name || host.endsWith(`.${name}`)));
}
