// What is shown of single values: by digits, to the day that was signed, with nothing hidden.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { moment, sayDate } from "../src/record/dates.ts";
import { compareDecimals } from "../src/record/decimal.ts";
import { Digits, get, parseJson } from "../src/record/json.ts";
import { narrativeText } from "../src/record/narrative.ts";
import { besideRange } from "../src/record/observation.ts";
import { cut, pieces, visible } from "../src/record/visible.ts";

test("decimals are compared by their digits, where floats are equal or at an end", () => {
  const less: [string, string][] = [
    ["0.1", "0.1000000000000000055"],
    ["9007199254740992", "9007199254740993"],
    ["1e399", "1e400"],
    ["-1e400", "1e400"],
    ["-2", "-1.5"],
    ["1e-400", "1e-399"],
    ["-0.0000001", "0"],
    ["0", "1e-999"],
    ["99.99", "1e2"],
  ];
  for (const [a, b] of less) {
    assert.equal(compareDecimals(a, b), -1, `${a} < ${b}`);
    assert.equal(compareDecimals(b, a), 1, `${b} > ${a}`);
  }
  for (const [a, b] of [
    ["1.50", "1.5"],
    ["-0", "0.00"],
    ["1.2E+2", "120"],
    ["100.00e-2", "1"],
    ["007", "7"],
  ] as const) {
    assert.equal(compareDecimals(a, b), 0, `${a} = ${b}`);
  }
  for (const none of ["", "x", "1.", ".5", "1e", "0x10", `1e${"9".repeat(2000)}`]) {
    assert.equal(compareDecimals(none, "1"), undefined, none);
  }
});

test("decimals are ordered as rational numbers are", () => {
  const decimal = fc.tuple(
    fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }),
    fc.integer({ min: -30, max: 30 }),
  );
  fc.assert(
    fc.property(decimal, decimal, ([a, e], [b, f]) => {
      const [x, y] = [a * 10n ** BigInt(e + 30), b * 10n ** BigInt(f + 30)];
      const expected = x < y ? -1 : x > y ? 1 : 0;
      assert.equal(compareDecimals(`${a}e${e}`, `${b}E${f}`), expected);
    }),
  );
});

test("a value lies beside its range as far as can be told, and not a step further", () => {
  const cases: [string, string | undefined, string | undefined, string | undefined, unknown][] = [
    ["3.0", undefined, "3.0", "5.0", undefined],
    ["5.00", undefined, "3.0", "5.0", undefined],
    ["5.000000000000000001", undefined, "3.0", "5.0", "high"],
    ["2.9999999999999999999", undefined, "3.0", "5.0", "low"],
    ["3", "<", "3.0", "5.0", "low"],
    ["3", "<=", "3.0", "5.0", undefined],
    ["6", "<", "3.0", "5.0", undefined],
    ["5", ">", "3.0", "5.0", "high"],
    ["5", ">=", "3.0", "5.0", undefined],
    ["1", ">", "3.0", "5.0", undefined],
    ["9", "ad", "3.0", "5.0", undefined],
    ["9", undefined, undefined, undefined, undefined],
    ["-1", undefined, undefined, "0", undefined],
    ["x", undefined, "1", "2", undefined],
  ];
  for (const [value, comparator, low, high, expected] of cases) {
    const found = besideRange({ value, comparator }, low, high);
    assert.equal(found, expected, `${comparator ?? ""}${value} in ${low}..${high}`);
  }
});

test("dates are as exact as they were signed, and stay in their own time zone", () => {
  assert.equal(sayDate("2024", "en"), "2024");
  assert.equal(sayDate("2024-05", "en"), "May 2024");
  assert.equal(sayDate("2024-05", "zh"), "2024年5月");
  assert.equal(sayDate("2024-05-06", "en"), "6 May 2024");
  assert.equal(sayDate("2024-05-06T23:30:00-11:00", "en"), "6 May 2024 23:30 -11:00");
  assert.equal(sayDate("2024-05-06T23:30:00.5Z", "zh"), "2024年5月6日 23:30 UTC");
  for (const none of ["2024-02-30", "2024-13", "yesterday", "", "2024-05-06T25", "20240506"]) {
    assert.equal(sayDate(none, "en"), none);
    assert.equal(moment(none), undefined, none);
  }
  assert.ok((moment("2024-05") ?? 0) < (moment("2024-05-01T00:00:00.001Z") ?? 0));
  assert.equal(moment("2024-05-06T08:00:00+08:00"), Date.UTC(2024, 4, 6));
});

