/** Workflow code as one script for the sandbox, made by esbuild from the user's modules; the SDK's own part is made once a process. */
import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildFailure, BuildOptions, Plugin } from "esbuild";
import type { Logger } from "../value/logger.ts";
import { sdkVersion } from "../value/version.ts";

/** Plain data: it may be kept in a file, and a worker that is given it needs no bundler. */
export interface WorkflowBundle extends Script {
  /** The SDK's own side, which a worker of the same version takes from here. */
  readonly runtime?: Script & { readonly sdkVersion: string };
}

export interface Script {
  readonly code: string;
  /** A source map, version 3, as JSON. Without it stacks name places in the bundle. */
  readonly sourceMap?: string | undefined;
}

/** The code of a bundle in a file, and its source map in another. */
export interface WorkflowBundlePath {
  readonly codePath: string;
  readonly sourceMapPath?: string;
}

/** A bundle that {@link bundleWorkflowCode} made, at hand or in files. */
export type WorkflowBundleOption = WorkflowBundle | WorkflowBundlePath;

/** How workflow code is bundled. */
export interface BundleOptions {
  /** Modules that the workflow code names and never runs: they are left out and throw when they are touched. */
  readonly ignoreModules?: readonly string[];
  /** Is told of the bundle once it is made. Default: nobody. */
  readonly logger?: Logger;
}

/** What goes into a bundle: modules by their paths. */
export interface BundledModules {
  readonly workflowsPath: string;
  readonly payloadConverterPath?: string | undefined;
  readonly failureConverterPath?: string | undefined;
  /** Modules that export `interceptors`. */
  readonly workflowInterceptorModules?: readonly string[] | undefined;
}

/** What workflow code imports is evaluated once and shared by all runs; everything else is evaluated for each run. */
export const sharedModules = ["@pawl/sdk/workflow", "@pawl/sdk/common", "nexus-rpc"] as const;
const outsideModules = /^@pawl\/sdk\/(client|worker|activity|nexus)$/;

export const userFile = "workflow-bundle.js";
export const runtimeFile = "pawl-workflow-runtime.js";

/** Throws when a module cannot be found or read, or is one of Node's: each with its file and line. */
export async function bundleWorkflowCode({
  ignoreModules = [],
  logger,
  ...modules
}: BundleOptions & BundledModules): Promise<WorkflowBundle> {
  const [runtime, user] = await Promise.all([
    bundleRuntime(),
    build({
      stdin: { contents: entryOf(modules), resolveDir: process.cwd(), sourcefile: "pawl-workflow-entry.js" },
      external: [...sharedModules],
      plugins: [sandboxRules(new Set(ignoreModules))],
    }),
  ]);
  logger?.info("Workflow bundle created", { size: `${(user.code.length / 2 ** 20).toFixed(2)}MB` });
  return { ...user, runtime: { ...runtime, sdkVersion } };
}

/** What a worker or a replay is to run: the bundle that it was given, or one made of its options. */
export async function bundleOf(options: {
  readonly workflowsPath?: string;
  readonly workflowBundle?: WorkflowBundleOption;
  readonly bundlerOptions?: BundleOptions;
  readonly dataConverter?: Pick<BundledModules, "payloadConverterPath" | "failureConverterPath">;
  readonly interceptors?: { readonly workflowModules?: readonly string[] };
}): Promise<WorkflowBundle> {
  const { workflowsPath, workflowBundle, bundlerOptions, dataConverter, interceptors } = options;
  if (workflowBundle) return await loadedBundle(workflowBundle);
  const { payloadConverterPath, failureConverterPath } = dataConverter ?? {};
  return await bundleWorkflowCode({
    ...bundlerOptions,
    workflowsPath: workflowsPath!,
    ...{ payloadConverterPath, failureConverterPath, workflowInterceptorModules: interceptors?.workflowModules },
  });
}

/** Throws `TypeError` for what is no bundle, and when a file cannot be read. */
async function loadedBundle(given: WorkflowBundleOption): Promise<WorkflowBundle> {
  if ("code" in given && typeof given.code === "string") return given;
  const { codePath, sourceMapPath } = given as WorkflowBundlePath;
  if (typeof codePath !== "string") {
    throw new TypeError(
      "workflowBundle must be what bundleWorkflowCode gives, or { codePath } with the path of its code",
    );
  }
  const text = async (path: string) =>
    await readFile(path, "utf8").catch((cause: Error) => {
      throw new TypeError(`workflowBundle: ${cause.message}`, { cause });
    });
  const [code, sourceMap] = await Promise.all([
    text(codePath),
    sourceMapPath === undefined ? undefined : text(sourceMapPath),
  ]);
  return { code, sourceMap };
}

/** The bundle's own first module. What it requires is evaluated when a run asks for it: its converters before it exists, its workflows within it. */
function entryOf(modules: BundledModules): string {
  const { workflowsPath, payloadConverterPath, failureConverterPath, workflowInterceptorModules = [] } = modules;
  const load = (path: string) => `require(${JSON.stringify(path.startsWith("file:") ? fileURLToPath(path) : path)})`;
  const named = (path: string | undefined, name: string) =>
    path === undefined ? "undefined" : `${load(path)}.${name}`;
  return [
    `exports.workflows = () => ${load(workflowsPath)};`,
    `exports.payloadConverter = () => ${named(payloadConverterPath, "payloadConverter")};`,
    `exports.failureConverter = () => ${named(failureConverterPath, "failureConverter")};`,
    `exports.interceptors = () => [${workflowInterceptorModules.map((path) => `{ path: ${JSON.stringify(path)}, exports: ${load(path)} }`)}];`,
  ].join("\n");
}

