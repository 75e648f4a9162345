// The worker of those who look: what comes from nodes and codes is read here, so this may die: a
// panic of the module ends it, and the page makes it again. It holds no keys.
import { type Answer, type Calls, type Name, type Question, troubled } from "./calls.ts";
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
  const call = serve[question.call as Name] as (client: LightClient, ...asks: unknown[]) => unknown;
  return call(client, ...question.asks);
}

onmessage = async ({ data }: MessageEvent<Question>) => {
  try {
    postMessage({ id: data.id, value: await answer(data) } satisfies Answer);
  } catch (error) {
    postMessage(troubled(data.id, error));
  }
};
