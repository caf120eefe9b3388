/**
 * One gRPC call on a connection of its own: enough to ask a server whether it is ready and what it holds, without an SDK between.
 */
import { connect, constants } from "node:http2";
import type { Init } from "@pawl/protocol";
import { type MethodName, methods, type RequestOf, type ResponseOf } from "@pawl/protocol";

/** The server answered with a status other than OK. */
export class CallError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(`status ${status}: ${message}`);
    this.status = status;
  }
}

/** Throws {@link CallError}, or the error of the connection. */
export async function call<N extends MethodName>(
  address: string,
  name: N,
  request: Init<RequestOf<N>>,
  { timeoutMs = 10_000, headers = {} }: { timeoutMs?: number; headers?: Readonly<Record<string, string>> } = {},
): Promise<ResponseOf<N>> {
  const method = methods[name];
  const answer = await unary(address, method.path, method.request.encode(request as never), { timeoutMs, headers });
  return method.response.decode(answer) as ResponseOf<N>;
}

function unary(
  address: string,
  path: string,
  message: Uint8Array,
  { timeoutMs, headers }: { readonly timeoutMs: number; readonly headers: Readonly<Record<string, string>> },
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const session = connect(`http://${address}`);
  session.on("error", reject);
  const stream = session.request({
    ...headers,
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: path,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": `${timeoutMs}m`,
  });
  stream.setTimeout(timeoutMs + 1_000, () => stream.close(constants.NGHTTP2_CANCEL));
  const chunks: Buffer[] = [];
  // A refusal without a message comes as headers only, a full answer ends in trailers: the status is in whichever came last.
  let status: unknown;
  let text: unknown;
  for (const event of ["response", "trailers"]) {
    stream.on(event, (headers: Record<string, unknown>) => {
      status = headers["grpc-status"] ?? status;
      text = headers["grpc-message"] ?? text;
    });
  }
  stream.on("error", reject);
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("close", () => {
    session.close();
    if (status === undefined) return reject(new Error(`${path}: the stream closed without a status`));
    if (Number(status) !== 0) return reject(new CallError(Number(status), decodeURIComponent(String(text ?? ""))));
    // One frame: a compression flag, a length of four bytes, the message.
    resolve(Buffer.concat(chunks).subarray(5));
  });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  stream.end(Buffer.concat([head, message]));
  return promise;
}
