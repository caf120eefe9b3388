/**
 * The web UI as files for a server to serve. They are built from `app/` when everything is installed, and by a server that finds a source newer than
 * they are: in a process of its own, while the server has long been ready.
 */
import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

const folder = fileURLToPath(new URL("..", import.meta.url));
const dist = join(folder, "dist");
/** What they are built from. A package from npm brings them built, and no sources. */
const app = join(folder, "src/app");
const document = "index.html";

export interface PagesOptions {
  /**
   * The codec server that pages may ask to decode and encode payloads, such as `https://codec.example.org/api`; `/decode` and `/encode` are added to
   * it. Who starts the server names it, and not who uses the pages: payloads can be sent nowhere else, whatever anybody makes a page do.
   */
  readonly codecEndpoint?: string;
}

/** Everything comes from the server itself; nothing that a text contains can run. */
function policyOf({ codecEndpoint }: PagesOptions): string {
  // A policy ends its parts with `;` and `,`.
  const codec = ["decode", "encode"].map((verb) => `${codecEndpoint}/${verb}`.replace(/[;,]/g, encodeURIComponent));
  return [
    "default-src 'self'",
    ...(codecEndpoint ? [`connect-src 'self' ${codec.join(" ")}`] : []),
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join("; ");
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};

/**
 * Begins to build if that is needed, and gives what stands behind a path: a file, or for all else the one document, whose script knows its pages.
 * Paths below `/api` and `/assets` that are not there are `undefined`. When the UI cannot be built, every page says why.
 */
export function openPages(options: PagesOptions = {}): (path: string) => Promise<Page | undefined> {
  const files = load(options).catch((error: unknown) => error as Error);
  return async (path) => {
    const found = await files;
    if (found instanceof Error) return unbuilt(found);
    const file = found.get(path);
    if (file) return file;
    return /^\/(api|assets)(\/|$)/.test(path) ? undefined : found.get(`/${document}`);
  };
}

async function load(options: PagesOptions): Promise<ReadonlyMap<string, Page>> {
  if (isStale()) await build();
  const names = globSync("**/*.*", { cwd: dist }).map((name) => name.replaceAll("\\", "/"));
  return new Map(names.map((name) => [`/${name}`, pageOf(name, options)]));
}

/** The tools for it would stay in the memory of the server, and hold up what it does. */
async function build(): Promise<void> {
  await promisify(execFile)(process.execPath, [fileURLToPath(new URL("build.ts", import.meta.url))]).catch(
    ({ stderr, message }: Error & { stderr?: string }) => {
      throw new Error(stderr?.trim() || message);
    },
  );
}

function isStale(): boolean {
  if (!existsSync(app)) return false;
  const built = join(dist, document);
  if (!existsSync(built)) return true;
  const builtAtMs = statSync(built).mtimeMs;
  const sources = [...globSync("src/**/*.*", { cwd: folder }), "package.json"];
  return sources.some((source) => statSync(join(folder, source)).mtimeMs > builtAtMs);
}

function pageOf(name: string, options: PagesOptions): Page {
  const isHashed = name.startsWith("assets/");
  const body = readFileSync(join(dist, name));
  return {
    status: 200,
    headers: {
      "content-type": types[extname(name)] ?? "application/octet-stream",
      "content-security-policy": policyOf(options),
      "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
      "referrer-policy": "same-origin",
    },
    body: name === document ? withCodecEndpoint(body.toString(), options) : body,
  };
}

/** Where the pages' script finds it. */
function withCodecEndpoint(html: string, { codecEndpoint }: PagesOptions): string {
  if (codecEndpoint === undefined) return html;
  const escaped = codecEndpoint.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return html.replace("</head>", () => `<meta name="pawl-codec-endpoint" content="${escaped}">\n</head>`);
}

function unbuilt(error: Error): Page {
  return {
    status: 500,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: `${error.message}\nEverything else works.\n`,
  };
}
