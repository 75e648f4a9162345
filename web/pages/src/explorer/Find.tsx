import { Button, Tag } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { Doubt } from "../parts/Doubt.tsx";
import { How } from "../parts/How.tsx";
import { useNames } from "../parts/names.ts";
import { Mark } from "../parts/Mark.tsx";
import { save } from "../parts/save.ts";
import { useTimes } from "../parts/time.ts";
import { Waiting } from "../parts/Waiting.tsx";
import { word } from "../parts/words.ts";
import type { FoundView } from "../wallet/calls.ts";
import { useBlock, useChain, useFound, wallet } from "../wallet/hooks.ts";
import { Search } from "./Search.tsx";
import { sentence } from "./sentence.ts";

type Found<W extends FoundView["what"]> = Extract<FoundView, { what: W }>;

function Card({
  title,
  tag,
  text,
  block,
}: {
  title: string;
  tag?: ReactNode;
  text: string;
  block?: number;
}) {
  const { t } = useTranslation();
  return (
    <section className="space-y-2 rounded-card border border-line bg-raised px-5 py-4">
      <h1 className="flex flex-wrap items-center gap-2 text-[22px] font-semibold">
        {title}
        <Mark big />
        {tag}
      </h1>
      <p>{text}</p>
      {block !== undefined && (
        <p>
          <Link to={`/explorer/block/${block}`}>{t("found.in", { height: block })}</Link>
        </p>
      )}
    </section>
  );
}

function Transaction({ found, digits }: { found: Found<"transaction">; digits: string }) {
  const { t } = useTranslation();
  const name = useNames();
  const { day } = useTimes();
  const block = useBlock(found.block.height);
  const act = block.data?.transactions[found.index]?.act;
  const place = t("found.place", { height: found.block.height, index: found.index + 1 });
  const what = act ? sentence(act, { t, name, day }) : t("found.transaction");
  if (block.error) return <Doubt error={block.error} />;
  return (
    <>
      <Card
        title={found.refused ? t("explorer.tried", { what }) : what}
        text={found.refused ? t("explorer.refused", { rule: found.refused }) : place}
        block={found.block.height}
      />
      <Button
        onClick={() =>
          void wallet
            .call("receipt", digits)
            .then((receipt) =>
              save(`receipt-${digits.slice(0, 8)}.json`, receipt, "application/json"),
            )
        }
      >
        {t("how.save")}
      </Button>
      <p className="text-sm text-soft">{t("how.saved")}</p>
    </>
  );
}

function Certificate({ found }: { found: Found<"certificate"> }) {
  const { t } = useTranslation();
  const name = useNames();
  const { day } = useTimes();
  const now = Date.now();
  const state =
    found.revoked !== undefined
      ? "revoked"
      : now > found.until
        ? "ended"
        : now < found.from
          ? "early"
          : "valid";
  return (
    <Card
      title={t("found.certificate.title", {
        subject: found.subject,
        role: word(t, "role", found.role),
      })}
      tag={
        <Tag color={state === "valid" ? "success" : "warning"}>
          {t(`found.certificate.${state}`, { reason: found.revoked ?? "" })}
        </Tag>
      }
      text={t("found.certificate.text", {
        member: name(found.member),
        from: day(found.from),
        until: day(found.until),
      })}
      block={found.block.height}
    />
  );
}

function Grant({ found }: { found: Found<"grant"> }) {
  const { t } = useTranslation();
  const name = useNames();
  const { day } = useTimes();
  return (
    <Card
      title={t(found.emergency ? "found.grant.emergency" : "found.grant.title")}
      tag={
        <Tag color={found.state === "active" ? "success" : "default"}>
          {t(`found.grant.${found.state}`)}
        </Tag>
      }
      text={t("found.grant.text", {
        until: day(found.until),
        threshold: found.threshold,
        holders: found.holders.map(name).join(", "),
      })}
      block={found.block.height}
    />
  );
}

function Trace({ found }: { found: Found<"trace"> }) {
  const { t } = useTranslation();
  const late = found.late > 0 ? ` ${t("found.trace.late", { count: found.late })}` : "";
  return (
    <>
      <Card
        title={t("found.trace.title")}
        text={t("found.trace.text", { count: found.length }) + late}
      />
      <Link to="/check">{t("found.trace.check")}</Link>
    </>
  );
}

function What({ found, digits }: { found: FoundView; digits: string }) {
  const { t } = useTranslation();
  const name = useNames();
  const { when } = useTimes();
  switch (found.what) {
    case "transaction":
      return <Transaction found={found} digits={digits} />;
    case "record":
      return (
        <Card
          title={t("found.record.title")}
          text={t("found.record.text", {
            member: name(found.member),
            when: when(found.block.time),
          })}
          block={found.block.height}
        />
      );
    case "certificate":
      return <Certificate found={found} />;
    case "member":
      return (
        <Card
          title={t("found.member.title", { name: found.name })}
          tag={
            <Tag color={found.standing === "active" ? "success" : "warning"}>
              {t(`standing.${found.standing}`)}
            </Tag>
          }
          text={t("found.member.text", { when: when(found.block.time) })}
          block={found.block.height}
        />
      );
    case "grant":
      return <Grant found={found} />;
    case "disclosure":
      return (
        <Card
          title={t("found.disclosure.title")}
          text={t("found.disclosure.text", {
            member: name(found.member),
            case: found.case,
            reason: found.reason,
            count: found.approvals,
          })}
          block={found.block.height}
        />
      );
    case "trace":
      return <Trace found={found} />;
  }
}

export default function Find() {
  const { t } = useTranslation();
  const digits = useParams()["digits"] ?? "";
  const found = useFound(digits);
  const chain = useChain().data?.name ?? "";
  const { when } = useTimes();
  return (
    <div className="space-y-5">
      {found.error && <Doubt error={found.error} />}
      {found.isPending && <Waiting what={t("wait.find")} />}
      {found.data && <What found={found.data} digits={digits} />}
      {found.data === null && (
        <section className="rounded-card border border-line bg-raised px-5 py-4">
          <h1 className="text-[22px] font-semibold">{t("found.nothing.title")}</h1>
          <p className="mt-1 text-soft">{t("found.nothing.text")}</p>
        </section>
      )}
      {found.data && (
        <How
          lines={[
            t("block.proof.chain", { name: chain }),
            t("block.proof.finality"),
            t("block.proof.checked", { when: when(found.dataUpdatedAt) }),
          ]}
          facts={[[t("found.id"), digits]]}
        />
      )}
      <Search />
    </div>
  );
}
