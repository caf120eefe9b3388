import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { limits } from "../../limits.ts";
import { QueryError } from "./query-lexer.ts";
import { comparisons, type Expression, type Literal, type ParsedQuery, parseQuery } from "./visibility-query.ts";

describe("what a filter means shows in how it is printed", () => {
  for (const [written, printed] of [
    ["", ""],
    ["  ", ""],
    ["A = 'x'", "`A` = 'x'"],
    ['A = "x"', "`A` = 'x'"],
    ["`a-b.c` = 'x'", "`a-b.c` = 'x'"],
    ["A<>1", "`A` != 1"],
    ["A >= -1.5", "`A` >= -1.5"],
    ["A = +2", "`A` = 2"],
    ["A = -0", "`A` = 0"],
    ["A = 1e3", "`A` = 1000"],
    ["A = true", "`A` = true"],
    ["A = FALSE", "`A` = false"],
    ["A = 'it''s'", "`A` = 'it''s'"],
    ["A = 'it\\'s'", "`A` = 'it''s'"],
    ['A = "say ""hi"""', "`A` = 'say \"hi\"'"],
    ["a = 1 or b = 2 and c = 3", "`a` = 1 OR (`b` = 2 AND `c` = 3)"],
    ["(a = 1 or b = 2) and c = 3", "(`a` = 1 OR `b` = 2) AND `c` = 3"],
    ["a = 1 || b = 2 && c = 3", "`a` = 1 OR (`b` = 2 AND `c` = 3)"],
    ["not a = 1 and b = 2", "NOT `a` = 1 AND `b` = 2"],
    ["not (a = 1 and b = 2)", "NOT (`a` = 1 AND `b` = 2)"],
    ["not not a = 1", "NOT NOT `a` = 1"],
    ["((a = 1))", "`a` = 1"],
    ["a = 1 AND b = 2 AND c = 3", "`a` = 1 AND `b` = 2 AND `c` = 3"],
    ["a in ('x', 'y')", "`a` IN ('x', 'y')"],
    ["a not in (1)", "`a` NOT IN (1)"],
    ["a between 1 and 2 and b = 3", "`a` BETWEEN 1 AND 2 AND `b` = 3"],
    ["a not between 'x' and 'y'", "`a` NOT BETWEEN 'x' AND 'y'"],
    ["a starts_with 'x'", "`a` STARTS_WITH 'x'"],
    ["a NOT STARTS_WITH 'x'", "`a` NOT STARTS_WITH 'x'"],
    ["a is null", "`a` IS NULL"],
    ["a IS NOT NULL", "`a` IS NOT NULL"],
    ["GROUP BY a", "GROUP BY `a`"],
    ["a = 1 group by b, c", "`a` = 1 GROUP BY `b`, `c`"],
    ["a = 1 order by b", "`a` = 1 ORDER BY `b`"],
    ["ORDER BY b ASC, `c` desc", "ORDER BY `b`, `c` DESC"],
    ["group by a order by b", "GROUP BY `a` ORDER BY `b`"],
    ["`and` = 1", "`and` = 1"],
  ] as const)
    test(`${written || "nothing"} is ${printed || "everything"}`, () => {
      assert.equal(printQuery(parseQuery(written)), printed);
    });
});

describe("what is refused, and why", () => {
  for (const [written, message] of [
    ["a =", "malformed SQL query: syntax error at position 4"],
    ["a = 'x", "malformed SQL query: syntax error at position 5 near ''x'"],
    ["a == 1", "malformed SQL query: syntax error at position 4 near '= 1'"],
    ["= 1", "malformed SQL query: syntax error at position 1 near '= 1'"],
    ["a = 1 b = 2", "malformed SQL query: syntax error at position 7 near 'b = 2'"],
    ["a = 1 and", "malformed SQL query: syntax error at position 10"],
    ["(a = 1", "malformed SQL query: syntax error at position 7"],
    ["a = 1)", "malformed SQL query: syntax error at position 6 near ')'"],
    ["a in ()", "malformed SQL query: syntax error at position 7 near ')'"],
    ["a in 1", "malformed SQL query: syntax error at position 6 near '1'"],
    ["a between 1", "malformed SQL query: syntax error at position 12"],
    ["a not = 1", "malformed SQL query: syntax error at position 7 near '= 1'"],
    ["a ; drop", "malformed SQL query: syntax error at position 3 near '; drop'"],
    ["`` = 1", "malformed SQL query: syntax error at position 1 near '`` = 1'"],
    ["a = -'x'", "malformed SQL query: syntax error at position 6 near ''x''"],
    ["a = 1e999", "malformed SQL query: syntax error at position 5 near '1e999'"],
    ["group by", "malformed SQL query: syntax error at position 9"],
    ["a", "invalid expression: incomplete expression"],
    ["a and b = 1", "invalid expression: incomplete expression"],
    ["a is 1", "invalid expression: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'"],
    [
      "a = b",
      'operation is not supported: column name on the right side of comparison expression (did you forget to quote "b"?)',
    ],
    ["a(1) = 2", "operation is not supported: function expression"],
    ["a like 'x%'", "operation is not supported: operator 'LIKE'"],
    ["order a", "malformed SQL query: syntax error at position 7 near 'a'"],
    ["order by", "malformed SQL query: syntax error at position 9"],
    ["order by a up", "malformed SQL query: syntax error at position 12 near 'up'"],
    ["order by a group by b", "malformed SQL query: syntax error at position 12 near 'group by b'"],
    ["a = 1 limit 5", "operation is not supported: 'LIMIT' clause"],
  ] as const)
    test(`${written}: ${message}`, () => {
      assert.throws(
        () => parseQuery(written),
        (error) => error instanceof QueryError && error.message === message,
      );
    });

  test("more than databases take: too long, too deep, too many comparisons", () => {
    const refusedFor = (query: string, message: RegExp) => assert.throws(() => parseQuery(query), message);
    refusedFor("(".repeat(limits.visibilityQueryBytesMax), /nested deeper/);
    refusedFor("not ".repeat(10_000), /nested deeper/);
    refusedFor(" ".repeat(limits.visibilityQueryBytesMax + 1), /longer than/);
    refusedFor(
      Array(limits.visibilityTermsMax + 1)
        .fill("a=1")
        .join(" or "),
      /more than \d+ comparisons/,
    );
    assert.ok(parseQuery(Array(limits.visibilityTermsMax).fill("a=1").join(" or ")).where);
  });
});

