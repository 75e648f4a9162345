import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Sheet } from "../../parts/Sheet.tsx";
import { Tick } from "../../parts/Tick.tsx";
import { forget } from "../wallet/device.ts";

/** Takes the wallet from this browser, when the person has the words. */
export function Remove() {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const [hasWords, setHasWords] = useState(false);
  return (
    <>
      <Button danger onClick={() => setOpen(true)}>
        {t("me.remove.button")}
      </Button>
      {isOpen && (
        <Sheet title={t("me.remove.title")} onClose={() => setOpen(false)}>
          <p>{t("me.remove.text")}</p>
          <Tick name={t("me.remove.words")} isOn={hasWords} set={setHasWords} />
          <div className="flex flex-wrap gap-3">
            <Button onClick={() => setOpen(false)}>{t("me.notNow")}</Button>
            <Button type="primary" danger disabled={!hasWords} onClick={() => void forget()}>
              {t("me.remove.button")}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
