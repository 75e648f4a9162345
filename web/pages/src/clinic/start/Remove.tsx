import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Sheet } from "../../parts/Sheet.tsx";
import { Tick } from "../../parts/Tick.tsx";
import { forget } from "../wallet/device.ts";

/** Takes the keys from this browser, when the person has the file. */
export function Remove() {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const [hasFile, setHasFile] = useState(false);
  return (
    <>
      <Button danger onClick={() => setOpen(true)}>
        {t("clinic.remove.button")}
      </Button>
      {isOpen && (
        <Sheet title={t("clinic.remove.title")} onClose={() => setOpen(false)}>
          <p>{t("clinic.remove.text")}</p>
          <Tick name={t("clinic.remove.file")} isOn={hasFile} set={setHasFile} />
          <div className="flex flex-wrap gap-3">
            <Button onClick={() => setOpen(false)}>{t("clinic.notNow")}</Button>
            <Button type="primary" danger disabled={!hasFile} onClick={() => void forget()}>
              {t("clinic.remove.button")}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
