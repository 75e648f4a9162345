// A node that lies: it hands out the pages and passes calls on, and bends what is answered.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { node } from "./browser.ts";

/** What becomes of an answer to what was asked; `undefined` leaves it. */
export type Bend = (path: string, answer: never, asked: string) => unknown;

/** What becomes of an answer in bytes, as of a sealed object. */
export type BendBytes = (path: string, bytes: Buffer) => Buffer;

function isJson(answer: Response): boolean {
  return (answer.headers.get("content-type") ?? "").includes("json");
}

export class Liar {
  readonly #server: Server;
  bend: Bend = () => undefined;
  bendBytes: BendBytes = (_, bytes) => bytes;
  /** Whether what is asked at a path is never answered, nor passed on. */
  swallows: (path: string) => boolean = () => false;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const body: Buffer[] = [];
      for await (const piece of request) body.push(piece as Buffer);
      const path = request.url ?? "/";
      if (this.swallows(path)) return;
      const type = request.headers["content-type"];
      const asked = await fetch(node + path, {
        method: request.method ?? "GET",
        headers: {
          accept: request.headers.accept ?? "*/*",
          ...(type === undefined ? {} : { "content-type": type }),
        },
        ...(body.length > 0 ? { body: Buffer.concat(body) } : {}),
      });
      let bytes = Buffer.from(await asked.arrayBuffer());
      if (path.startsWith("/v1/") && asked.ok && !isJson(asked)) {
        bytes = Buffer.from(this.bendBytes(path, bytes));
      } else if (path.startsWith("/v1/") && asked.ok) {
        const question = Buffer.concat(body).toString("latin1");
        const bent = this.bend(path, JSON.parse(bytes.toString()) as never, question);
        if (bent !== undefined) bytes = Buffer.from(JSON.stringify(bent));
      }
      const headers = Object.fromEntries(asked.headers);
      delete headers["content-encoding"];
      delete headers["content-length"];
      delete headers["transfer-encoding"];
      response.writeHead(asked.status, headers).end(bytes);
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Does `act` with a node that lies. */
export async function lied(act: (liar: Liar, base: string) => Promise<void>): Promise<void> {
  const liar = new Liar();
  const base = await liar.start();
  try {
    await act(liar, base);
  } finally {
    await liar.stop();
  }
}
