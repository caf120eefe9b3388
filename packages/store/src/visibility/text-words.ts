/**
 * The words of a Text attribute, by which alone it is searched. As the reference server has them: runs of letters and digits, whatever their
 * case and their accents; every other character separates.
 */

/** Accents of scripts in which a letter without its accent is still taken for the same letter. */
const accented = /([\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])\p{Mn}+/gu;
const word = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;

/** In their order, with repetitions. */
export function textWords(text: string): string[] {
  return text.toLowerCase().normalize("NFD").replace(accented, "$1").normalize("NFC").match(word) ?? [];
}

/**
 * What a filter asks of a Text: any of the parts between blanks, and of a part such as `half-time` all its words, one after the other. A part
 * without a word is nowhere and is left out.
 */
export function textPhrases(query: string): string[][] {
  return query
    .split(/\s+/u)
    .map(textWords)
    .filter((phrase) => phrase.length > 0);
}

/** Words as they stand in a JSON array, so that a phrase is a part of a text. They hold nothing that JSON would escape. */
export function wordsJson(words: readonly string[], separator = ","): string {
  return words.map((one) => `"${one}"`).join(separator);
}
