// The code for a visit: whoever treats scans it, and can then write for this patient.
import { useMutation } from "@tanstack/react-query";
import { Button, QRCode } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { save } from "../../parts/save.ts";
import { Tick } from "../../parts/Tick.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { palette } from "../../theme.ts";
import type { TokenView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useKnown, usePeople } from "../wallet/hooks.ts";

/** Whether the moment has come; looked at each second. */
function useIsPast(moment: number): boolean {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now >= moment;
}

function Code({ token, again }: { token: TokenView; again: () => void }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const member = useKnown().member(token.hospital) ?? "";
  const isOver = useIsPast(token.expires);
  const [isCopied, setCopied] = useState(false);
  if (isOver) {
    return (
      <div className="space-y-5 pt-4 md:pt-8" data-expired>
        <Head title={t("me.show.over")}>{t("me.show.overText")}</Head>
        <Button type="primary" size="large" block onClick={again}>
          {t("me.show.again")}
        </Button>
      </div>
    );
  }
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={t("me.show.for", { member })}>{t("me.show.hand")}</Head>
      <div
        data-code={token.code}
        className="mx-auto w-full max-w-[400px] rounded-[20px] border border-line bg-white p-4 [&_svg]:h-auto [&_svg]:w-full"
      >
        <QRCode
          type="svg"
          aria-label={t("me.show.aloud", { member })}
          value={token.code}
          // The quiet zone is the frame's: four modules of the 93.
          className="h-auto! w-full! p-0!"
          errorLevel="L"
          bordered={false}
          // A scanner wants dark on light, whatever the page's mode.
          color={palette.light.ink}
          bgColor={palette.light.raised}
        />
      </div>
      <p role="status" className="text-center">
        <time dateTime={new Date(token.expires).toISOString()} title={exact(token.expires)}>
          {t("me.show.until", { when: when(token.expires) })}
        </time>
      </p>
      {token.private && <p className="text-center text-soft">{t("me.show.private")}</p>}
      <details className="rounded-card border border-line bg-raised">
        <summary className="flex min-h-(--touch) cursor-pointer items-center px-5 py-2">
          {t("me.show.text")}
        </summary>
        <div className="space-y-3 border-t border-line px-5 py-4">
          <p className="text-sm text-soft">{t("me.show.textLead")}</p>
          <pre
            data-token
            tabIndex={0}
            aria-label={t("me.show.text")}
            className="max-h-40 overflow-auto font-mono text-[12px] break-all whitespace-pre-wrap"
          >
            {token.file}
          </pre>
          <div className="flex flex-wrap gap-3">
            <Button
              onClick={() =>
                void navigator.clipboard.writeText(token.file).then(() => setCopied(true))
              }
            >
              {isCopied ? t("me.show.copied") : t("me.show.copy")}
            </Button>
            <Button onClick={() => save("visit.json", token.file, "application/json")}>
              {t("me.show.save")}
            </Button>
          </div>
        </div>
      </details>
      <Button size="large" block onClick={again}>
        {t("me.show.another")}
      </Button>
    </div>
  );
}

export default function Show() {
  const { t } = useTranslation();
  const people = usePeople();
  const [apart, setApart] = useState(false);
  const making = useMutation({
    mutationFn: (hospital: string) => keys.call("checkIn", hospital, apart, Date.now()),
    gcTime: 0,
  });
  const hospitals = (people.data?.members ?? []).filter(
    ({ acts, people }) => acts && people.some(({ valid, role }) => valid && role === "doctor"),
  );
  if (making.data) return <Code token={making.data} again={() => making.reset()} />;
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={t("me.show.title")}>{t("me.show.lead")}</Head>
      {people.isPending && <Waiting what={t("me.wait.names")} rows={2} />}
      {people.error && <Doubt error={people.error} again={() => void people.refetch()} />}
      {people.isSuccess && hospitals.length === 0 && <p>{t("me.show.nobody")}</p>}
      <Tick name={t("me.show.apart")} isOn={apart} set={setApart}>
        {t("me.show.apartText")}
      </Tick>
      <ul className="space-y-3">
        {hospitals.map(({ id, name }) => (
          <li key={id}>
            <Button
              type="primary"
              size="large"
              block
              disabled={making.isPending}
              loading={making.isPending && making.variables === id}
              onClick={() => making.mutate(id)}
            >
              {name}
            </Button>
          </li>
        ))}
      </ul>
      {making.error && <Doubt error={making.error} again={() => making.reset()} />}
    </div>
  );
}
