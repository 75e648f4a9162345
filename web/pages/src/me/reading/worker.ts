// The worker that reads what strangers wrote: it has no keys, speaks to nobody, and may die of it.
import { type Answer, type Question, troubled } from "../../wallet/calls.ts";
import type { ReadingCalls } from "./calls.ts";
import { digestOf } from "./digest.ts";

function answer(question: Question): unknown {
  if ("open" in question) return true;
  return digestOf(...(question.asks as ReadingCalls["digest"]["asks"]));
}

onmessage = ({ data }: MessageEvent<Question>) => {
  try {
    postMessage({ id: data.id, value: answer(data) } satisfies Answer);
  } catch (error) {
    postMessage(troubled(data.id, error));
  }
};
