// What a clinician's page may ask of the worker that holds the keys.
import type { SplitView } from "../../wallet/generated/yilian_author.js";
import type {
  AskedNotesView,
  AskedNoteView,
  CheckedInsView,
  CheckedInView,
  ClinicLettersView,
  PeopleView,
  ReadView,
  WhoView,
  WorksView,
} from "../../wallet/generated/yilian_clinician.js";

export type { PartView, SplitView } from "../../wallet/generated/yilian_author.js";
export type * from "../../wallet/generated/yilian_clinician.js";

export interface ClinicianCalls {
  /** Loads the module and speaks to the node; answers with the genesis, to be pinned. */
  connect: { asks: []; answers: string };
  bring: { asks: [file: Uint8Array, passphrase: string]; answers: void };
  unlock: { asks: [passphrase: string]; answers: void };
  who: { asks: [now: number]; answers: WhoView };
  people: { asks: [now: number]; answers: PeopleView };
  checkIn: { asks: [text: string, label: string, now: number]; answers: CheckedInView };
  visits: { asks: []; answers: CheckedInsView };
  keepDraft: {
    asks: [
      work: string | undefined,
      visit: string,
      note: string,
      patient: string,
      ahead: number,
      now: number,
    ];
    answers: string;
  };
  works: { asks: []; answers: WorksView };
  dropDraft: { asks: [work: string]; answers: void };
  /** Loads what makes FHIR, when it is first asked for. */
  preview: { asks: [work: string, now: number]; answers: SplitView };
  sign: { asks: [work: string, now: number]; answers: void };
  letters: { asks: [now: number]; answers: ClinicLettersView };
  read: { asks: [letter: string, record: string, now: number]; answers: ReadView };
  bytes: { asks: [letter: string, record: string, now: number]; answers: Uint8Array };
  remember: {
    asks: [record: string, level: string, title: string, words: string];
    answers: void;
  };
  ask: {
    asks: [visit: string, levels: string[], purpose: string, days: number, now: number];
    answers: AskedNoteView;
  };
  asked: { asks: []; answers: AskedNotesView };
}

export type ClinicianCall = keyof ClinicianCalls;