/** Nothing is written there: it is what the source map's paths are relative to. */
const outdir = "workflow-bundle";

let runtime: Promise<Script> | undefined;

/** The SDK's side of the sandbox for this code: that which came with it, or, when that is another version's, one made now. */
export async function runtimeOf({ runtime: given }: WorkflowBundle): Promise<Script> {
  return given?.sdkVersion === sdkVersion ? given : await bundleRuntime();
}

/** The SDK's API for workflow code, and the activator that the worker drives. */
function bundleRuntime(): Promise<Script> {
  runtime ??= buildRuntime();
  return runtime;
}

async function buildRuntime(): Promise<Script> {
  const door = fileURLToPath(import.meta.resolve(sharedModules[0]));
  const extension = door.slice(door.lastIndexOf("."));
  const modules = {
    workflow: door,
    common: fileURLToPath(import.meta.resolve(sharedModules[1])),
    nexus: fileURLToPath(import.meta.resolve(sharedModules[2])),
    activator: join(dirname(door), "run", `activator${extension}`),
  };
  const contents = Object.entries(modules)
    .map(([name, path]) => `export * as ${name} from ${JSON.stringify(path)};`)
    .join("\n");
  return await build({ stdin: { contents, resolveDir: dirname(door) } }, unnamedToo);
}

async function build(options: BuildOptions, isRight = rightlyNamed): Promise<Script> {
  const esbuild = await import("esbuild");
  try {
    const { outputFiles } = await esbuild.build({
      ...options,
      ...{ bundle: true, write: false, format: "cjs", platform: "neutral", target: "node24", logLevel: "silent" },
      ...{ mainFields: ["module", "main"], sourcemap: "external", outdir, keepNames: true },
      // What a program does when it is started itself is no part of its workflows, so that both may stand in one file.
      define: { "import.meta.main": "false" },
    });
    const text = (suffix: string) => outputFiles?.find(({ path }) => path.endsWith(suffix))?.text;
    return { code: lightlyNamed(text(".js") ?? "", isRight), sourceMap: withFullPaths(text(".js.map") ?? "{}") };
  } catch (error) {
    throw readable(error);
  }
}

/**
 * esbuild gives each function its name once more, by a property, for the few that it had to rename. The property turns the function into a dictionary: 256 bytes and
 * some hundred nanoseconds for every one that a run makes, so that it is left out where the name is right. On a line of its own, which no source map knows.
 */
function lightlyNamed(code: string, isRight: string): string {
  return code.replace(namedByProperty, (line) => line.replace("=> ", `=> ${isRight} ? target : `));
}

const rightlyNamed = "target.name === value";
/** Nobody asks the SDK's own inner functions for their names, and it makes some for whatever workflow code waits for. */
const unnamedToo = `${rightlyNamed} || target.name === ""`;

const namedByProperty = /^var __name = \(target, value\) => __defProp\(target, "name", .*$/m;

/** Sources as a stack or a debugger can open them, wherever the process was started. */
function withFullPaths(sourceMap: string): string {
  const map = JSON.parse(sourceMap) as { sources?: string[] };
  return JSON.stringify({ ...map, sources: map.sources?.map((source) => resolve(outdir, source)) });
}

function sandboxRules(ignored: ReadonlySet<string>): Plugin {
  return {
    name: "pawl-workflow-sandbox",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[\w@]/ }, ({ path, kind }) => {
        if (ignored.has(path)) return { path, namespace: "pawl-ignored" };
        if (kind === "entry-point" || isAbsolute(path)) return undefined;
        if (isBuiltin(path)) return { errors: [{ text: notInWorkflows(`the Node module "${path}"`) }] };
        if (outsideModules.test(path)) return { errors: [{ text: notInWorkflows(`"${path}"`) }] };
        return undefined;
      });
      onLoad({ filter: /.*/, namespace: "pawl-ignored" }, ({ path }) => ({ contents: ignoredModule(path) }));
    },
  };
}

function notInWorkflows(what: string): string {
  return (
    `workflow code cannot use ${what}: it would not do the same when it is replayed. ` +
    "Move what needs it to an activity; if only types are needed, write `import type`; if a library names it and never runs it here, list it in bundlerOptions.ignoreModules"
  );
}

function ignoredModule(path: string): string {
  const message = `module ${path} was left out of the workflow bundle by bundlerOptions.ignoreModules`;
  return `module.exports = new Proxy({}, { get(_, key) { if (key === "__esModule" || typeof key === "symbol") return undefined; throw new Error(${JSON.stringify(message)}); } });`;
}

function readable(error: unknown): Error {
  const failed = error as Partial<BuildFailure>;
  if (!failed.errors?.length) return error as Error;
  const lines = failed.errors.map(({ text, location }) =>
    location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text,
  );
  return new Error(`the workflow code cannot be bundled:\n${lines.join("\n")}`, { cause: error });
}
