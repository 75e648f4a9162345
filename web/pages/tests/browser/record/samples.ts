// Records of invented people, with what a reader has to tell apart.
const V3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const LOINC = "http://loinc.org";

const quantity = (value: string, unit: string, more = "") =>
  `{"value":${value},"unit":"${unit}","system":"http://unitsofmeasure.org","code":"${unit}"${more}}`;

interface Lab {
  code: string;
  zh: string;
  en: string;
  value: string;
  unit: string;
  low?: string;
  high?: string;
  flag?: string;
  more?: string;
  status?: string;
  date?: string;
  id?: string;
}

/** By hand, so that digits stay as they are. */
export function lab({
  code,
  zh,
  en,
  value,
  unit,
  low,
  high,
  flag,
  more,
  status,
  date,
  id,
}: Lab): string {
  const range = [
    low === undefined ? "" : `"low":${quantity(low, unit)}`,
    high === undefined ? "" : `"high":${quantity(high, unit)}`,
  ].filter((side) => side !== "");
  return `{"resourceType":"Observation","id":"${id ?? `o-${code}`}","status":"${status ?? "final"}",
    "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category",
      "code":"laboratory"}]}],
    "code":{"text":"${zh}","coding":[{"system":"${LOINC}","code":"${code}","display":"${en}"}]},
    "effectiveDateTime":"${date ?? "2026-10-05T08:30:00+08:00"}",
    ${flag === undefined ? "" : `"interpretation":[{"coding":[{"system":"${V3}","code":"${flag}"}]}],`}
    ${range.length === 0 ? "" : `"referenceRange":[{${range.join()}}],`}
    "valueQuantity":${quantity(value, unit, more)}}`;
}

const LABS = [
  lab({
    code: "13457-7",
    zh: "低密度脂蛋白胆固醇",
    en: "LDL cholesterol",
    value: "3.90",
    unit: "mmol/L",
    high: "3.40",
    flag: "H",
  }),
  lab({
    code: "2823-3",
    zh: "钾",
    en: "Potassium",
    value: "6.8",
    unit: "mmol/L",
    low: "3.5",
    high: "5.3",
    flag: "HH",
  }),
  lab({
    code: "718-7",
    zh: "血红蛋白",
    en: "Hemoglobin",
    value: "108",
    unit: "g/L",
    low: "115",
    high: "150",
  }),
  lab({
    code: "2160-0",
    zh: "肌酐",
    en: "Creatinine",
    value: "71",
    unit: "umol/L",
    low: "41",
    high: "81",
    flag: "N",
  }),
  lab({
    code: "1988-5",
    zh: "C 反应蛋白",
    en: "C reactive protein",
    value: "0.5",
    unit: "mg/L",
    more: ',"comparator":"<"',
  }),
  lab({
    code: "4548-4",
    zh: "糖化血红蛋白",
    en: "Hemoglobin A1c",
    value: "9.9",
    unit: "%",
    status: "entered-in-error",
  }),
];

const PRESSURE = `{"resourceType":"Observation","id":"bp","status":"final",
  "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
  "code":{"text":"血压","coding":[{"system":"${LOINC}","code":"85354-9","display":"Blood pressure panel"}]},
  "effectiveDateTime":"2026-10-05T08:05:00+08:00","component":[
   {"code":{"text":"收缩压","coding":[{"system":"${LOINC}","code":"8480-6","display":"Systolic blood pressure"}]},
    "valueQuantity":${quantity("152", "mm[Hg]")},"interpretation":[{"coding":[{"system":"${V3}","code":"H"}]}]},
   {"code":{"text":"舒张压","coding":[{"system":"${LOINC}","code":"8462-4","display":"Diastolic blood pressure"}]},
    "valueQuantity":${quantity("94", "mm[Hg]")}},
   {"code":{"text":"心率","coding":[{"system":"${LOINC}","code":"8867-4","display":"Heart rate"}]},
    "dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"not-performed"}]}}]}`;

const verified = (code: string) =>
  `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"${code}"}]}`;
