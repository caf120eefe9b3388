import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AddressRules } from "./address-rules.ts";

const named = { pattern: "*.example.org", allowInsecure: true };
const anything = { pattern: "*", allowInsecure: true };

describe("what a name may lead to", () => {
  const url = new URL("http://hooks.example.org/done");
  for (const [what, ip] of [
    ["this machine", "127.0.0.1"],
    ["this machine in IPv6", "::1"],
    ["this machine, IPv4 written as IPv6", "::ffff:127.0.0.1"],
    ["a private network", "10.1.2.3"],
    ["another private network", "172.31.255.255"],
    ["a home network", "192.168.1.1"],
    ["a provider's own", "100.64.0.1"],
    ["a private network in IPv6", "fd12::1"],
    ["a private network behind a translation", "64:ff9b::a01:203"],
    ["this machine as IPv6 once wrote it", "::127.0.0.1"],
    ["this machine behind a translator", "::ffff:0:127.0.0.1"],
    ["a site", "fec0::1"],
  ] as const)
    test(`is not ${what}, unless private addresses are allowed`, () => {
      assert.equal(new AddressRules([named]).mayConnect(url, ip), false);
      assert.equal(new AddressRules([{ ...named, allowPrivate: true }]).mayConnect(url, ip), true);
    });

  for (const [what, ip] of [
    ["where clouds keep credentials", "169.254.169.254"],
    ["the same written as IPv6", "::ffff:169.254.169.254"],
    ["the same of another cloud", "100.100.100.200"],
    ["the same of a third, though it looks public", "168.63.129.16"],
    ["the same behind a translation", "64:ff9b::a9fe:a9fe"],
    ["the same behind a translation of its own network", "64:ff9b:1::a9fe:a9fe"],
    ["the same as IPv6 once wrote it", "::169.254.169.254"],
    ["the same within a tunnel", "2002:a9fe:a9fe::1"],
    ["the same in IPv6", "fd00:ec2::254"],
    ["its own link", "fe80::1"],
    ["nowhere", "0.0.0.0"],
    ["nowhere in IPv6", "::"],
    ["a group", "224.0.0.1"],
    ["everybody", "255.255.255.255"],
  ] as const)
    test(`is never ${what}`, () => {
      assert.equal(new AddressRules([{ ...named, allowPrivate: true }]).mayConnect(url, ip), false);
    });

  test("is any public address", () => {
    for (const ip of ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "172.32.0.1", "100.128.0.1"])
      assert.equal(new AddressRules([named]).mayConnect(url, ip), true, ip);
    assert.equal(new AddressRules([named]).mayConnect(new URL("http://elsewhere.org/"), "93.184.215.14"), false);
  });
});

describe("an address in digits", () => {
  // Some of them in ways that hide what they are.
  const inner = [
    ...["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://[::1]/"],
    ...["http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://0/"],
    ...["http://10.0.0.1:8080/", "http://[::ffff:a9fe:a9fe]/", "http://[::127.0.0.1]/"],
  ];
  for (const address of inner)
    test(`${address} is refused by a rule for any host`, () => {
      assert.match(new AddressRules([anything]).problemOf(address)!, /is not a public one/);
    });

  test("is good where a rule names it, a public one under any rule that fits", () => {
    const rules = new AddressRules([
      { pattern: "127.0.0.1:*", allowInsecure: true },
      { pattern: "[::1]:*", allowInsecure: true },
    ]);
    assert.equal(rules.problemOf("http://127.0.0.1:8080/x"), undefined);
    assert.equal(rules.problemOf("http://[::1]:8080/x"), undefined);
    assert.match(rules.problemOf("http://127.0.0.2:8080/x")!, /does not match any/);
    assert.equal(new AddressRules([anything]).problemOf("http://93.184.215.14/"), undefined);
    const allowed = new AddressRules([{ ...anything, allowPrivate: true }]);
    assert.equal(allowed.problemOf("http://10.0.0.1/"), undefined);
    assert.match(allowed.problemOf("http://169.254.169.254/")!, /is not a public one/);
  });

  test("needs TLS where the rule does", () => {
    const rules = new AddressRules([{ pattern: "*.example.org", allowInsecure: false }]);
    assert.match(rules.problemOf("http://a.example.org/")!, /does not allow insecure connections/);
    assert.equal(rules.problemOf("https://a.example.org/"), undefined);
  });
});
