// The keys: whose they are, locking, and taking them from this browser.
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { Head } from "../../parts/Head.tsx";
import { lock } from "../wallet/device.ts";
import { Remove } from "./Remove.tsx";
import { Who } from "./Who.tsx";

export default function Keep() {
  const { t } = useTranslation();
  return (
    <div className="space-y-6 pt-4 md:pt-8">
      <Head title={t("clinic.keep.title")}>{t("clinic.keep.lead")}</Head>
      <Who isFull />
      <Button type="primary" size="large" block onClick={() => lock()}>
        {t("clinic.keep.lock")}
      </Button>
      <section className="space-y-3">
        <h2 className="text-lg font-semibold">{t("clinic.keep.about")}</h2>
        <ul className="list-disc space-y-1 pl-5 text-soft">
          <li>{t("clinic.bring.here")}</li>
          <li>{t("clinic.bring.node")}</li>
          <li>{t("clinic.keep.elsewhere")}</li>
        </ul>
      </section>
      <Remove />
    </div>
  );
}
