/**
 * A client and a worker of the official SDK over TLS, told by the environment where and how: ADDRESS, TLS_CA, TLS_CERT and TLS_KEY (paths of PEM files),
 * API_KEY for the client and WORKER_API_KEY for the worker, NAMESPACE. Prints what a workflow with five activities comes to.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import * as activities from "./activities.ts";

const {
  ADDRESS: address = "",
  NAMESPACE: namespace = "default",
  API_KEY: apiKey,
  WORKER_API_KEY: workerKey,
} = process.env;
const pem = (variable: string) => {
  const path = process.env[variable];
  return path === undefined ? undefined : readFileSync(path);
};
const [ca, crt, key] = ["TLS_CA", "TLS_CERT", "TLS_KEY"].map(pem);
const tls = ca && { serverRootCACertificate: ca, ...(crt && key && { clientCertPair: { crt, key } }) };
const secure = { address, ...(tls && { tls }) };

Runtime.install({ logger: new DefaultLogger("ERROR") });
const connection = await Connection.connect({ ...secure, ...(apiKey !== undefined && { apiKey }) });
const native = await NativeConnection.connect({ ...secure, ...(workerKey !== undefined && { apiKey: workerKey }) });
const taskQueue = `secure-${randomUUID()}`;
const workflowsPath = join(import.meta.dirname, "workflows.ts");
const worker = await Worker.create({ connection: native, namespace, taskQueue, workflowsPath, activities });
const client = new Client({ connection, namespace });
const options = { taskQueue, workflowId: randomUUID(), args: [1] };
const result = await worker.runUntil(client.workflow.execute("sequenceAndParallel", options));
console.log(`connected to ${namespace}, the workflow came to ${result}`);
await connection.close();
await native.close();
