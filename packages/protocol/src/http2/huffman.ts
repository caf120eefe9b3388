/** The code of strings in headers (RFC 7541, appendix B). It is canonical: how long each byte's code is says what the code is. */

/** Of each byte in turn, its code's length less 5 in base 36. */
const lengths =
  "8innnnnnnjpnnpnnnnnnnnpnnnnnnnnn1557813655363111000111111123a175" +
  "8122222222222222222222223238e891a01010111022111012100122222a698n" +
  "fhffhhhihiiiiijijjhijiiiighihiijhgfhhiigihhjghiigghgihiifhhhihhi" +
  "llfehihklllmmljkeglmmlmjggllnmmmfjfghggihhkkjjlilmllmmmmmnmmmmml";
const lengthMin = 5;
const lengthMax = 30;

/** All codes of one length: from which on, and whose they are. */
interface Codes {
  readonly first: number;
  readonly bytes: readonly number[];
}

const codesOfLength: readonly (Codes | undefined)[] = canonicalCodes();

function canonicalCodes(): (Codes | undefined)[] {
  const codes: (Codes | undefined)[] = [];
  let next = 0;
  for (let length = lengthMin; length <= lengthMax; length++) {
    next *= 2;
    const bytes = [...lengths].flatMap((digit, byte) => (parseInt(digit, 36) + lengthMin === length ? [byte] : []));
    if (bytes.length > 0) codes[length] = { first: next, bytes };
    next += bytes.length;
  }
  return codes;
}

/** `undefined` for what is no such code, or is not padded as it has to be. */
export function huffmanDecoded(coded: Uint8Array): Buffer | undefined {
  const decoded = Buffer.allocUnsafe(Math.floor((coded.length * 8) / lengthMin));
  let at = 0;
  let code = 0;
  let length = 0;
  for (const byte of coded) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      if (++length > lengthMax) return undefined;
      const codes = codesOfLength[length];
      const symbol = codes?.bytes[code - codes.first];
      if (symbol === undefined) continue;
      decoded[at++] = symbol;
      code = 0;
      length = 0;
    }
  }
  // Less than a byte, all ones.
  return length < 8 && code === 2 ** length - 1 ? decoded.subarray(0, at) : undefined;
}
