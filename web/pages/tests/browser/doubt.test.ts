// A node that lies, dies or is another's; a worker that dies.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, isGoodFor, node, older, picture, visit } from "./browser.ts";
import { lied } from "./liar.ts";

interface Block {
  header: { height: number };
  transactions: { outcome: unknown; body: Record<string, { name?: string }> }[];
}

const refused = (complaint: string) => complaint.startsWith("Failed to load resource");

test("a block that was bent is not shown, and the page says who is at fault", async () => {
  await lied(async (liar, base) => {
    await visit({ base, language: "en" }, async ({ page }) => {
      liar.bend = (path, block: Block) => {
        if (!path.startsWith("/v1/blocks/")) return undefined;
        // The chain's first entry, so that there is something above it.
        const admit = block.transactions.map(({ body }) => body["admit"]);
        const first = admit.find((member) => member?.name === "North Hospital");
        if (first === undefined) return undefined;
        first.name = "False Hospital";
        return block;
      };
      await page.goto("/explorer");
      await page.locator("li[data-kind]").first().waitFor();
      const alarm = page.locator('[data-fault="node-lies"]');
      await older(page, () => alarm.isVisible());
      await alarm.waitFor();
      assert.equal(await page.getByText("False Hospital").count(), 0);
      // What was verified before stays.
      assert.ok((await page.locator("li[data-kind]").count()) > 0);
      await isGoodFor(page);
      await picture(page, "lying-phone-en");
    });
  });
});

test("a member who does not exist is not shown", async () => {
  await lied(async (liar, base) => {
    await visit({ base, language: "en" }, async ({ page }) => {
      liar.bend = (path, answer: { header: { time: number } }) => {
        if (path !== "/v1/proofs") return undefined;
        answer.header.time += 1;
        return answer;
      };
      await page.goto("/network");
      await page.locator('[data-fault="node-lies"]').waitFor();
      assert.equal(await page.getByRole("link", { name: "North Hospital" }).count(), 0);
      assert.equal(await page.getByText("All is well").count(), 0);
    });
  });
});

test("a trail from which a step was taken out is no trail", async () => {
  await lied(async (liar, base) => {
    await visit({ base, language: "en" }, async ({ page }) => {
      liar.bend = (path, answer: { entries: unknown[]; total: number }) => {
        if (!path.startsWith("/v1/traces/")) return undefined;
        return { ...answer, entries: answer.entries.slice(1) };
      };
      await page.goto("/check");
      await page.locator("#code").fill(codes().copied);
      await page.locator("#code").press("Enter");
      await page.locator('[data-fault="node-lies"]').waitFor();
      assert.equal(await page.locator("[data-verdict]").count(), 0);
    });
  });
});

test("another chain under the same address is noticed, and only the person forgets the old one", async () => {
  await visit({ language: "en" }, async ({ page }) => {
    await page.goto("/network");
    await page.getByText("All is well").waitFor();
    await page.evaluate(() => {
      const genesis = JSON.parse(localStorage.getItem("yilian.genesis") ?? "") as { name: string };
      genesis.name = "Another consortium";
      localStorage.setItem("yilian.genesis", JSON.stringify(genesis));
    });
    await page.reload();
    await page.locator('[data-fault="other-chain"]').first().waitFor();
    await isGoodFor(page);
    await page.getByRole("button", { name: "Forget the old chain" }).first().click();
    await page.getByText("All is well").waitFor();
  });
});

test("a worker that dies is made again, and the page goes on", async () => {
  await visit(
    { language: "en" },
    async ({ page }) => {
      await page.goto("/explorer");
      await page.locator("li[data-kind]").first().waitFor();
      const [worker] = page.workers();
      assert.ok(worker);
      const gone = worker.waitForEvent("close");
      await worker.evaluate(() => {
        setTimeout(() => {
          throw new WebAssembly.RuntimeError("unreachable");
        });
      });
      await gone;
      await page.getByLabel("A block's number, or any id").fill("1");
      await page.getByRole("button", { name: "Find", exact: true }).click();
      await page.getByRole("heading", { name: "Block 1", level: 1 }).waitFor();
      await page.getByText("How do we know?").waitFor();
    },
    (complaint) => complaint.includes("unreachable"),
  );
});

test("a node that is gone is told calmly, and what was shown stays", async () => {
  await lied(async (liar, base) => {
    await visit(
      { base, language: "en" },
      async ({ page }) => {
        await page.goto("/network");
        await page.getByText("All is well").waitFor();
        await liar.stop();
        await page.locator('[data-fault="unreachable"]').waitFor({ timeout: 40_000 });
        assert.ok(await page.getByRole("link", { name: "North Hospital" }).isVisible());
        await isGoodFor(page);
      },
      refused,
    );
  });
});

test("the policy allows no third host, and scripts are kept", async () => {
  await visit(
    { language: "en" },
    async ({ page }) => {
      const answer = await page.goto("/check");
      await page.locator("#code").waitFor();
      const policy = (await answer?.allHeaders())?.["content-security-policy"] ?? "";
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'.*unsafe-eval|https?:/);
      const blocked = await page.evaluate(async () => {
        try {
          await fetch("http://127.0.0.1:9/");
        } catch {
          return true;
        }
        return false;
      });
      assert.ok(blocked);
      const index = await fetch(`${node}/`, { headers: { accept: "text/html" } });
      const script = /src="(\/assets\/[^"]+\.js)"/.exec(await index.text())?.[1];
      assert.ok(script);
      const asset = await fetch(node + script);
      assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
    },
    (complaint) => /127\.0\.0\.1:9\b/.test(complaint),
  );
});
