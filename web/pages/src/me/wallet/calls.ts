// What a patient's page may ask of the worker that holds the keys.
import type {
  AccessView,
  ContentView,
  GivenView,
  LettersView,
  PeopleView,
  RecoveredView,
  TimelineView,
  TokenView,
  UsesView,
} from "../../wallet/generated/yilian_patient.js";

export type * from "../../wallet/generated/yilian_patient.js";

export interface PatientCalls {
  /** Loads the module and speaks to the node; answers with the genesis, to be pinned. */
  connect: { asks: []; answers: string };
  drawWords: { asks: [chinese: boolean]; answers: string };
  askedBack: { asks: []; answers: number[] };
  confirmWords: { asks: [typed: string[]]; answers: boolean };
  recoverWords: { asks: [words: string]; answers: RecoveredView };
  protect: { asks: [passphrase: string]; answers: void };
  unlock: { asks: [passphrase: string]; answers: void };
  rekey: { asks: [before: string, passphrase: string]; answers: void };
  people: { asks: [now: number]; answers: PeopleView };
  timeline: { asks: []; answers: TimelineView };
  /** The text comes with it when it has `most` bytes at most. */
  content: { asks: [record: string, most: number]; answers: ContentView };
  bytes: { asks: [record: string]; answers: Uint8Array };
  checkIn: { asks: [hospital: string, apart: boolean, now: number]; answers: TokenView };
  access: { asks: []; answers: AccessView };
  uses: { asks: [grant: string, now: number]; answers: UsesView };
  setGrant: { asks: [grant: string, state: string]; answers: void };
  give: {
    asks: [reader: string, levels: string[], days: number, now: number];
    answers: GivenView;
  };
  finish: { asks: [grant: string, now: number]; answers: GivenView };
  dismiss: { asks: [grant: string]; answers: void };
  letters: { asks: [now: number]; answers: LettersView };
  deleteLetter: { asks: [letter: string]; answers: void };
  refill: { asks: [now: number]; answers: void };
  approve: { asks: [letter: string, levels: string[], now: number]; answers: GivenView };
  deny: { asks: [letter: string, now: number]; answers: void };
}

export type PatientCall = keyof PatientCalls;
