/** Where in a program's own code a failure came from, by the stack trace that its worker's SDK wrote. */

/** Frames of languages, their libraries and the SDKs. */
const foreign = new RegExp(
  [
    String.raw`site-packages|/lib/python[\d.]+/`,
    "node_modules|node:|<anonymous>",
    String.raw`/go/pkg/mod/|/(usr|opt)/\S*go[^/]*/src/|golang\.org/toolchain`,
    String.raw`^(at )?(java|javax|jdk|sun|kotlin|io\.temporal|io\.grpc|com\.fasterxml|com\.google)\.`,
  ].join("|"),
);

interface Failed {
  readonly stackTrace?: string | undefined;
  readonly cause?: Failed | undefined;
}

/** The innermost frame that is the program's own, in the deepest cause that has one; "" where all are others', which say nothing to the program's author. */
export function stackPlace({ stackTrace = "", cause }: Failed): string {
  const deeper = cause === undefined ? "" : stackPlace(cause);
  if (deeper !== "") return deeper;
  return innermostFirst(stackTrace.split("\n")).find((frame) => !foreign.test(frame)) ?? "";
}

function innermostFirst(lines: readonly string[]): readonly string[] {
  const python = lines.filter((line) => /^\s*File ".*", line \d+/.test(line));
  if (python.length > 0) return python.map((line) => line.trim()).toReversed();
  // Go writes a function, and then its place on a line of its own.
  const go = lines.flatMap((line) => /^\t(\S+\.go:\d+)/.exec(line)?.[1] ?? []);
  if (go.length > 0) return go;
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}
