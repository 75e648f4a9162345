// A permission in one sentence: the same when it is asked, given, listed, paused and ended. One
// function for each language makes it from the terms; no page puts it together by hand.
import type { Language } from "./index.ts";

export interface Permission {
  /** Who reads; unknown to a device that was set up again from words. */
  reader: { name: string; member: string } | undefined;
  /** `clinical`, `sensitive`, `identity`, `statistics`; none when they are not known. */
  levels: string[];
  /** Whose records, by name; none when it is not said. */
  hospitals: string[];
  /** The code of the purpose, as `TREAT`. */
  purpose: string | undefined;
  /** The last day, as people say it. */
  until: string;
  /** Only when two clinicians open it in an emergency. */
  emergency: boolean;
}

/** A request, what holds, what rests, what is over, what is about to be given. */
export type Tense = "asks" | "may" | "paused" | "could" | "will";

const levels = {
  zh: { statistics: "统计", clinical: "诊疗", sensitive: "敏感", identity: "身份" },
  en: {
    statistics: "statistical",
    clinical: "clinical",
    sensitive: "sensitive",
    identity: "identity",
  },
} as const;

const purposes = {
  zh: {
    TREAT: "用于诊疗",
    ETREAT: "用于急救",
    HPAYMT: "用于结算",
    HRESCH: "用于研究",
    PUBHLTH: "用于公共卫生",
    PATRQT: "用于您所要求的事",
  },
  en: {
    TREAT: "for treatment",
    ETREAT: "for emergency treatment",
    HPAYMT: "for payment",
    HRESCH: "for research",
    PUBHLTH: "for public health",
    PATRQT: "for what you asked for",
  },
} as const;

/** What a code is called; itself when a newer node knows one that we do not. */
function called(words: Record<string, string>, code: string): string {
  return words[code] ?? code;
}

/** A, B and C. */
function listed(names: string[]): string {
  return new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names);
}

function english(permission: Permission, tense: Tense): string {
  const { reader, hospitals, purpose, until, emergency } = permission;
  const verb = {
    asks: "asks to read",
    may: "may read",
    paused: "may not read for now",
    could: "could read",
    will: "will be able to read",
  }[tense];
  const who = reader === undefined ? "Somebody" : `${reader.name} of ${reader.member}`;
  const kinds = permission.levels.map((level) => called(levels.en, level));
  const what = kinds.length === 0 ? "some of your records" : `your ${listed(kinds)} records`;
  const of = hospitals.length === 0 ? "" : ` of ${listed(hospitals)}`;
  const why = purpose === undefined ? "" : `, ${called(purposes.en, purpose)}`;
  const when = emergency ? ", only when two clinicians open it in an emergency" : "";
  const end = tense === "could" ? "; that is over" : `, until ${until}`;
  return `${who} ${verb} ${what}${of}${why}${when}${end}.`;
}

function chinese(permission: Permission, tense: Tense): string {
  const { reader, hospitals, purpose, until, emergency } = permission;
  const verb = {
    asks: "请求查看",
    may: "可以查看",
    paused: "暂时不能查看",
    could: "曾可查看",
    will: "将可以查看",
  }[tense];
  const who = reader === undefined ? "有人" : `${reader.member}的${reader.name}`;
  const kinds = permission.levels.map((level) => called(levels.zh, level)).join("、");
  const where = hospitals.length === 0 ? "" : `在${hospitals.join("、")}的`;
  const what = kinds === "" ? `您${where || "的"}部分病历` : `您${where || "的"}${kinds}病历`;
  const why = purpose === undefined ? "" : `，${called(purposes.zh, purpose)}`;
  const when = emergency ? "，仅限两名医务人员在紧急情况下开启" : "";
  const end = tense === "could" ? "，现已结束" : `，至${until}`;
  return `${who}${verb}${what}${why}${when}${end}。`;
}

export function permissionSentence(
  language: Language,
  permission: Permission,
  tense: Tense,
): string {
  return language === "zh" ? chinese(permission, tense) : english(permission, tense);
}
