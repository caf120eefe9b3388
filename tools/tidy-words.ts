/** Which words stand where, how files are named and how long they get. Each ban says what to write instead. */
import { type CodeFile, type Finding, isGenerated, type Rule, type Source } from "./repository.ts";
import { lineAt } from "./source-text.ts";

interface Ban {
  readonly rule: Rule;
  /** With the global flag; matched against code without comments and strings. */
  readonly word: RegExp;
  readonly where: RegExp;
  readonly except?: RegExp;
  /** Whether test files are bound by it too. */
  readonly tests?: boolean;
  readonly instead: string;
}

const engine = /^packages\/engine\//;
const server = /^packages\/server\//;
const clockFile = /^packages\/server\/src\/clock(-[a-z]+)*\.ts$/;
// A date made of a given time reads no clock.
const readsClock = /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/g;
const setsTimer = /\b(setTimeout|setInterval|setImmediate)\b/g;

export const bans: readonly Ban[] = [
  { rule: "pure-engine", word: readsClock, where: engine, instead: "take nowMs as an argument" },
  {
    rule: "pure-engine",
    word: /\bMath\.random\b|\brandomUUID\b/g,
    where: engine,
    instead: "take ids and randomness from the command",
  },
  { rule: "pure-engine", word: setsTimer, where: engine, instead: "return an effect that sets a timer" },
  {
    rule: "pure-engine",
    word: /\b(await|async)\b/g,
    where: engine,
    instead: "the engine is synchronous: ask for what it needs in the command",
  },
  { rule: "pure-engine", word: /\bprocess\s*\./g, where: engine, instead: "take configuration as an argument" },
  {
    rule: "pure-replay",
    word: /\b(await|async)\b/g,
    where: /^packages\/sdk\/src\/replay\//,
    instead: "the replay core is synchronous",
  },
  {
    rule: "clock",
    word: /\bDate\.now\b|\bnew Date\(\)/g,
    where: server,
    except: clockFile,
    instead: "take a Clock and call clock.nowMs()",
  },
  {
    rule: "clock",
    word: /\b(setTimeout|setInterval)\b/g,
    where: server,
    except: clockFile,
    instead: "take a Clock and call clock.wake(atMs, run)",
  },
  {
    rule: "random",
    word: /\bMath\.random\b/g,
    where: /^packages\//,
    except: /^packages\/server\/src\/random\.ts$/,
    instead: "take a Random, so that a seed repeats the run",
  },
  {
    rule: "named-exports",
    word: /\bexport\s+default\b|\bas\s+default\b/g,
    where: /./,
    tests: true,
    instead: "export it by its name",
  },
  {
    rule: "whole-suite",
    word: /\b(?:test|it|describe|suite)\.(?:only|todo)\s*\(|[{,]\s*(?:only|todo)\s*:\s*true\b/g,
    where: /\.test\.tsx?$/,
    tests: true,
    instead: "run the whole suite: write the test out in full, without only or todo",
  },
];

export function wordFindings(file: CodeFile): Finding[] {
  return bans
    .filter(({ where, except, tests }) => where.test(file.path) && !except?.test(file.path) && (tests || !file.isTest))
    .flatMap(({ rule, word, instead }) =>
      [...file.code.matchAll(word)].map((match) => {
        const written = match[0].replaceAll(/\s+/g, " ").trim();
        return {
          path: file.path,
          line: lineAt(file.code, match.index),
          rule,
          message: `\`${written}\` is not written here; ${instead}`,
        };
      }),
    );
}

export const fileLinesMax = 600;

export function lengthFindings({ path, text }: CodeFile): Finding[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines <= fileLinesMax) return [];
  return [
    {
      path,
      line: fileLinesMax + 1,
      rule: "length",
      message: `${lines} lines; split it by noun, ${fileLinesMax} is the most`,
    },
  ];
}

const emptyNames = new Set(
  "util utils helper helpers common manager managers types base impl internal misc".split(" "),
);

export function nameFindings({ path }: Source): Finding[] {
  if (!/\.(tsx?|[cm]?js|sql)$/.test(path) || isGenerated(path)) return [];
  const parts = path.split("/");
  const at = (message: string): Finding => ({ path, line: 1, rule: "names", message });
  return parts.flatMap((part, i) => {
    const isFile = i === parts.length - 1;
    const noun = isFile ? part.replace(/(\.test|\.d)?\.\w+$/, "") : part;
    if (part.startsWith(".")) return [];
    const found: Finding[] = [];
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(noun))
      found.push(at(`"${noun}" is not kebab-case; write it in lower case with hyphens`));
    const empty = noun.split("-").find((word) => emptyNames.has(word));
    if (empty !== undefined)
      found.push(at(`"${empty}" says nothing of what "${noun}" holds; name it by the thing it is about`));
    if (isFile && noun === "index" && !/^packages\/[^/]+\/src\/([^/]+\/)?index\.(ts|d\.ts|js)$/.test(path))
      found.push(at("index is the name of a package's door alone; name the file by the thing it is about"));
    return found;
  });
}

const marks = ["TO", "DO|FIX", "ME|X", "XX"].join("");
const hostNames = "npmjs|pypi|pythonhosted|golang|maven|debian|crates";
export const anywhere: readonly { readonly rule: Rule; readonly word: RegExp; readonly instead: string }[] = [
  { rule: "unfinished", word: new RegExp(`\\b(${marks})\\b`, "g"), instead: "finish it, or open an issue" },
  {
    rule: "machine-path",
    word: /(?<![\w.@-])\/(w[o]rk|f[a]rm|ro[o]t|ho[m]e|Us[e]rs)\/[\w.]/g,
    instead: "a path of one machine; derive it from import.meta.url, the working directory or os.tmpdir()",
  },
  {
    rule: "registry-host",
    word: new RegExp(`https?://[^\\s"'<>)]*(${hostNames})[^\\s"'<>)]*`, "g"),
    instead: "the address of a package registry; the user's own client configuration names it",
  },
];

export function textFindings({ path, text }: Source): Finding[] {
  return anywhere.flatMap(({ rule, word, instead }) =>
    [...text.matchAll(word)].map((match) => ({
      path,
      line: lineAt(text, match.index),
      rule,
      message: `"${match[0]}": ${instead}`,
    })),
  );
}
