import { UtcClient } from "../../../server/db/connection-setup.ts";

/** Runs the work, and gives every text that the server's connections sent meanwhile, once each. */
export async function captureStatements(work: () => Promise<void>): Promise<string[]> {
  const texts = new Set<string>();
  const { query } = UtcClient.prototype;
  UtcClient.prototype.query = function (this: UtcClient, ...args: [unknown]) {
    const [config] = args;
    texts.add(typeof config === "string" ? config : (config as { text: string }).text);
    return Reflect.apply(query, this, args) as never;
  } as typeof query;
  try {
    await work();
  } finally {
    Reflect.deleteProperty(UtcClient.prototype, "query");
  }
  return [...texts];
}
