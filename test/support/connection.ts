import type pg from "pg";
import { connectInUtc } from "./database.ts";

/** Runs the action on a connection of its own, which is closed in any case. */
export async function withConnection<Result>(url: string, action: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = await connectInUtc(url);
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}