test("signs that hide or turn others are shown by number, and those at work are left", () => {
  assert.equal(visible("abc\u202Edcba\u202C"), "abc⟨U+202E⟩dcba⟨U+202C⟩");
  assert.equal(visible("a\u200Bb\u0000c\uFEFF\u{E0041}"), "a⟨U+200B⟩b⟨U+0000⟩c⟨U+FEFF⟩⟨U+E0041⟩");
  assert.equal(visible("half \uD800 pair"), "half ⟨U+D800⟩ pair");
  assert.equal(visible("a\u3164b\u2800c\u00ADd"), "a⟨U+3164⟩b⟨U+2800⟩c⟨U+00AD⟩d");
  for (const whole of ["👩‍⚕️ and ❤️", "می‌خواهم", "葛\u{E0100}飾区", "Ünïcödé — 5 µg", "שלום"]) {
    assert.equal(visible(whole), whole);
  }
  assert.deepEqual(pieces("a\r\nb\rc\td"), [{ text: "a\nb\nc\td" }]);
});

test("no text is lost by making it visible, and no pair is cut in two", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(20), (signed, at) => {
      const back = pieces(signed)
        .map((piece) =>
          "text" in piece ? piece.text : String.fromCodePoint(parseInt(piece.sign.slice(2), 16)),
        )
        .join("");
      assert.equal(back, signed.replace(/\r\n?/g, "\n"));
      const short = cut(signed, at);
      assert.ok(signed.startsWith(short) && short.length <= at + 1);
      assert.ok(short.isWellFormed() || !signed.isWellFormed());
    }),
  );
});

test("a narrative is its text: no markup of it remains, and every word does", () => {
  const div =
    '<div xmlns="http://www.w3.org/1999/xhtml"><h1 onclick="x()">A &amp; B</h1><p>one<br/>two</p>' +
    "<ul><li>&lt;script&gt;</li><li>&#x4E2D;&#20013;&nbsp;x</li></ul><!-- <b>gone</b> -->" +
    '<table><tr><td>K</td><td>5.4</td></tr></table><img src="http://evil/"/>end</div>';
  assert.equal(narrativeText(div), "A & B\none\ntwo\n• <script>\n• 中中\u00a0x\nK  5.4\nend");
  assert.equal(narrativeText("no <end"), "no <end");
  assert.equal(narrativeText("<!-- open"), "<!-- open");
  assert.equal(
    narrativeText("&#x110000;&unknown;&constructor;"),
    "&#x110000;&unknown;&constructor;",
  );
});

test("a narrative of any kind is read in a time that grows with its length", () => {
  for (const part of ["<", "<!--", "&#", "<li>", "&amp;", "<p><", "</"]) {
    const begun = performance.now();
    narrativeText(part.repeat(200_000));
    assert.ok(performance.now() - begun < 10_000, part);
  }
});

test("JSON that could be read in two ways, or would break the stack, is not read", () => {
  assert.deepEqual(parseJson('{"a":1,"a":2}'), { unreadable: "twice" });
  assert.deepEqual(parseJson('{"x":[{"a":"b","a":"c"}]}'), { unreadable: "twice" });
  assert.deepEqual(parseJson("[".repeat(1e6)), { unreadable: "too-deep" });
  assert.deepEqual(parseJson('{"a":'.repeat(5e5)), { unreadable: "too-deep" });
  assert.ok("value" in parseJson(`{"a":"${"[{".repeat(5_000)}\\"["}`));
  for (const broken of ["", "{", "nul", "{'a':1}", '{"a":1,}', "[1 2]", "01", '"\u0001"', "1 x"]) {
    assert.deepEqual(parseJson(broken), { unreadable: "not-json" }, broken);
  }
});

test("members are those that were signed, and not what objects bring along", () => {
  const parsed = parseJson('{"__proto__":{"resourceType":"Condition"},"a":{"constructor":1}}');
  assert.ok("value" in parsed);
  assert.equal(get(parsed.value, "resourceType"), undefined);
  assert.equal(get(parsed.value, "__proto__", "resourceType"), "Condition");
  assert.equal(get(parsed.value, "toString"), undefined);
  assert.ok(get(parsed.value, "a", "constructor") instanceof Digits);
  assert.equal(({} as Record<string, unknown>)["resourceType"], undefined);
});
