/**
 * Texts as PostgreSQL can hold them: none of its types takes the character U+0000. Texts that hold it, or the character after it, which marks the
 * place, are written so that equality, order by code point and prefixes are those of the texts themselves.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these two are what it is about.
const marked = /[\u0000\u0001]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, as stored.
const stored = /\u0001([\u0001\u0002])/g;

export function storedText(text: string): string {
  // `search` looks from the beginning whatever `lastIndex` says; almost every text ends here.
  if (text.search(marked) < 0) return text;
  return text.replace(marked, (char) => (char === "\u0000" ? "\u0001\u0001" : "\u0001\u0002"));
}

export function textOfStored(text: string): string {
  if (!text.includes("\u0001")) return text;
  return text.replace(stored, (_, char) => (char === "\u0001" ? "\u0000" : "\u0001"));
}
