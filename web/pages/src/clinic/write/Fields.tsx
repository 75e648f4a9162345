import { Button, Input } from "antd";
import { useTranslation } from "react-i18next";
import { ABOUT, type Form, isDecimal } from "./form.ts";
import { useTitles } from "./titles.ts";

function Line({
  id,
  label,
  value,
  set,
  isWrong = false,
  isWide = false,
}: {
  id: string;
  label: string;
  value: string;
  set: (value: string) => void;
  isWrong?: boolean;
  /** Of several beside each other: it has a line of its own on a phone. */
  isWide?: boolean;
}) {
  return (
    <div className={isWide ? "min-w-0 basis-full sm:flex-1 sm:basis-0" : "min-w-0"}>
      <label htmlFor={id} className="mb-1 block text-sm text-soft">
        {label}
      </label>
      <Input
        id={id}
        size="large"
        maxLength={200}
        autoComplete="off"
        status={isWrong ? "error" : ""}
        aria-invalid={isWrong}
        value={value}
        onChange={(event) => set(event.target.value)}
      />
    </div>
  );
}

/** The list with `row` at `place`; without what stands there when there is none. */
function placed<V>(list: V[], place: number, row?: V): V[] {
  const others = list.filter((_, other) => other !== place);
  return row === undefined ? others : list.map((one, other) => (other === place ? row : one));
}

function Diagnoses({ form, set }: { form: Form; set: (form: Form) => void }) {
  const { t } = useTranslation();
  const rows = form.diagnoses;
  const change = (diagnoses: Form["diagnoses"]) => set({ ...form, diagnoses });
  return (
    <fieldset className="space-y-3">
      <legend className="mb-1 font-semibold">{t("clinic.write.diagnoses")}</legend>
      {rows.map((row, place) => (
        <div key={place} className="flex flex-wrap items-end gap-3" data-diagnosis>
          <Line
            id={`diagnosis-${place}`}
            label={t("clinic.write.name")}
            isWide
            value={row.name}
            set={(name) => change(placed(rows, place, { ...row, name }))}
          />
          <div className="min-w-24 flex-1 sm:max-w-28">
            <Line
              id={`code-${place}`}
              label={t("clinic.write.code")}
              value={row.code}
              set={(code) => change(placed(rows, place, { ...row, code }))}
            />
          </div>
          <Button size="large" onClick={() => change(placed(rows, place))}>
            {t("clinic.write.drop")}
          </Button>
        </div>
      ))}
      <Button onClick={() => change([...rows, { name: "", code: "" }])}>
        {t("clinic.write.addDiagnosis")}
      </Button>
    </fieldset>
  );
}

function Results({ form, set }: { form: Form; set: (form: Form) => void }) {
  const { t } = useTranslation();
  const rows = form.results;
  const change = (results: Form["results"]) => set({ ...form, results });
  return (
    <fieldset className="space-y-3">
      <legend className="mb-1 font-semibold">{t("clinic.write.results")}</legend>
      {rows.map((row, place) => (
        <div key={place} className="flex flex-wrap items-end gap-3" data-result>
          <Line
            id={`result-${place}`}
            label={t("clinic.write.name")}
            isWide
            value={row.name}
            set={(name) => change(placed(rows, place, { ...row, name }))}
          />
          <div className="min-w-20 flex-1 sm:max-w-24">
            <Line
              id={`value-${place}`}
              label={t("clinic.write.value")}
              value={row.value}
              isWrong={row.value !== "" && !isDecimal(row.value)}
              set={(value) => change(placed(rows, place, { ...row, value }))}
            />
          </div>
          <div className="min-w-24 flex-1 sm:max-w-28">
            <Line
              id={`unit-${place}`}
              label={t("clinic.write.unit")}
              value={row.unit}
              set={(unit) => change(placed(rows, place, { ...row, unit }))}
            />
          </div>
          <Button size="large" onClick={() => change(placed(rows, place))}>
            {t("clinic.write.drop")}
          </Button>
        </div>
      ))}
      <Button onClick={() => change([...rows, { name: "", value: "", unit: "" }])}>
        {t("clinic.write.addResult")}
      </Button>
    </fieldset>
  );
}

/** All that can be typed of a note. */
export function Fields({ form, set }: { form: Form; set: (form: Form) => void }) {
  const { t } = useTranslation();
  const titles = useTitles();
  return (
    <div className="space-y-5">
      <Line
        id="title"
        label={t("clinic.write.title")}
        value={form.title}
        set={(title) => set({ ...form, title })}
      />
      {ABOUT.map((about) => (
        <div key={about}>
          <label htmlFor={about} className="mb-1 block text-sm text-soft">
            {titles[about]}
          </label>
          <Input.TextArea
            id={about}
            rows={3}
            maxLength={20_000}
            value={form.texts[about]}
            onChange={(event) =>
              set({ ...form, texts: { ...form.texts, [about]: event.target.value } })
            }
          />
        </div>
      ))}
      <Diagnoses form={form} set={set} />
      <Results form={form} set={set} />
    </div>
  );
}
