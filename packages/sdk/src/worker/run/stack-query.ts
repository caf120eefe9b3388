/** `__stack_trace` and `__enhanced_stack_trace`: where each coroutine of a run waits, in the user's own files. */
import { sdkVersion } from "../../value/version.ts";
import type {
  EnhancedStackTrace,
  StackTrace,
  StackTraceFileLocation,
  StackTraceFileSlice,
} from "../../workflow/run/stack-trace.ts";
import { runtimeFile, userFile } from "../bundle.ts";
import type { StackMap } from "./stack-map.ts";

export type StackQuery = "__stack_trace" | "__enhanced_stack_trace";

export function isStackQuery(name: string): name is StackQuery {
  return name === "__stack_trace" || name === "__enhanced_stack_trace";
}

/** What the query is answered with. `waits`: as `waitsAfter` gives them. */
export function stackAnswer(
  name: StackQuery,
  waits: readonly string[],
  map: StackMap,
  showSources: boolean,
): string | EnhancedStackTrace {
  const stacks = coroutines(waits, map);
  if (name === "__stack_trace") return stacks.map(textOf).join("\n\n");
  const sources = showSources ? sourcesOf(stacks, map) : {};
  return { sdk: { name: "typescript", version: sdkVersion }, sources, stacks };
}

function coroutines(waits: readonly string[], map: StackMap): StackTrace[] {
  const stacks = waits.filter(isOfUser).map((stack) => ({ locations: locationsOf(stack, map) }));
  // One that waits for another's end stands in that one's stack already.
  return stacks.filter(
    (stack, at) => !stacks.some((other, otherAt) => otherAt !== at && isWithin(stack, other, at > otherAt)),
  );
}

/** The user's code waits itself: not a promise that the SDK has made for its own ends when it was called. */
function isOfUser(stack: string): boolean {
  const first = linesOf(stack).find((line) => line.includes(userFile) || line.includes(runtimeFile));
  return first?.includes(userFile) ?? false;
}

/** `breaksTie`: whether it goes when both are the same. */
function isWithin({ locations: part }: StackTrace, { locations: whole }: StackTrace, breaksTie: boolean): boolean {
  if (part.length > whole.length || (part.length === whole.length && !breaksTie)) return false;
  const tail = whole.slice(whole.length - part.length);
  return part.every((each, at) => {
    const { file_path, function_name, line } = tail[at]!;
    return each.file_path === file_path && each.function_name === function_name && each.line === line;
  });
}

function locationsOf(stack: string, map: StackMap): StackTraceFileLocation[] {
  const ofUser = linesOf(stack).filter((line) => line.includes(userFile));
  return ofUser.flatMap((line) => {
    const [, name, path, lineNumber, column] = frame.exec(map.apply(line)) ?? [];
    if (path === undefined) return [];
    const place = { file_path: path, line: Number(lineNumber), column: Number(column) };
    return [{ ...place, ...(name === undefined ? {} : { function_name: name }), internal_code: false }];
  });
}

/** `    at async Thing.name (/path/file.ts:1:2)`, or without a name and its brackets. A path may have brackets itself. */
const frame = /^\s+at (?:async )?(?:(.+?) \()?(.+?):(\d+):(\d+)\)?$/;

function linesOf(stack: string): string[] {
  return stack.split("\n").filter((line) => /^\s+at /.test(line));
}

function textOf({ locations }: StackTrace): string {
  return locations
    .map(({ function_name: name, file_path, line, column }) => {
      const place = `${file_path}:${line}:${column}`;
      return `    at ${name === undefined ? place : `${name} (${place})`}`;
    })
    .join("\n");
}

function sourcesOf(stacks: readonly StackTrace[], map: StackMap): Record<string, StackTraceFileSlice[]> {
  const paths = new Set(stacks.flatMap(({ locations }) => locations.map(({ file_path }) => file_path!)));
  const known = [...paths].flatMap((path) => {
    const content = map.sourceOf(path);
    return content === undefined ? [] : [{ path, slices: [{ line_offset: 0, content }] }];
  });
  return Object.fromEntries(known.map(({ path, slices }) => [path, slices]));
}
