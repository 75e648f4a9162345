// Which passphrases a thief would try first.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isWeak } from "../src/me/wallet/weak.ts";

const WEAK = [
  ...["", "short", "elevenchars", "八个字符的"],
  ...["password1234", "P@ssw0rd2026", "Password123!", "passwordpassword", "letmeinletmein"],
  ...["qwertyuiop12", "1qaz2wsx3edc", "asdfghjkl;123", "zxcvbnm,./123"],
  ...[
    "123456789012",
    "012345678901234567890123",
    "13812345678 ",
    "1990-01-01-1990",
    "2026.11.30 08:00",
  ],
  ...["aaaaaaaaaaaa", "abababababab", "xyzxyzxyzxyz", "abcdefghijklm", "ABCDEFGHIJKL"],
  ...[
    "woaini1314520",
    "WoAiNi5201314",
    "iloveyou1234",
    "zhangming1990",
    "我爱你我爱你1314",
    "密码密码密码12",
  ],
  ...["admin admin admin", "yilian hospital 1", "dragon monkey 12"],
];

const GOOD = [
  ...["jade and paper", "jade and silk", "correct horse battery", "Tr0ub4dor&three"],
  ...["青山 白鹭 旧书桌", "蓝色的椅子会唱歌", "8f3k-2mzq-x7tp", "72948301657382915047"],
  ...["grandma's red bicycle", "zwei kalte Steine"],
];

test("what leads the lists of known passphrases is refused, however it is dressed", () => {
  for (const text of WEAK) assert.ok(isWeak(text), text);
});

test("what people think of by themselves is taken", () => {
  for (const text of GOOD) assert.ok(!isWeak(text), text);
});

test("a passphrase of any length is judged in a moment", () => {
  const begin = performance.now();
  for (const part of ["a", "ab", "123", "password", "我爱你", "a1"])
    isWeak(part.repeat(1_024 / part.length));
  assert.ok(performance.now() - begin < 500);
});
