// The wallet itself: new words, the code for a visit, locks, storage that is gone, other tabs, and
// a node that lies to who holds keys.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page, Worker } from "playwright-core";
import { isGoodFor, picture, type Storage, visit } from "./browser.ts";
import { lied } from "./liar.ts";
import {
  choose,
  enter,
  PASSPHRASE,
  type Patient,
  patient,
  recover,
  sealed,
  texts,
  unlock,
  wang,
  written,
  yilian,
} from "./people.ts";

const text = texts.en;

/** A patient with a record whose wallet a browser keeps, locked: made once. */
let kept: Promise<{ who: Patient; storage: Storage }> | undefined;
function keptWallet(): Promise<{ who: Patient; storage: Storage }> {
  kept ??= (async () => {
    const who = patient();
    let storage: Storage | undefined;
    await visit({ language: "en" }, async ({ page }) => {
      await recover(page, who.words, text);
      storage = await page.context().storageState({ indexedDB: true });
    });
    assert.ok(storage);
    return { who, storage };
  })();
  return kept;
}

/** Opens the wallet that the browser keeps, up to its records. */
async function openKept(page: Page): Promise<void> {
  await page.goto("/me");
  await unlock(page, PASSPHRASE, text);
  await page.getByRole("heading", { name: text.records, level: 1 }).waitFor();
}

/** The worker that has the keys: it is there before the one that reads what strangers wrote. */
function keyWorker(page: Page): Worker {
  const [worker] = page.workers();
  assert.ok(worker);
  return worker;
}

/** The words on the screen, which are nowhere else. */
async function shown(page: Page): Promise<string[]> {
  await page.locator("[data-words] li").nth(23).waitFor();
  return page.locator("[data-words] li").allTextContents();
}

/** Types the words that are asked back; `bend` may type others. */
async function askedBack(
  page: Page,
  words: string[],
  bend: (word: string) => string = (word) => word,
): Promise<void> {
  const fields = page.locator("form input");
  await fields.nth(2).waitFor();
  for (const field of await fields.all()) {
    const number = Number((await field.getAttribute("id"))?.replace("word-", ""));
    await field.fill(bend(words[number - 1] ?? ""));
  }
  await page.getByRole("button", { name: "Next" }).click();
}

/** Shows the code for North Hospital: what is scanned, and the file. */
async function shownCode(page: Page): Promise<{ code: string; file: string }> {
  await enter(page, text.show);
  await page.getByRole("button", { name: "North Hospital" }).click();
  const code = (await page.locator("[data-code]").getAttribute("data-code")) ?? "";
  await page.getByText("Cannot be scanned?").click();
  const file = (await page.locator("[data-token]").textContent()) ?? "";
  return { code, file };
}

test("new words are shown once, asked back, and a visit is written for them", async () => {
  await visit({ language: "en" }, async ({ page, requests }) => {
    await page.goto("/me");
    await page.getByRole("button", { name: text.new }).waitFor();
    await isGoodFor(page);
    await picture(page, "me-begin-phone-en");
    await page.getByRole("button", { name: text.new }).click();
    const words = await shown(page);
    assert.equal(new Set(words).size > 12, true);
    await isGoodFor(page);
    await picture(page, "me-words-phone-en");
    await page.getByRole("button", { name: "I wrote them down" }).click();
    await askedBack(page, words, (word) => `${word}x`);
    await page.getByText("Not all of them are right").waitFor();
    assert.equal(await page.locator("[data-words]").count(), 0);
    await isGoodFor(page);
    await askedBack(page, words);
    await page.getByLabel(text.passphraseNew, { exact: true }).fill("short");
    await page.getByLabel(text.passphraseAgain, { exact: true }).fill("short");
    await page.getByRole("button", { name: text.keepWallet }).click();
    await page.locator('[data-fault="weak-passphrase"]').waitFor();
    await isGoodFor(page);
    await choose(page, text);
    await page.getByText("No records yet").waitFor();
    await isGoodFor(page);

    // The code that is scanned, and the file that the program writes, check the patient in.
    const { code, file } = await shownCode(page);
    assert.match(code, /^YLV1:[0-9A-F]+$/);
    assert.ok(code.length <= 1_153, "QR version 19 at level L");
    await isGoodFor(page);
    await picture(page, "me-code-phone-en");
    sealed(written("scanned", code));
    await enter(page, text.room);
    await page.locator("[data-visit]").waitFor({ timeout: 90_000 });
    yilian("doctor", "notify", "Dr Li", "--token", written("token", file), "--text", "Come again");
    await enter(page, text.letters);
    await page.getByText("Come again").waitFor({ timeout: 60_000 });
    await page.getByText("Dr Li, North Hospital").waitFor();
    await isGoodFor(page);

    const sent = requests.map(({ url, body }) => url + body).join("\n");
    const pairs = words.slice(1).map((word, place) => `${words[place]} ${word}`);
    for (const secret of [...pairs, PASSPHRASE, code.slice(5), "Come again"]) {
      assert.ok(!sent.includes(secret), "a secret left the page");
    }

    // The words make the same wallet again, when the browser has forgotten it.
    await page.evaluate(async () => {
      const request = indexedDB.deleteDatabase("yilian.wallet");
      await new Promise((resolve, reject) => {
        request.onsuccess = resolve;
        request.onerror = reject;
      });
    });
    await page.reload();
    await page.getByRole("button", { name: text.old }).waitFor();
    await recover(page, words.join(" "), text);
    await page.locator("[data-visit] [data-record]").first().waitFor();
  });
});

