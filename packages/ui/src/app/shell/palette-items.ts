/** What the command palette offers, and in which order for what is typed. */
export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  /** What it is about, in a word or two. */
  readonly group: string;
  readonly run: () => void;
}

export const shownMax = 12;

/** Those whose label has all the typed words, the better matches first: at the beginning, at the beginning of a word, anywhere. */
export function matching(items: readonly PaletteItem[], typed: string): PaletteItem[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const scored = items.flatMap((item, at) => {
    const score = scoreOf(`${item.label} ${item.group}`.toLowerCase(), words);
    return score === undefined ? [] : [{ item, score, at }];
  });
  scored.sort((a, b) => b.score - a.score || a.at - b.at);
  return scored.slice(0, shownMax).map(({ item }) => item);
}

function scoreOf(label: string, words: readonly string[]): number | undefined {
  let score = 0;
  for (const word of words) {
    const at = label.indexOf(word);
    if (at < 0) return undefined;
    score += at === 0 ? 3 : /\W/.test(label[at - 1]!) ? 2 : 1;
  }
  return score;
}