const clinical = (code: string) =>
  `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"${code}"}]}`;

const RESOURCES = [
  `{"resourceType":"Encounter","id":"e","status":"finished",
    "class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},
    "type":[{"text":"内科门诊"}],"period":{"start":"2026-10-05T08:00:00+08:00","end":"2026-10-05T09:10:00+08:00"},
    "reasonCode":[{"text":"头晕三天"}],"serviceProvider":{"display":"North Hospital"},
    "participant":[{"individual":{"display":"Dr Li"}}]}`,
  `{"resourceType":"AllergyIntolerance","id":"a","clinicalStatus":${clinical("active")},
    "verificationStatus":${verified("confirmed")},"type":"allergy","category":["medication"],"criticality":"high",
    "code":{"text":"青霉素","coding":[{"system":"http://snomed.info/sct","code":"764146007","display":"Penicillin"}]},
    "reaction":[{"manifestation":[{"text":"过敏性休克"}],"severity":"severe","onset":"2011"}]}`,
  `{"resourceType":"Condition","id":"c1","clinicalStatus":${clinical("active")},"verificationStatus":${verified("confirmed")},
    "code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"I10","display":"原发性高血压"},
      {"system":"http://snomed.info/sct","code":"59621000","display":"Essential hypertension"}]},
    "onsetDateTime":"2019-03","recordedDate":"2026-10-05"}`,
  `{"resourceType":"Condition","id":"c2","clinicalStatus":${clinical("active")},"verificationStatus":${verified("differential")},
    "code":{"text":"原发性醛固酮增多症","coding":[{"display":"Primary aldosteronism"}]}}`,
  `{"resourceType":"Condition","id":"c3","verificationStatus":${verified("refuted")},
    "code":{"text":"嗜铬细胞瘤","coding":[{"display":"Pheochromocytoma"}]},"recordedDate":"2026-10-05"}`,
  `{"resourceType":"Condition","id":"c4","clinicalStatus":${clinical("resolved")},"verificationStatus":${verified("confirmed")},
    "code":{"text":"肺炎","coding":[{"display":"Pneumonia"}]},"abatementDateTime":"2024-02-11"}`,
  `{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","authoredOn":"2026-10-05",
    "medicationCodeableConcept":{"text":"氨氯地平片 5 mg","coding":[{"system":"http://www.whocc.no/atc","code":"C08CA01","display":"amlodipine"}]},
    "dosageInstruction":[{"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},
      "route":{"text":"口服"},"doseAndRate":[{"doseQuantity":${quantity("5", "mg")}}],
      "additionalInstruction":[{"text":"早餐后"}]}],
    "dispenseRequest":{"quantity":{"value":28,"unit":"片"},"numberOfRepeatsAllowed":2}}`,
  `{"resourceType":"MedicationRequest","id":"m2","status":"active","intent":"order","doNotPerform":true,"authoredOn":"2026-10-05",
    "medicationCodeableConcept":{"text":"布洛芬","coding":[{"display":"ibuprofen"}]},"reasonCode":[{"text":"高血压"}]}`,
  ...LABS,
  PRESSURE,
  `{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"生化组合","coding":[{"display":"Chemistry panel"}]},
    "effectiveDateTime":"2026-10-05T08:30:00+08:00","issued":"2026-10-05T10:02:00+08:00",
    "conclusion":"血钾危急值，已电话通知 Dr Li。","result":[{"reference":"Observation/o-13457-7"},
      {"reference":"Observation/o-2823-3"},{"reference":"Observation/o-2160-0"}]}`,
  `{"resourceType":"Procedure","id":"p1","status":"completed","code":{"text":"十二导联心电图","coding":[{"display":"12 lead ECG"}]},
    "performedDateTime":"2026-10-05T08:20:00+08:00"}`,
  `{"resourceType":"Immunization","id":"i1","status":"completed","vaccineCode":{"text":"流感疫苗"},"occurrenceDateTime":"2025-11","lotNumber":"A7"}`,
  `{"resourceType":"Composition","id":"k","status":"final","type":{"text":"门诊病历"},"title":"门诊病历","date":"2026-10-05",
    "author":[{"display":"Dr Li"}],"section":[{"title":"现病史","text":{"status":"generated",
      "div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><p>三天前出现头晕。</p><p>No chest pain. <b>BP 152/94</b></p><img src=\\"http://evil.example/x.png\\" onerror=\\"pwned=1\\"/></div>"}},
      {"title":"诊断","entry":[{"reference":"Condition/c1"},{"reference":"Condition/c3"}]}]}`,
  `{"resourceType":"FamilyMemberHistory","id":"f","status":"completed","relationship":{"text":"父亲"},
    "condition":[{"code":{"text":"脑卒中"},"onsetAge":${quantity("61", "a")}}]}`,
  `{"resourceType":"Patient","id":"pt","name":[{"family":"王","given":["芳"]}],"gender":"female","birthDate":"1980-02-03"}`,
  `{"resourceType":"SpaceReading","id":"x","status":"final","gravity":1.0000000000000000001,"crew":[{"name":"\\u202egnaW","note":"<script>pwned=1</script>"}]}`,
];