test("a code that is over is not shown, and a locked wallet shows nothing", async () => {
  const { storage } = await keptWallet();
  await visit({ language: "en", storage }, async ({ page }) => {
    await page.clock.install({ time: Date.now() });
    await openKept(page);
    await shownCode(page);
    await page.clock.fastForward(60_000);
    assert.equal(await page.locator("[data-expired]").count(), 0);
    // Nobody touches it for five minutes.
    await page.clock.fastForward(5 * 60_000);
    await page.locator("#passphrase").waitFor();
    await page.getByText("Nobody touched it for five minutes").waitFor();
    assert.equal(await page.locator("[data-code]").count(), 0);
    assert.equal(page.workers().length, 1, "the old worker is gone, one waits for the passphrase");
    await isGoodFor(page);
    await unlock(page, PASSPHRASE, text);
    await page.locator("#passphrase").waitFor({ state: "detached" });

    await shownCode(page);
    await page.clock.setSystemTime(Date.now() + 25 * 3_600_000);
    await page.mouse.click(1, 1);
    await page.clock.runFor(2_000);
    await page.locator("[data-expired], #passphrase").first().waitFor();
    assert.equal(await page.locator("[data-code]").count(), 0);
  });
});

test("who looks at other pages comes back to an open wallet, unless nobody touched it", async () => {
  const { storage } = await keptWallet();
  await visit({ language: "en", storage }, async ({ page }) => {
    await page.clock.install({ time: Date.now() });
    await openKept(page);
    const home = page.getByRole("banner").getByRole("link", { name: "Yilian" });
    const door = page.getByRole("link", { name: "My records" });
    await home.click();
    await door.click();
    await page.locator("[data-record] svg").first().waitFor();
    assert.equal(await page.locator("#passphrase").count(), 0);
    await home.click();
    await door.waitFor();
    await page.clock.fastForward(6 * 60_000);
    await door.click();
    await page.locator("#passphrase").waitFor();
    await page.getByText("Nobody touched it for five minutes").waitFor();
  });
});

test("locking ends the worker, and the wallet can be taken from the browser", async () => {
  const { storage } = await keptWallet();
  await visit({ language: "en", dark: true, storage }, async ({ page }) => {
    await openKept(page);
    await enter(page, text.wallet);
    await isGoodFor(page);
    await picture(page, "me-wallet-phone-en");
    const worker = keyWorker(page);
    const gone = worker.waitForEvent("close");
    await page.getByRole("button", { name: "Lock it now" }).click();
    await gone;
    await page.locator("#passphrase").waitFor();

    // Another passphrase, and the one of before is of no use.
    await unlock(page, PASSPHRASE, text);
    await page.getByText("Another passphrase").click();
    await page.locator("#before").fill(PASSPHRASE);
    await page.getByLabel(text.passphraseNew, { exact: true }).fill("jade and silk");
    await page.getByLabel(text.passphraseAgain, { exact: true }).fill("jade and silk");
    await page.getByRole("button", { name: "Change it" }).click();
    await page.getByText("The passphrase is changed.").waitFor();
    await page.reload();
    await unlock(page, PASSPHRASE, text);
    await page.locator('[data-fault="wrong-passphrase"]').waitFor();
    await unlock(page, "jade and silk", text);
    await page.locator("#passphrase").waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Remove the wallet" }).click();
    const sheet = page.getByRole("dialog");
    assert.ok(await sheet.getByRole("button", { name: "Remove the wallet" }).isDisabled());
    await sheet.getByRole("checkbox").check();
    await isGoodFor(page);
    await sheet.getByRole("button", { name: "Remove the wallet" }).click();
    await page.getByRole("button", { name: text.old }).waitFor();
    const left = await page.evaluate(async () => {
      const open = indexedDB.open("yilian.wallet");
      await new Promise((resolve) => (open.onsuccess = resolve));
      const keys = open.result.transaction("sealed").objectStore("sealed").getAllKeys();
      await new Promise((resolve) => (keys.onsuccess = resolve));
      open.result.close();
      return keys.result.length;
    });
    assert.equal(left, 0);
  });
});

