/** From sources to static files: one script, one style sheet, named by what they contain, and the document that loads them. */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build as esbuild } from "esbuild";

export interface BuildOptions {
  /** Holds `main.tsx`, `styles.css` and `icon.svg`. */
  readonly entryFolder: string;
  /** Emptied first. The document is written last, so that whoever finds it finds all of it. */
  readonly outFolder: string;
}

export async function build({ entryFolder, outFolder }: BuildOptions): Promise<void> {
  const { outputFiles } = await esbuild({
    entryPoints: [join(entryFolder, "main.tsx"), join(entryFolder, "styles.css")],
    outdir: join(outFolder, "assets"),
    entryNames: "[name]-[hash]",
    // What only some pages need is in files of its own, which are loaded when a page needs them.
    chunkNames: "[name]-[hash]",
    splitting: true,
    ...{
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      target: "es2022",
      jsx: "automatic",
      logLevel: "silent",
    },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  rmSync(outFolder, { recursive: true, force: true });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
  }
  copyFileSync(join(entryFolder, "icon.svg"), join(outFolder, "icon.svg"));
  const files = outputFiles.map(({ path }) => basename(path));
  const named = (suffix: string) =>
    files.find((name) => name.startsWith("main-") === (suffix === ".js") && name.endsWith(suffix))!;
  writeFileSync(join(outFolder, "index.html"), documentOf({ script: named(".js"), style: named(".css") }));
}

function documentOf({ script, style }: { readonly script: string; readonly style: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Pawl</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/assets/${style}">
<script type="module" src="/assets/${script}"></script>
</head>
<body><div id="root"></div></body>
</html>
`;
}
