/** The two SDKs under one face: what is measured calls nothing but what both have. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { repository } from "../../rig/toolchain.ts";

export type SdkName = "pawl" | "official";

export interface Sdk {
  readonly client: Pick<typeof import("@pawl/sdk/client"), "Client" | "Connection">;
  readonly worker: Pick<typeof import("@pawl/sdk/worker"), "NativeConnection" | "Worker" | "bundleWorkflowCode">;
  readonly code: { readonly workflowsPath: string };
}

export async function sdkOf(name: SdkName): Promise<Sdk> {
  if (name === "pawl") {
    const { DefaultLogger, Runtime, ...worker } = await import("@pawl/sdk/worker");
    Runtime.install({ logger: new DefaultLogger("ERROR") });
    const workflowsPath = fileURLToPath(new URL("./workflows.ts", import.meta.url));
    return { client: await import("@pawl/sdk/client"), worker, code: { workflowsPath } };
  }
  // Types of ours for what has the same names there.
  const { DefaultLogger, Runtime, ...worker } = await official<typeof import("@pawl/sdk/worker")>("worker");
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const client = await official<typeof import("@pawl/sdk/client")>("client");
  return { client, worker, code: { workflowsPath: join(programs, "bench-workflows.ts") } };
}

const programs = join(repository, "tests/compat/typescript");

/** Installed beside the compat programs, and not found from here. */
async function official<T>(name: string): Promise<T> {
  const path = createRequire(join(programs, "package.json")).resolve(`@temporalio/${name}`);
  return (await import(pathToFileURL(path).href)) as T;
}