test("one tab has the wallet, and another says so", async () => {
  const { storage } = await keptWallet();
  await visit({ language: "en", storage }, async ({ page }) => {
    await openKept(page);
    const other = await page.context().newPage();
    await other.goto("/me");
    await other.locator('[data-fault="elsewhere"]').waitFor();
    await isGoodFor(other);
    assert.equal(await other.locator("#passphrase").count(), 0);
    await page.close();
    await other.getByRole("button", { name: "Try again" }).click();
    await other.locator("#passphrase").waitFor();

    // Nor is it removed from under who has it: he locked it, and another tab opened it.
    const third = await page.context().newPage();
    await third.goto("/check");
    await other.getByText("Forgot the passphrase?").click();
    await other.getByRole("button", { name: "Remove the wallet" }).click();
    await other.getByRole("dialog").getByRole("checkbox").check();
    await third.evaluate(() => {
      const { locks } = navigator;
      // It waits its turn, and has it when the worker of the other tab ends.
      void locks.request("yilian.wallet", () => new Promise(() => {}));
    });
    const removes = other.getByRole("dialog").getByRole("button", { name: "Remove the wallet" });
    await removes.click();
    await other.locator('[data-fault="elsewhere"]').waitFor();
    await third.close();
    await other.getByRole("button", { name: "Try again" }).click();
    await other.locator("#passphrase").waitFor();
    await other.close();
  });
});

test("words that are none are told by their place, and what is damaged as such", async () => {
  const { who, storage } = await keptWallet();
  await visit({ language: "en" }, async ({ page }) => {
    await page.goto("/me");
    await page.getByRole("button", { name: text.old }).click();
    const wrong = who.words.split(" ").with(4, "jadestone").join(" ");
    for (const typed of [wrong, who.words.split(" ").slice(1).join(" "), who.words + " abandon"]) {
      await page.locator("#words").fill(typed);
      await page.getByRole("button", { name: text.find }).click();
      await page.locator('[data-fault="not-the-words"]').waitFor();
      await page.getByRole("button", { name: "Try again" }).click();
      assert.equal(await page.locator("#words").inputValue(), "");
    }
  });
  await visit({ language: "en", storage }, async ({ page }) => {
    await page.goto("/me");
    await page.locator("#passphrase").waitFor();
    await page.evaluate(async () => {
      const open = indexedDB.open("yilian.wallet");
      await new Promise((resolve) => (open.onsuccess = resolve));
      const store = open.result.transaction("sealed", "readwrite").objectStore("sealed");
      const gone = store.delete("seed");
      await new Promise((resolve) => (gone.onsuccess = resolve));
      open.result.close();
    });
    await page.reload();
    await unlock(page, PASSPHRASE, text);
    await page.locator('[data-fault="damaged"]').waitFor();
    await isGoodFor(page);
    await page.getByText("Forgot the passphrase?").click();
    await page.getByRole("button", { name: "Remove the wallet" }).waitFor();
  });
});

