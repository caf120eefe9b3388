/** Headers on the wire: the examples of RFC 7541, what the encoder says and the decoder understands, and what nobody can understand. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderDecoder, UndecodableHeaders } from "./header-decoder.ts";
import { HeaderEncoder } from "./header-encoder.ts";
import { HeaderTable, staticHeaders } from "./header-table.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

describe("the coding of headers", () => {
  test("knows the headers that everybody knows", () => {
    assert.equal(staticHeaders.length, 61);
    assert.deepEqual(
      [2, 8, 16, 31, 61].map((index) => new HeaderTable().at(index)),
      [
        [":method", "GET"],
        [":status", "200"],
        ["accept-encoding", "gzip, deflate"],
        ["content-type", ""],
        ["www-authenticate", ""],
      ],
    );
  });

  test("reads the requests of RFC 7541, appendix C.3 and C.4: plainly and in Huffman's code", () => {
    const first = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "www.example.com" };
    const second = { ...first, "cache-control": "no-cache" };
    const third = { ...first, ":scheme": "https", ":path": "/index.html", "custom-key": "custom-value" };
    for (const blocks of [
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    ]) {
      const decoder = new HeaderDecoder();
      const decoded = blocks.map((block) => ({ ...decoder.decode(bytes(block)) }));
      assert.deepEqual(decoded, [first, second, third]);
    }
  });

  test("forgets the oldest where the table is small: RFC 7541, appendix C.5", () => {
    const decoder = new HeaderDecoder();
    const blocks = [
      // The table may have 256 bytes.
      "3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4803 3330 37c1 c0bf",
    ];
    const date = "Mon, 21 Oct 2013 20:13:21 GMT";
    const others = { "cache-control": "private", date, location: "https://www.example.com" };
    const decoded = blocks.map((block) => ({ ...decoder.decode(bytes(block)) }));
    assert.deepEqual(decoded, [
      { ":status": "302", ...others },
      { ":status": "307", ...others },
    ]);
    // The status 302 has left.
    assert.throws(() => decoder.decode(bytes("c2")), UndecodableHeaders);
  });

  test("says what it has said before in a byte, and is understood also when the table is full or changes its size", () => {
    const encoder = new HeaderEncoder();
    const decoder = new HeaderDecoder();
    const said = (headers: Record<string, string>, once: Record<string, string> = {}) => {
      const block = Buffer.from(encoder.encode(Object.entries(headers).flat(), Object.entries(once).flat()));
      assert.deepEqual({ ...decoder.decode(block) }, { ...headers, ...once });
      return block.length;
    };
    const headers = { ":method": "POST", ":path": "/a.b.C/Do", "content-type": "application/grpc", te: "trailers" };
    assert.ok(said(headers, { "grpc-timeout": "1m" }) > 40);
    assert.equal(said(headers), 4);
    for (let round = 0; round < 200; round++) said({ ...headers, "x-round": String(round), long: "x".repeat(round) });
    assert.equal(said(headers), 4);
    // One that is larger than half of the table drives nothing out.
    said({ token: "t".repeat(3_000), ...headers });
    assert.equal(said(headers), 4);
    for (const bytesMax of [0, 100, 4_096, 1_000_000]) {
      encoder.resize(bytesMax);
      said(headers);
      said(headers);
    }
    encoder.resize(0);
    encoder.resize(4_096);
    assert.ok(said(headers) > 40, "what was forgotten in between is said again");
    assert.equal(said(headers), 4);
  });

  test("joins what comes twice", () => {
    const block = new HeaderEncoder().encode(["a", "1", "b", "2", "a", "3"], []);
    assert.deepEqual({ ...new HeaderDecoder().decode(block) }, { a: "1, 3", b: "2" });
  });

  for (const [what, block] of [
    ["a number that stands for nothing", "be"],
    ["the number 0", "80"],
    ["an end within a string", "0003 61"],
    ["an end before a string", "00"],
    ["an end within a number", "ff80"],
    ["a number without end", "ffffffffffffff7f"],
    ["a table that was not offered", "3fe1ff03"],
    ["padding of a code that is too long", "0081 ff 0161"],
    ["padding of a code that is not all ones", "0081 18 0161"],
    ["more than anybody wants", `40 01 61 7f 810f ${"62".repeat(2_048)} ${"be".repeat(200)}`],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.throws(() => new HeaderDecoder().decode(bytes(block)), UndecodableHeaders);
    });
  }
});
