/**
 * From sources to static files: scripts and a style sheet, named by what they contain, and the document that loads them. Run as a program it writes
 * `dist`, as an installation does.
 */
import { renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const uiFolder = fileURLToPath(new URL("..", import.meta.url));

/** Holds `index.html`, which names all else, and `public`, whose files keep their names. */
const app = join(uiFolder, "src/app");

/** Replaced as a whole, so that whoever finds its document finds all of it. */
export async function build(outFolder: string): Promise<void> {
  // Only here, so that a machine for which it has no binaries is told as any other failure is.
  const vite = await import("vite");
  // Beside it, since a rename does not leave its file system.
  const unfinished = join(dirname(outFolder), ".cache", `dist-${process.pid}`);
  try {
    await vite.build({
      root: app,
      configFile: false,
      logLevel: "silent",
      build: {
        outDir: unfinished,
        target: "es2022",
        // The first ones that know light-dark(), for which nothing needs to be written in its place.
        cssTarget: ["chrome123", "firefox120", "safari17.5"],
        // The policy of the pages knows no data: addresses.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: false,
      },
    });
    rmSync(outFolder, { recursive: true, force: true });
    renameSync(unfinished, outFolder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  await build(join(uiFolder, "dist")).catch((error: unknown) => {
    console.error(`The web UI could not be built: ${error instanceof Error ? error.message : error}`);
    // All else works without it, and its pages say why they are not there.
    if (process.env["npm_lifecycle_event"] !== "postinstall") process.exitCode = 1;
  });
}
