/**
 * The packages as npm carries them: JavaScript with declarations, since Node strips no types below `node_modules`. What is packed follows from each
 * package.json: `files` says what belongs to it, `exports` and `bin` name sources here and their compiled files there.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { openPages } from "@pawl/ui";
import { type CodeFile, isCode, readRepository, sourcesOfCheckout } from "./repository.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Where compiled sources are, in place of `src` and as deep, so that what a module finds beside its package's sources it finds there too. */
const compiledFolder = "lib";

export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly files?: readonly string[];
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** What may be imported of a package, and the source behind it. */
type Door = readonly [name: string, file: string];

interface Packed {
  /** Such as `packages/sdk`. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** Modules to compile, from the root of the repository. */
  readonly sources: readonly CodeFile[];
}

/** Writes a tarball for each package of the workspace that is not private, and gives their paths. Throws when a source does not compile. */
export async function pack(outFolder: string): Promise<string[]> {
  const staging = join(outFolder, "staging");
  rmSync(outFolder, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  await requireUserInterface();
  const packages = packagesOfWorkspace();
  compile(packages, staging);
  for (const each of packages) complete(each, join(staging, each.folder));
  const tarballs = archive(
    packages.map(({ folder }) => join(staging, folder)),
    outFolder,
  );
  rmSync(staging, { recursive: true });
  return tarballs;
}

function packagesOfWorkspace(): Packed[] {
  const repository = readRepository(sourcesOfCheckout());
  return [...repository.packages.values()].flatMap(({ folder, path }) => {
    const manifest = JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
    if (manifest.private) return [];
    const sources = repository.code.filter(
      (file) => file.path.startsWith(`${folder}/src/`) && !file.isTest && isPublished(manifest, folder, file.path),
    );
    return [{ folder, manifest, sources }];
  });
}

/** As npm reads `files`: what it excludes is for this repository alone. */
function isPublished({ files = [] }: Manifest, folder: string, path: string): boolean {
  const excluded = files.filter((entry) => entry.startsWith("!")).map((entry) => posix.join(folder, entry.slice(1)));
  return !excluded.some((each) => path === each || path.startsWith(`${each}/`));
}

/** The pages are built when something is newer than they are, or not there. */
async function requireUserInterface(): Promise<void> {
  const page = await openPages()("/");
  if (page?.status !== 200) throw new Error(`the web UI is not built: ${page?.body}`);
}

/** All at once: each source is read once, and declarations name other packages by their doors. */
function compile(packages: readonly Packed[], staging: string): void {
  const config = join(staging, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        // What Node runs as it stands here, it runs there.
        ...{ target: "ESNext", noEmit: false, noEmitOnError: true, declaration: true },
        ...{ rewriteRelativeImportExtensions: true, rootDir: root, outDir: staging },
        typeRoots: [join(root, "node_modules/@types")],
      },
      files: packages.flatMap(({ sources }) =>
        sources.filter(({ path }) => path.endsWith(".ts")).map(({ path }) => join(root, path)),
      ),
      include: [],
    }),
  );
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], { encoding: "utf8" });
  } catch (error) {
    throw new Error(`the packages do not compile:\n${(error as { stdout: string }).stdout}`);
  }
  rmSync(config);
}

/** Adds what is not compiled: modules that are JavaScript already, other folders, texts, and the package.json. */
function complete({ folder, manifest, sources }: Packed, target: string): void {
  const source = join(root, folder);
  renameSync(join(target, "src"), join(target, compiledFolder));
  for (const path of globSync("src/**/*.{js,d.ts}", { cwd: source })) {
    if (isPublished(manifest, folder, posix.join(folder, path.replaceAll("\\", "/"))))
      cpSync(join(source, path), join(target, path.replace(/^src/, compiledFolder)));
  }
  const { files = [] } = manifest;
  for (const entry of files.filter((each) => !each.startsWith("!") && each !== "src"))
    cpSync(join(source, entry), join(target, entry), { recursive: true });
  if (existsSync(join(source, "README.md"))) cpSync(join(source, "README.md"), join(target, "README.md"));
  cpSync(join(root, "LICENSE"), join(target, "LICENSE"));
  const modules = new Set(sources.flatMap(({ references }) => references.map(({ specifier }) => packageOf(specifier))));
  const published = publishedManifest(manifest, folder, modules);
  writeFileSync(join(target, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** `modules`: the packages that the sources import. What was needed only to make other files (the pages of the web UI) need not be installed. */
export function publishedManifest(manifest: Manifest, folder: string, modules: ReadonlySet<string>): object {
  const { files: _files, devDependencies: _dev, exports, bin, dependencies = {}, ...kept } = manifest;
  const doors = Object.entries(exports).filter(([, file]) => isPublished(manifest, folder, posix.join(folder, file)));
  const isNeeded = (name: string) => modules.has(name.replace(/^@types\//, ""));
  return {
    ...kept,
    exports: Object.fromEntries(doors.map(([door, file]) => [door, publishedDoor(file)])),
    ...typesWithoutExports(doors),
    ...(bin && { bin: Object.fromEntries(Object.entries(bin).map(([name, file]) => [name, compiled(file, ".js")])) }),
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([name]) => isNeeded(name))),
  };
}

function publishedDoor(file: string): string | object {
  return isSource(file) ? { types: compiled(file, ".d.ts"), default: compiled(file, ".js") } : file;
}

/** For compilers that look for the files of a package without reading its `exports` (`"moduleResolution": "node10"`). */
function typesWithoutExports(doors: readonly Door[]): object {
  const sources = doors.filter(([, file]) => isSource(file));
  const main = sources.find(([door]) => door === ".");
  const others = sources.filter((each) => each !== main);
  const paths = others.map(([door, file]) => [door.slice("./".length), [compiled(file, ".d.ts")]] as const);
  return {
    ...(main && { types: compiled(main[1], ".d.ts") }),
    ...(others.length > 0 && { typesVersions: { "*": Object.fromEntries(paths) } }),
  };
}

function isSource(file: string): boolean {
  return isCode(file) && file.startsWith("./src/");
}

function compiled(file: string, suffix: ".js" | ".d.ts"): string {
  return isSource(file) ? file.replace("./src/", `./${compiledFolder}/`).replace(/\.[jt]s$/, suffix) : file;
}

/** One call for all of them: npm takes longer to start than to pack. */
function archive(folders: readonly string[], outFolder: string): string[] {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", outFolder, ...folders];
  const output = execFileSync("npm", args, { encoding: "utf8", cwd: outFolder, shell: process.platform === "win32" });
  return (JSON.parse(output) as { filename: string }[]).map(({ filename }) => join(outFolder, filename));
}

if (import.meta.main) for (const tarball of await pack(join(root, "dist"))) console.log(tarball);