export const visit = `{"resourceType":"Bundle","type":"collection","entry":[${RESOURCES.map(
  (resource) => `{"resource":${resource}}`,
).join(",\n")}]}`;

export const message = [
  "MSH|^~\\&|LAB|NORTH|EHR|NORTH|20261005080000+0800||ORU^R01^ORU_R01|4711|P|2.5.1",
  "PID|1||P-1||Synthetic^Ann||19800304|F",
  "DG1|1||J18.9^Pneumonia^I10",
  "OBR|1|||24321-2^Basic metabolic panel^LN|||20261005073000+0800",
  "OBX|1|NM|2823-3^Potassium^LN||6.20|mmol/L|3.5-5.1|HH|||F",
  "OBX|2|NM|2951-2^Sodium^LN||151.0|mmol/L|136-145||||F",
  "OBX|3|TX|x^Comment^L||Hemolysed \\T\\ repeated\\.br\\See above||||||C",
].join("\r");

export const cda = `<?xml version="1.0"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><title>出院小结</title><effectiveTime value="20261005"/>
<recordTarget><patientRole><patient>
<name><given>Ann</given><family>Synthetic</family></name></patient></patientRole></recordTarget>
<author><assignedAuthor><assignedPerson>
<name>Dr Li</name></assignedPerson></assignedAuthor></author>
<component><structuredBody><component><section><title>Diagnosis</title>
<text><paragraph>Pneumonia <content styleCode="Bold" onclick="pwned=1">right</content></paragraph>
<list><item>Amoxicillin</item><item>&lt;script&gt;pwned=1&lt;/script&gt;</item></list>
<script xmlns="http://www.w3.org/1999/xhtml">pwned=1</script></text>
<component><section><title>Detail</title><text>None</text></section></component>
</section></component>
</structuredBody></component></ClinicalDocument>`;

/** Eight measurements of one thing, one of them in another unit, one known by a bound only. */
export const potassium = [
  ["2023", "4.10", "mmol/L"],
  ["2024-03", "4.6", "mmol/L"],
  ["2024-11-02", "5.30", "mmol/L"],
  ["2025-06-01T08:00:00+08:00", "5.6", "mmol/L"],
  ["2025-12-24", "18.2", "mg/dL"],
  ["2026-02-11", "5.1", "mmol/L"],
  ["2026-07-01", "6.0", "mmol/L"],
  ["2026-10-05T08:30:00+08:00", "6.8", "mmol/L"],
].map(([date = "", value = "", unit = ""], at) => {
  const range = unit === "mmol/L" ? { low: "3.5", high: "5.3" } : {};
  const bounded = at === 6 ? { more: ',"comparator":">"' } : {};
  const made = {
    code: "2823-3",
    zh: "钾",
    en: "Potassium",
    value,
    unit,
    date,
    ...range,
    ...bounded,
  };
  return { content: lab(made), mediaType: "application/fhir+json", id: `k${at}` };
});
