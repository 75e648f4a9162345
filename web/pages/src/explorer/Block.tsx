import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { Doubt } from "../parts/Doubt.tsx";
import { How } from "../parts/How.tsx";
import { Mark } from "../parts/Mark.tsx";
import { useTimes } from "../parts/time.ts";
import { Waiting } from "../parts/Waiting.tsx";
import type { BlockView } from "../wallet/calls.ts";
import { useBlock, useChain, useStatus } from "../wallet/hooks.ts";
import { Entry } from "./Entry.tsx";
import { Search } from "./Search.tsx";

function Contents({ block, at }: { block: BlockView; at: number }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const chain = useChain().data?.name ?? "";
  const count = block.transactions.length;
  const latest = useStatus().data?.latest.height ?? block.height;
  return (
    <>
      <p className="text-soft" title={exact(block.time)}>
        {t("block.when", { when: when(block.time) })}
      </p>
      {count === 0 ? (
        <p className="text-soft">{t(block.height === 0 ? "block.first" : "block.nothing")}</p>
      ) : (
        <section>
          <h2 className="mb-2 text-base font-normal text-soft">{t("block.holds", { count })}</h2>
          <ul className="divide-y divide-line overflow-hidden rounded-card border border-line bg-raised">
            {block.transactions.map((transaction) => (
              <Entry key={transaction.id} transaction={transaction} />
            ))}
          </ul>
        </section>
      )}
      <How
        lines={[
          t("block.proof.chain", { name: chain }),
          t(block.height === 0 ? "block.proof.genesis" : "block.proof.finality"),
          ...(count > 0 ? [t("block.proof.contents", { count })] : []),
          t("block.proof.checked", { when: when(at) }),
        ]}
        facts={[
          [t("block.id"), block.id],
          [t("block.parent"), block.parent],
          [t("block.merkle"), block.merkleRoot],
          [t("block.state"), block.stateRoot],
          ...(block.certificate
            ? [[t("block.certificate"), block.certificate] as [string, string]]
            : []),
        ]}
      />
      <nav className="flex justify-between">
        {block.height > 0 ? (
          <Link to={`/explorer/block/${block.height - 1}`} className="py-2">
            ‹ {t("block.lower")}
          </Link>
        ) : (
          <span />
        )}
        {block.height < latest && (
          <Link to={`/explorer/block/${block.height + 1}`} className="py-2">
            {t("block.higher")} ›
          </Link>
        )}
      </nav>
    </>
  );
}

export default function Block() {
  const { t } = useTranslation();
  const height = Number(useParams()["height"]);
  const block = useBlock(height);
  return (
    <div className="space-y-5">
      <h1 className="flex items-center gap-2 text-[22px] font-semibold">
        {t("block.title", { height })}
        {block.data && <Mark big />}
      </h1>
      {block.error && <Doubt error={block.error} />}
      {block.isPending && <Waiting what={t("wait.blocks")} />}
      {block.data && <Contents block={block.data} at={block.dataUpdatedAt} />}
      <Search />
    </div>
  );
}
