import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreUnusable } from "../store.ts";
import { databasesOf, nameOf, nameOfAll, Primary, Receipts, urlsOfHosts } from "./postgres-primary.ts";

test("a URL of several hosts is one of each, with the same user, database and parameters", () => {
  assert.deepEqual(
    urlsOfHosts("postgres://u:p@one:5432,two/db?options=-csearch_path%3Dx&target_session_attrs=read-write"),
    ["postgres://u:p@one:5432/db?options=-csearch_path%3Dx", "postgres://u:p@two/db?options=-csearch_path%3Dx"],
  );
  assert.deepEqual(urlsOfHosts("postgresql://one"), ["postgresql://one"]);
});

test("what is no URL of a database, or wants a server that takes no writes, is refused without being repeated", () => {
  const wrong = [
    "",
    "one:5432/db",
    "mysql://one/db",
    "postgres://u:secret@one:no/db",
    "postgres://u:secret@one,two:x/db",
  ];
  for (const url of wrong)
    assert.throws(
      () => urlsOfHosts(url),
      (error: Error) => error instanceof StoreUnusable && !error.message.includes("secret"),
    );
  assert.throws(
    () => urlsOfHosts("postgres://one,two/db?target_session_attrs=standby"),
    /target_session_attrs=standby/,
  );
});

test("a database is named without who may use it and their password", () => {
  const urls = "postgres://u:p@ss@one:5432,two/db?password=secret,postgresql://u:secret@three/db";
  assert.equal(nameOf("postgres://u:p@ss@one:5432,two/db?password=secret"), "postgres://one:5432,two/db");
  assert.equal(databasesOf(urls).length, 2);
  assert.equal(nameOfAll(urls), "postgres://one:5432,two/db, postgres://three/db");
});

test("a server on an older timeline than is known is refused, and others follow one that is found", () => {
  const primary = new Primary("postgres://u:secret@one,two/db");
  primary.found("postgres://u:secret@one/db", 1);
  const { moves } = primary;
  primary.found("postgres://u:secret@one/db", 1);
  assert.equal(primary.moves, moves);
  primary.found("postgres://u:secret@two/db", 2);
  assert.deepEqual([primary.url, primary.moves], ["postgres://u:secret@two/db", moves + 1]);
  assert.throws(
    () => primary.found("postgres://u:secret@one/db", 1),
    /^StoreUnusable: postgres:\/\/one\/db has been primary/,
  );
  assert.equal(primary.url, "postgres://u:secret@two/db");
});

test("as many receipts are looked for as there are connections", () => {
  const receipts = new Receipts("me", 2);
  assert.deepEqual([receipts.next(), receipts.next(), receipts.next()], [1, 2, 3]);
  for (const number of [2, 1, 3]) receipts.acknowledge(number);
  assert.deepEqual(receipts.acknowledged, [1, 3]);
});