test("a patient lets a doctor read, in one sentence, and he does", async () => {
  const who = patient();
  await visit({ size: "desktop", language: "en" }, async ({ page }) => {
    await recover(page, who.words, text);
    await enter(page, text.access);
    await page.getByRole("link", { name: "Let a doctor read" }).click();
    await page.locator("#address").fill(wang());
    await page.getByText("A month").click();
    const sentence = page.locator("[data-sentence]");
    const said =
      "Dr Wang of South Hospital will be able to read your clinical records, for treatment,";
    await sentence.filter({ hasText: said }).waitFor();
    assert.match((await sentence.textContent()) ?? "", /, until \d+ \w+( \d+)?\.$/);
    const sensitive = page.getByRole("checkbox", { name: "Sensitive records" });
    assert.equal(await sensitive.isChecked(), false);
    await isGoodFor(page);
    await picture(page, "me-give-desktop-en");
    await page.getByRole("button", { name: "Next" }).click();
    const sheet = page.getByRole("dialog");
    await isGoodFor(page);
    await sheet.getByRole("button", { name: text.let }).click();
    const given = page.locator("[data-state='active']");
    const stands = "Dr Wang of South Hospital may read your clinical records of North Hospital,";
    await given.filter({ hasText: stands }).waitFor();
    await isGoodFor(page);
    await picture(page, "me-given-desktop-en");

    const inbox = JSON.stringify(yilian("doctor", "inbox", "Dr Wang"));
    const letters = [...inbox.matchAll(/"letter":"([0-9a-f]{64})"/g)].map(([, id]) => id ?? "");
    const letter = who.file("given");
    yilian("doctor", "inbox", "Dr Wang", "--take", letters.at(-1) ?? "", "--out", letter);
    assert.match(JSON.stringify(yilian("doctor", "read", "Dr Wang", letter)), /clinical/);
    await given.getByText(text.uses).click();
    await given.locator("[data-use]").waitFor();

    // Paused, it is refused; resumed, it is not.
    await given.getByRole("button", { name: "Pause" }).click();
    await page
      .locator("[data-state='paused']")
      .getByText(/may not read for now/)
      .waitFor();
    assert.throws(() => yilian("doctor", "read", "Dr Wang", letter), /grant-paused/);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.locator("[data-state='active']").waitFor();
  });
});

test("a request that is refused is answered so", async () => {
  const who = patient();
  yilian("doctor", "request", "Dr Li", "--token", who.file("token"), "--levels", "clinical");
  await visit({ language: "en", dark: true }, async ({ page }) => {
    await recover(page, who.words, text);
    await enter(page, text.letters);
    await page.getByRole("button", { name: text.refuse }).click();
    const sheet = page.getByRole("dialog");
    await isGoodFor(page);
    await picture(page, "me-refuse-phone-en-dark");
    await sheet.getByRole("button", { name: text.refuse }).click();
    await page.locator("[data-answered='denied']").waitFor();
    const inbox = JSON.stringify(yilian("doctor", "inbox", "Dr Li"));
    assert.match(inbox, /"kind":"denied"/);
    // It stays answered when the page is loaded anew.
    await page.reload();
    await unlock(page, PASSPHRASE, text);
    await page.locator("[data-answered='denied']").waitFor();
    assert.equal(await page.locator("[data-badge]").count(), 0);
    // She deletes it, and it does not come again.
    await page.getByRole("button", { name: "Delete" }).click();
    await isGoodFor(page);
    await sheet.getByRole("button", { name: "Delete" }).click();
    await page.getByText("No letters.").waitFor();
  });
});

test("a node that lies to a patient is told, and nothing of its lie is shown", async () => {
  const who = patient();
  await lied(async (liar, base) => {
    await visit({ base, language: "en" }, async ({ page }) => {
      // A proof of the state that was bent: no wallet is made of it.
      liar.bend = (path, answer: { header: { time: number } }) => {
        if (path !== "/v1/proofs") return undefined;
        answer.header.time += 1;
        return answer;
      };
      await page.goto("/me");
      await page.getByRole("button", { name: text.old }).click();
      await page.locator("#words").fill(who.words);
      await page.getByRole("button", { name: text.find }).click();
      await page.locator('[data-fault="node-lies"]').waitFor();
      await isGoodFor(page);
      liar.bend = () => undefined;

      // One record's bytes that were changed on the way: it is told, and hides none of the others.
      let bent: string | undefined;
      liar.bendBytes = (path, bytes) => {
        if (path.endsWith("/object") && (bent ??= path) === path) bytes[bytes.length - 1]! ^= 1;
        return bytes;
      };
      await recover(page, who.words, text);
      await page.locator("[data-record] svg").nth(1).waitFor();
      await page.locator('[data-record] [data-fault="node-lies"]').waitFor();
      assert.equal(await page.locator("[data-record]").count(), 3);
      assert.equal(await page.locator("[data-record] svg").count(), 2);
      await isGoodFor(page);
      await picture(page, "me-faulty-phone-en");

      // All of them.
      liar.bendBytes = (path, bytes) => {
        if (path.endsWith("/object")) bytes[bytes.length - 1]! ^= 1;
        return bytes;
      };
      await page
        .locator("[data-record]")
        .filter({ has: page.locator("svg") })
        .first()
        .click();
      await page.locator('[data-fault="node-lies"]').waitFor();
      assert.equal(await page.locator("[data-content]").count(), 0);
      await isGoodFor(page);
      await picture(page, "me-lying-phone-en");
      await enter(page, text.room);
      // What was verified before stays.
      await page.locator("[data-record] svg").first().waitFor();
    });
  });
});

