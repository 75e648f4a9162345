import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../src/explorer/csv.ts";
import { target } from "../src/explorer/target.ts";
import type { BlockView } from "../src/wallet/calls.ts";

const id = "ab".repeat(32);

test("what is typed leads to a block or to whatever has the id", () => {
  assert.equal(target(" 12 "), "/explorer/block/12");
  assert.equal(target("007"), "/explorer/block/7");
  assert.equal(target(id.toUpperCase()), `/explorer/find/${id}`);
  for (const wrong of ["", "-1", "1.5", "abc", id.slice(1), `${id}0`, "9".repeat(16)]) {
    assert.equal(target(wrong), undefined, wrong);
  }
});

test("a name that looks like a formula or a table stays a text in the CSV", () => {
  const block: BlockView = {
    id,
    height: 3,
    time: 0,
    parent: id,
    size: 1,
    merkleRoot: id,
    stateRoot: id,
    certificate: "",
    transactions: [
      {
        id,
        act: { kind: "admit", member: id, name: 'Nord, "Süd"\n' },
        signer: id,
        refused: undefined,
      },
      {
        id,
        act: { kind: "open", grant: id, certificates: [] },
        signer: "=1+1",
        refused: "two-clinicians",
      },
    ],
  };
  const [head, first, second, ...rest] = csv([block]).split("\r\n");
  assert.equal(head, "height,time,block,transaction,kind,outcome,signer,details");
  assert.equal(
    first,
    `3,1970-01-01T00:00:00.000Z,${id},${id},admit,applied,${id},"{""member"":""${id}"",""name"":""Nord, \\""Süd\\""\\n""}"`,
  );
  assert.match(second ?? "", /,two-clinicians,'=1\+1,/);
  assert.deepEqual(rest, [""]);
  assert.equal(csv([]).split("\r\n").length, 2);
});
