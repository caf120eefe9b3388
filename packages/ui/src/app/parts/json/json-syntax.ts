/** JSON as somebody types it: where it goes wrong, and how it is laid out. */

/** What is wrong, in words, with the line where it is known; `undefined` for nothing at all and for JSON. */
export function jsonProblem(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const [, position] = /at position (\d+)/.exec(message) ?? [];
    const where = position === undefined ? "" : `, line ${text.slice(0, Number(position)).split("\n").length}`;
    const what = message.replace(/\s+(in JSON )?at position \d+( \(line \d+ column \d+\))?/, "").replace(/, ".*$/s, "");
    return `This is not valid JSON${where}: ${what}. Text stands in double quotes.`;
  }
}

/** Indented by two spaces; what is no JSON stays as it is. */
export function formattedJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
