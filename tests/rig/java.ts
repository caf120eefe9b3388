/** The official Java SDK, pinned by `pom.xml`, compiled by Maven into classes beside the jars that they need. */
import { delimiter, join } from "node:path";
import { LanguageMissing, type Prepared, type Program, prepare, repository, run } from "./toolchain.ts";

const compat = join(repository, "tests/compat/java");

export interface JavaTool {
  /** The compat program of this language. */
  readonly scenarios: Program;
}

export function prepareJava(): Promise<Prepared<JavaTool>> {
  return prepare({
    name: "java",
    pins: [compat],
    fingerprint: javaVersion,
    async prepare(folder) {
      const maven = ["-B", "-q", `-Dbuild.folder=${folder}`, "compile", "dependency:copy-dependencies"];
      await run("mvn", maven, { cwd: compat });
    },
    use: (folder) => ({
      scenarios: {
        command: "java",
        args: ["-cp", [join(folder, "classes"), join(folder, "lib", "*")].join(delimiter), "compat.Main"],
      },
    }),
  });
}

async function javaVersion(): Promise<string> {
  const version = await run("javac", ["-version"]);
  const major = Number(/javac (\d+)/.exec(version)?.[1] ?? 0);
  if (major < 17) throw new LanguageMissing(`the Java programs need JDK 17, and this is "${version}"`);
  return `${version} ${await run("mvn", ["-v"])}`;
}
