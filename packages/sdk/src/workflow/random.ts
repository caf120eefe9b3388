/** Random numbers that are the same each time a run is replayed: sfc32, seeded from text. */
export function seededRandom(seed: string): () => number {
  let [a, b, c, d] = hashed(seed);
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  // The first numbers still show what the seeds of two runs have in common.
  for (let i = 0; i < 12; i++) next();
  return next;
}

function hashed(text: string): [number, number, number, number] {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0xdeadbeef];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ (code + 1), 0x85ebca6b);
    c = Math.imul(c ^ (code + 2), 0xc2b2ae35);
    d = Math.imul(d ^ (code + 3), 0x27d4eb2f);
  }
  return [a ^ (a >>> 16), b ^ (b >>> 16), c ^ (c >>> 16), d ^ (d >>> 16)];
}

/** A version 4 UUID. */
export function uuidFrom(random: () => number): string {
  const digit = () => Math.floor(random() * 16).toString(16);
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  const part = (length: number) => Array.from({ length }, digit).join("");
  return `${part(8)}-${part(4)}-4${part(3)}-${variant}${part(3)}-${part(12)}`;
}
