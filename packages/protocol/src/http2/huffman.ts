/** The code of strings in headers (RFC 7541, appendix B). It is canonical: how long each byte's code is says what the code is. */

/** Of each byte in turn, its code's length less 5 in base 36. */
const lengths =
  "8innnnnnnjpnnpnnnnnnnnpnnnnnnnnn1557813655363111000111111123a175" +
  "8122222222222222222222223238e891a01010111022111012100122222a698n" +
  "fhffhhhihiiiiijijjhijiiiighihiijhgfhhiigihhjghiigghgihiifhhhihhi" +
  "llfehihklllmmljkeglmmlmjggllnmmmfjfghggihhkkjjlilmllmmmmmnmmmmml";
const lengthMin = 5;
const lengthMax = 30;

/** The codes as a tree: of each place, where a 0 and a 1 lead. 0: nowhere; below 0: the end of a byte's code, and of which. Place 0 is the root. */
const tree: readonly number[] = treeOfCodes();

function treeOfCodes(): number[] {
  const tree = [0, 0];
  let code = 0;
  for (let length = lengthMin; length <= lengthMax; length++) {
    code *= 2;
    for (const [byte, digit] of [...lengths].entries()) {
      if (parseInt(digit, 36) + lengthMin !== length) continue;
      let place = 0;
      for (let bit = length - 1; bit > 0; bit--) {
        const at = 2 * place + ((code >> bit) & 1);
        if (tree[at] === 0) tree[at] = tree.push(0, 0) / 2 - 1;
        place = tree[at]!;
      }
      tree[2 * place + (code & 1)] = -1 - byte;
      code++;
    }
  }
  return tree;
}

const nothingSaid = 256;
const broken = -1;
/** The same by half bytes, of which none ends two codes: of each place and half byte, where it leads, and above that the byte that is said on the way. */
const steps: Int32Array = stepsOfTree();

function stepsOfTree(): Int32Array {
  return Int32Array.from({ length: (tree.length / 2) * 16 }, (_, at) => {
    let place = at >> 4;
    let said = nothingSaid;
    for (let bit = 3; bit >= 0; bit--) {
      const next = tree[2 * place + ((at >> bit) & 1)]!;
      if (next === 0) return broken;
      if (next < 0) said = -1 - next;
      place = Math.max(next, 0);
    }
    return (said << 8) | place;
  });
}

/** Where less than a byte of nothing but ones leads: what may stand at the end. */
const padding: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 7].map(placeAfterOnes));

function placeAfterOnes(ones: number): number {
  return ones === 0 ? 0 : tree[2 * placeAfterOnes(ones - 1) + 1]!;
}

/** `undefined` for what is no such code, or is not padded as it has to be. */
export function huffmanDecoded(coded: Uint8Array): Buffer | undefined {
  const decoded = Buffer.allocUnsafe(Math.floor((coded.length * 8) / lengthMin));
  let at = 0;
  let place = 0;
  for (let half = 0; half < 2 * coded.length; half++) {
    const bits = half & 1 ? coded[half >> 1]! & 15 : coded[half >> 1]! >> 4;
    const step = steps[place * 16 + bits]!;
    if (step === broken) return undefined;
    place = step & 0xff;
    if (step >> 8 !== nothingSaid) decoded[at++] = step >> 8;
  }
  return padding.has(place) ? decoded.subarray(0, at) : undefined;
}
