// Answers to a questionnaire (R4, QuestionnaireResponse) as questions with their answers.
import { type Row, type Shown, show, type Teller } from "./datatypes.ts";
import { choices, get, type Json, list, text } from "./json.ts";

/** Levels of questions; deeper ones stand in the whole. */
const DEEPEST = 6;

function answersOf(item: Json, teller: Teller, depth: number): Shown[] {
  return list(get(item, "answer")).flatMap((answer): Shown[] => {
    const values = choices(answer, "value").flatMap(
      ([name, value]) => show(value, name, teller) ?? [],
    );
    const rows = questions(answer, teller, depth + 1);
    return rows.length === 0 ? values : [...values, { as: "rows", rows }];
  });
}

/** A row for each item: by the question's text, else by its number. */
export function questions(of: Json, teller: Teller, depth = 0): Row[] {
  if (depth > DEEPEST) return [];
  return list(get(of, "item")).flatMap((item): Row[] => {
    const field = text(get(item, "text")) ?? text(get(item, "linkId")) ?? "";
    const inner = questions(item, teller, depth + 1);
    const answers = answersOf(item, teller, depth);
    const items: Shown[] = inner.length === 0 ? answers : [...answers, { as: "rows", rows: inner }];
    const [only] = items;
    if (only === undefined) return [{ field, shown: { as: "absent", reason: "unanswered" } }];
    return [{ field, shown: items.length === 1 ? only : { as: "list", items } }];
  });
}
