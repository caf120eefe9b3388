/** The server that the SDK's tests run against: Pawl, or with `PAWL_TARGET=reference` the reference server. One for all tests of a file. */
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@pawl/sdk/client";
import { DefaultLogger, Worker, type WorkerOptions } from "@pawl/sdk/worker";
import { type RunningServer, startPawl, startReference } from "../rig/server.ts";
import * as activities from "./activities.ts";

export const isReference = process.env["PAWL_TARGET"] === "reference";
export const workflowsPath = fileURLToPath(new URL("./workflows.ts", import.meta.url));

export interface Target {
  readonly server: RunningServer;
  readonly connection: Connection;
  readonly client: Client;
}

/** Filled before the first test of the file. */
export function useTarget(): Target {
  const target: { server?: RunningServer; connection?: Connection; client?: Client } = {};
  before(async () => {
    const port = process.env["PAWL_TEST_PORT"];
    const options = port === undefined ? {} : { port: Number(port) };
    target.server = await (isReference ? startReference(options) : startPawl(options));
    target.connection = await Connection.connect({ address: target.server.address });
    target.client = new Client({ connection: target.connection });
  });
  after(async () => {
    await target.connection?.close();
    await target.server?.stop();
  });
  return target as Target;
}

let queues = 0;

/** A worker on a queue of its own, with the workflows and activities of these tests. */
export async function newWorker({ connection }: Target, options: Partial<WorkerOptions> = {}): Promise<Worker> {
  return await Worker.create({
    ...{ connection, workflowsPath, activities, logger: new DefaultLogger("ERROR") },
    taskQueue: `queue-${process.pid}-${++queues}`,
    ...options,
  });
}

let ids = 0;
export function newId(what = "workflow"): string {
  return `${what}-${process.pid}-${++ids}`;
}
