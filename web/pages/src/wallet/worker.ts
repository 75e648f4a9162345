// The worker that holds the wallet. What comes from nodes and codes is read here, so this may die:
// a panic of the module ends it, and the page makes it again.
import type { Answer, Calls, Name, Question } from "./calls.ts";
import init, { LightClient } from "./generated/yilian_wallet.js";
import module from "./generated/yilian_wallet_bg.wasm?url";

let client: LightClient | undefined;

type Serve = { [N in Name]: (client: LightClient, ...asks: Calls[N]["asks"]) => unknown };

const serve: Serve = {
  chain: (client) => client.chain(),
  status: (client) => client.status(),
  block: (client, height) => client.block(height),
  find: (client, digits) => client.find(digits),
  receipt: (client, transaction) => client.receipt(transaction),
  consortium: (client, now) => client.consortium(now),
  checkPack: (client, code, now) => client.checkPack(code, now),
};

async function answer(question: Question): Promise<unknown> {
  if ("open" in question) {
    await init({ module_or_path: module });
    client = await LightClient.open(question.open.node, question.open.genesis);
    return client.genesis();
  }
  if (client === undefined) throw new Error("nothing is opened yet");
  const call = serve[question.call] as (client: LightClient, ...asks: unknown[]) => unknown;
  return call(client, ...question.asks);
}

function isTrouble(value: unknown): value is Extract<Answer, { trouble: unknown }>["trouble"] {
  return typeof value === "object" && value !== null && "fault" in value && "message" in value;
}

onmessage = async ({ data }: MessageEvent<Question>) => {
  try {
    postMessage({ id: data.id, value: await answer(data) } satisfies Answer);
  } catch (error) {
    if (isTrouble(error)) {
      const { fault, message, rule } = error;
      postMessage({ id: data.id, trouble: { fault, message, rule } } satisfies Answer);
      return;
    }
    // The module trapped: what is in its memory is worth nothing any more.
    const message = String(error);
    postMessage({ id: data.id, trouble: { fault: "crashed", message, rule: undefined } });
  }
};