test("access that was cut short while it was given is known, and can be ended", async () => {
  const who = patient();
  await lied(async (liar, base) => {
    await visit({ base, language: "en" }, async ({ page }) => {
      await recover(page, who.words, text);
      await enter(page, text.access);
      await page.getByRole("link", { name: "Let a doctor read" }).click();
      await page.locator("#address").fill(wang());
      await page.getByRole("button", { name: "Next" }).click();
      // The grant stands on the chain, and no hospital gets its share; then the browser ends.
      const held = new Promise<void>((resolve) => {
        liar.swallows = (path) => {
          const isDeposit = path.startsWith("/v1/deposits");
          if (isDeposit) resolve();
          return isDeposit;
        };
      });
      await page.getByRole("dialog").getByRole("button", { name: text.let }).click();
      await held;
      await page.reload();
      liar.swallows = () => false;
      await unlock(page, PASSPHRASE, text);
      await page.locator("#passphrase").waitFor({ state: "detached" });
      await enter(page, text.access);
      const standing = page.locator("[data-state='active']");
      // The wallet was kept before: it knows for whom it was, and that he has no letter yet. It is
      // finished as it was ordered.
      const way = page.locator("[data-stage='ordered']");
      await way.filter({ hasText: "Dr Wang of South Hospital may read" }).waitFor();
      await isGoodFor(page);
      await picture(page, "me-way-phone-en");
      const old = new Map<string, unknown>();
      let isOld = false;
      liar.bend = (path, answer: { header: { time: number } }, asked) => {
        if (path !== "/v1/proofs") return undefined;
        // Nothing true is told then, from which the page could know better.
        answer.header.time += isOld ? 1 : 0;
        if (isOld) return old.get(asked) ?? answer;
        if (!old.has(asked)) old.set(asked, answer);
        return undefined;
      };
      await way.getByRole("button", { name: "Finish it" }).click();
      await standing.filter({ hasText: "Dr Wang of South Hospital may read" }).waitFor();
      assert.equal(await page.locator("[data-grant]").count(), 1);
      await standing.getByRole("button", { name: text.end }).click();
      await page.getByRole("dialog").getByRole("button", { name: text.end }).click();
      await page.locator("[data-state='revoked']").waitFor();

      // A node that shows the state of before, to a page that is loaded anew: it is behind, and
      // nothing of it is shown.
      isOld = true;
      await page.reload();
      await unlock(page, PASSPHRASE, text);
      await page.locator('main [data-fault="behind"]').waitFor();
      await isGoodFor(page);
      assert.equal(await page.locator("[data-grant]").count(), 0);
    });
  });
});

test("a worker that dies takes the keys with it, and the page says why it is locked", async () => {
  const { storage } = await keptWallet();
  await visit(
    { language: "en", storage },
    async ({ page }) => {
      await openKept(page);
      await page.locator("[data-record] svg").first().waitFor();
      const worker = keyWorker(page);
      await worker.evaluate(() => {
        setTimeout(() => {
          throw new WebAssembly.RuntimeError("unreachable");
        });
      });
      await page.locator("#passphrase").waitFor();
      await page.getByText("met something that should not exist").waitFor();
      assert.equal(await page.locator("[data-record]").count(), 0);
      await isGoodFor(page);
      await unlock(page, PASSPHRASE, text);
      await page.locator("[data-record] svg").first().waitFor();
    },
    (complaint) => complaint.includes("unreachable"),
  );
});
