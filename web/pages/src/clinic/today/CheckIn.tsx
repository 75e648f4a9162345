// A patient shows a code: it is scanned, read out of a picture, or pasted.
import { Button, Input } from "antd";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { taken } from "../../parts/Secret.tsx";
import { Sheet } from "../../parts/Sheet.tsx";
import { keys } from "../wallet/device.ts";
import { useChange } from "../wallet/hooks.ts";
import { codeIn, detector } from "./scan.ts";
import { Token } from "./Token.tsx";

/** How often the camera's picture is looked at. */
const LOOK_MS = 250;

/** The camera, until it sees a visit's code. */
function Camera({ seen, close }: { seen: (code: string) => void; close: () => void }) {
  const { t } = useTranslation();
  const video = useRef<HTMLVideoElement>(null);
  const [isDenied, setDenied] = useState(false);
  useEffect(() => {
    const reader = detector();
    let stream: MediaStream | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const look = async () => {
      if (isOver || video.current === null || reader === undefined) return;
      // A picture that is not there yet has no code.
      const code = await codeIn(video.current, reader).catch(() => undefined);
      if (isOver) return;
      if (code !== undefined) return seen(code);
      timer = setTimeout(() => void look(), LOOK_MS);
    };
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(
      async (opened) => {
        stream = opened;
        if (isOver || video.current === null)
          return opened.getTracks().forEach((one) => one.stop());
        video.current.srcObject = opened;
        await video.current.play().catch(() => {});
        void look();
      },
      () => setDenied(true),
    );
    return () => {
      isOver = true;
      clearTimeout(timer);
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, [seen]);
  return (
    <Sheet title={t("clinic.checkIn.scan")} onClose={close}>
      {isDenied ? (
        <p role="alert">{t("clinic.checkIn.denied")}</p>
      ) : (
        <video ref={video} muted playsInline className="w-full rounded-card bg-black" />
      )}
      <Button onClick={close}>{t("clinic.notNow")}</Button>
    </Sheet>
  );
}

/** Reads the code out of a picture. */
function Picture({ seen, none }: { seen: (code: string) => void; none: () => void }) {
  const { t } = useTranslation();
  const read = async (file: File | undefined) => {
    const reader = detector();
    if (file === undefined || reader === undefined) return;
    const code = await createImageBitmap(file)
      .then((image) => codeIn(image, reader))
      .catch(() => undefined);
    if (code === undefined) none();
    else seen(code);
  };
  return (
    <div>
      <label htmlFor="picture" className="mb-1 block text-sm text-soft">
        {t("clinic.checkIn.picture")}
      </label>
      <input
        id="picture"
        type="file"
        accept="image/*"
        className="w-full"
        onChange={(event) => void read(event.target.files?.[0])}
      />
    </div>
  );
}

/** The code opens records of its quarter when the curves fall, so the page does not hold it. */
export function CheckIn() {
  const { t } = useTranslation();
  const go = useNavigate();
  const field = useRef<HTMLTextAreaElement>(null);
  const [label, setLabel] = useState("");
  const [isScanning, setScanning] = useState(false);
  const [hasNone, setNone] = useState(false);
  const checking = useChange(["visits"], () =>
    keys.call("checkIn", taken(field), label, Date.now()),
  );
  const act = () =>
    checking.mutate([], {
      onSuccess: ({ visit }) => void go(`/clinic/visit/${visit}`),
    });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (field.current?.value.trim() !== "") act();
  };
  const seen = (code: string) => {
    setScanning(false);
    setNone(false);
    if (field.current !== null) field.current.value = code;
    act();
  };
  const canScan = detector() !== undefined;
  return (
    <form onSubmit={submit} className="space-y-3" data-check-in>
      <h2 className="text-lg font-semibold">{t("clinic.checkIn.title")}</h2>
      <p className="text-sm text-soft">
        {canScan ? t("clinic.checkIn.lead") : t("clinic.checkIn.leadPaste")}
      </p>
      {canScan && (
        <>
          <Button size="large" block onClick={() => setScanning(true)}>
            {t("clinic.checkIn.scan")}
          </Button>
          <Picture seen={seen} none={() => setNone(true)} />
        </>
      )}
      {hasNone && (
        <p role="alert" className="text-cinnabar">
          {t("clinic.checkIn.none")}
        </p>
      )}
      <Token field={field} />
      <div>
        <label htmlFor="label" className="mb-1 block text-sm text-soft">
          {t("clinic.checkIn.label")}
        </label>
        <Input
          id="label"
          size="large"
          maxLength={60}
          autoComplete="off"
          value={label}
          onChange={(event) => setLabel(event.target.value)}
        />
      </div>
      <Button type="primary" size="large" block htmlType="submit" loading={checking.isPending}>
        {t("clinic.checkIn.button")}
      </Button>
      {checking.error && <Doubt error={checking.error} again={() => checking.reset()} />}
      {isScanning && <Camera seen={seen} close={() => setScanning(false)} />}
    </form>
  );
}
