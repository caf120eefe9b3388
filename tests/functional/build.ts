/**
 * The functional tests of the reference server, built into one program that calls a server outside of its process. They come from the Go proxy with
 * the module of the server; in place of the cluster that they would start stands `external.go`.
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Prepared, prepare, run } from "../rig/toolchain.ts";

/** As the development server that the other comparisons run. */
const version = "v1.32.2";

export interface FunctionalTests {
  readonly program: string;
  /** Where the program runs: it looks for files beside its sources. */
  readonly folder: string;
}

/** Some ten minutes of two cores the first time. */
export function prepareFunctionalTests(): Promise<Prepared<FunctionalTests>> {
  return prepare({
    name: "functional",
    pins: [import.meta.filename, join(import.meta.dirname, "external.go")],
    fingerprint: () => run("go", ["version"]),
    prepare: build,
    use: (folder) => ({ program: join(folder, "functional.test"), folder: join(folder, "server/tests") }),
  });
}

async function build(folder: string): Promise<void> {
  const server = join(folder, "server");
  await cp(await download(folder), server, { recursive: true });
  await run("chmod", ["-R", "u+w", server]);
  await useThisGo(join(server, "go.mod"));
  const testcore = join(server, "tests/testcore");
  await cp(join(import.meta.dirname, "external.go"), join(testcore, "external.go"));
  for (const change of changes) await apply(testcore, change);
  const tags = ["-tags", "test_dep,disable_grpc_modules"];
  await run("go", ["test", "-c", "-vet=off", ...tags, "-o", join(folder, "functional.test"), "./tests"], {
    cwd: server,
    env: { ...process.env, GOFLAGS: "-buildvcs=false" },
  });
}

/** The folder in the cache of modules. A Go that is some patches too old is told so only after the download, which is all that is wanted here. */
async function download(folder: string): Promise<string> {
  const cwd = join(folder, "download");
  await mkdir(cwd);
  const module = `go.temporal.io/server@${version}`;
  const answer = await run("go", ["mod", "download", "-json", module], { cwd }).catch(() => "{}");
  const { Dir } = JSON.parse(answer) as { Dir?: string };
  return Dir ?? join(await run("go", ["env", "GOMODCACHE"]), module);
}

async function useThisGo(file: string): Promise<void> {
  const [, running = ""] = /go(\d+\.\d+(?:\.\d+)?)/.exec(await run("go", ["env", "GOVERSION"])) ?? [];
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^go .*$/m, `go ${running}`).replace(/^toolchain .*$/m, ""));
}

interface Change {
  readonly file: string;
  /** Stands there once; `insert` comes behind it. */
  readonly after: string;
  readonly insert: string;
}

const changes: readonly Change[] = [
  {
    file: "functional_test_base.go",
    after: "		s.Logger = tl\n	}\n",
    insert: "	s.setUpExternal(params)\n	return\n",
  },
  {
    file: "functional_test_base.go",
    after: "	visibilityArchivalURI string,\n) (namespace.ID, error) {\n",
    insert: "	return s.registerExternal(nsName, retentionDays)\n",
  },
  {
    file: "functional_test_base.go",
    after: "func (s *FunctionalTestBase) AdminClient() adminservice.AdminServiceClient {\n",
    insert: '	skipInternal(s.T(), "administration")\n',
  },
  {
    file: "test_env.go",
    after: "var _ Env = (*TestEnv)(nil)\n",
    insert:
      'func (e *TestEnv) AdminClient() adminservice.AdminServiceClient {\n	skipInternal(e.t, "administration")\n	return nil\n}\n',
  },
  {
    file: "test_env.go",
    after: "func (u *dedicatedClusterGuard) validate() error {\n",
    insert: "	return nil\n",
  },
  {
    file: "test_env.go",
    after:
      "	fn func(context.Context, *authorization.Claims, *authorization.CallTarget) (authorization.Result, error),\n) {\n	e.t.Helper()\n",
    insert: '	skipInternal(e.t, "authorization")\n',
  },
  {
    file: "test_env.go",
    after: "func (e *TestEnv) SetOnGetClaims(fn func(*authorization.AuthInfo) (*authorization.Claims, error)) {\n",
    insert: '	skipInternal(e.t, "authorization")\n',
  },
  {
    file: "onebox.go",
    after: "func (c *temporalImpl) injectHook(t *testing.T, hook testhooks.Hook, scope any) func() {\n",
    insert: '	skipInternal(t, "hook")\n',
  },
  {
    file: "onebox.go",
    after:
      "func (c *temporalImpl) overrideDynamicConfigForTest(t *testing.T, name dynamicconfig.Key, value any) func() {\n",
    insert: '	t.Logf("DYNAMIC %s=%v", name, value)\n',
  },
  {
    file: "test_cluster.go",
    after: "func (tc *TestCluster) TearDownCluster() error {\n",
    insert: "	return tc.host.Stop()\n",
  },
  {
    file: "test_cluster.go",
    after: "	TestCluster struct {\n",
    insert: "		t *testing.T\n",
  },
  {
    file: "functional_test_base.go",
    after: "func (s *FunctionalTestBase) GetTestCluster() *TestCluster {\n",
    insert: "	return &TestCluster{host: s.testCluster.host, t: s.T()}\n",
  },
  ...[
    "TestBase() *persistencetests.TestBase",
    "AdminClient() adminservice.AdminServiceClient",
    "HistoryClient() historyservice.HistoryServiceClient",
    "MatchingClient() matchingservice.MatchingServiceClient",
    "SchedulerClient() schedulerpb.SchedulerServiceClient",
    "ExecutionManager() persistence.ExecutionManager",
    "GetReplicationStreamRecorder() *ReplicationStreamRecorder",
    "GetHistoryTaskRecorder() *HistoryTaskRecorder",
  ].map((method) => ({
    file: "test_cluster.go",
    after: `func (tc *TestCluster) ${method} {\n`,
    insert: `	skipInternal(tc.t, "${method.slice(0, method.indexOf("("))}")\n`,
  })),
];

async function apply(folder: string, { file, after, insert }: Change): Promise<void> {
  const path = join(folder, file);
  const text = await readFile(path, "utf8");
  const at = text.indexOf(after);
  if (at < 0 || at !== text.lastIndexOf(after)) throw new Error(`${file} of ${version} does not have once: ${after}`);
  const end = at + after.length;
  await writeFile(path, `${text.slice(0, end)}${insert}${text.slice(end)}`);
}