const aName = fc.string({ minLength: 1 });
const aNumber = fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }));
const aLiteral: fc.Arbitrary<Literal> = fc.oneof(
  fc.string().map((value) => ({ type: "text", value }) as const),
  fc.boolean().map((value) => ({ type: "boolean", value }) as const),
  fc.tuple(aNumber, fc.boolean()).map(([value, negative]): Literal => {
    const isInteger = /^\d+$/.test(String(value));
    return { type: "number", value: negative && value !== 0 ? -value : value === 0 ? 0 : value, isInteger };
  }),
);
const plain = { noNullPrototype: true };
const aTerm: fc.Arbitrary<Expression> = fc.oneof(
  fc.record(
    { type: fc.constant("compare" as const), name: aName, operator: fc.constantFrom(...comparisons), value: aLiteral },
    plain,
  ),
  fc.record(
    {
      type: fc.constant("in" as const),
      name: aName,
      not: fc.boolean(),
      values: fc.array(aLiteral, { minLength: 1, maxLength: 3 }),
    },
    plain,
  ),
  fc.record(
    { type: fc.constant("between" as const), name: aName, not: fc.boolean(), low: aLiteral, high: aLiteral },
    plain,
  ),
  fc.record({ type: fc.constant("startsWith" as const), name: aName, not: fc.boolean(), prefix: aLiteral }, plain),
  fc.record({ type: fc.constant("isNull" as const), name: aName, not: fc.boolean() }, plain),
);
const anExpression = fc.letrec<{ expression: Expression }>((tie) => {
  const inner = tie("expression");
  const some = fc.array(inner, { minLength: 2, maxLength: 4 });
  return {
    expression: fc.oneof(
      { maxDepth: 4 },
      aTerm,
      some.map((all): Expression => ({ type: "and", all })),
      some.map((all): Expression => ({ type: "or", all })),
      inner.map((of): Expression => ({ type: "not", of })),
    ),
  };
}).expression;
const aQuery: fc.Arbitrary<ParsedQuery> = fc.record(
  {
    where: fc.option(anExpression, { nil: undefined }),
    groupBy: fc.array(aName, { maxLength: 2 }),
    orderBy: fc.array(fc.record({ name: aName, isDescending: fc.boolean() }, plain), { maxLength: 2 }),
  },
  plain,
);

test("what is printed is read as the same", () => {
  fc.assert(fc.property(aQuery, (query) => assert.deepEqual(parseQuery(printQuery(query)), query)));
});

test("whatever is written, the answer is a query or a QueryError", () => {
  const words = [
    "a",
    "`b`",
    "=",
    "!=",
    "(",
    ")",
    ",",
    "'x'",
    '"',
    "1",
    "-",
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
    "between",
    "group",
    "by",
    "starts_with",
    "\\",
    ";",
  ];
  const aText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom(...words)).map((some) => some.join(" ")),
  );
  fc.assert(
    fc.property(aText, (text) => {
      try {
        parseQuery(text);
      } catch (error) {
        assert.ok(error instanceof QueryError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

/** The same query, written in one way: what `parseQuery` reads as the same. */
function printQuery({ where, groupBy, orderBy }: ParsedQuery): string {
  const orders = orderBy.map(({ name, isDescending }) => `${printName(name)}${isDescending ? " DESC" : ""}`);
  return [
    ...(where ? [printExpression(where)] : []),
    ...(groupBy.length > 0 ? [`GROUP BY ${groupBy.map(printName).join(", ")}`] : []),
    ...(orders.length > 0 ? [`ORDER BY ${orders.join(", ")}`] : []),
  ].join(" ");
}

function printExpression(expression: Expression): string {
  const not = "not" in expression && expression.not ? "NOT " : "";
  switch (expression.type) {
    case "and":
    case "or":
      return expression.all.map(printOperand).join(` ${expression.type.toUpperCase()} `);
    case "not":
      return `NOT ${printOperand(expression.of)}`;
    case "compare":
      return `${printName(expression.name)} ${expression.operator} ${printLiteral(expression.value)}`;
    case "in":
      return `${printName(expression.name)} ${not}IN (${expression.values.map(printLiteral).join(", ")})`;
    case "between":
      return `${printName(expression.name)} ${not}BETWEEN ${printLiteral(expression.low)} AND ${printLiteral(expression.high)}`;
    case "startsWith":
      return `${printName(expression.name)} ${not}STARTS_WITH ${printLiteral(expression.prefix)}`;
    case "isNull":
      return `${printName(expression.name)} IS ${not}NULL`;
    default:
      return expression satisfies never;
  }
}

function printOperand(expression: Expression): string {
  const printed = printExpression(expression);
  return expression.type === "and" || expression.type === "or" ? `(${printed})` : printed;
}

function printName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function printLiteral(literal: Literal): string {
  if (literal.type !== "text") return String(literal.value);
  return `'${literal.value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
