import type { World } from "../world.ts";

/** What holds at the server and at the fake alike, each under its sentence. */
export type Checks = Record<string, (world: World) => Promise<void>>;

/** A refusal as a client meets it, without what differs from call to call. */
export interface Refused {
  name: string;
  code: string;
  status: number | undefined;
  message: string;
  details: unknown;
}

/** What a call is refused with. @throws Error where it is not refused */
export async function refusalOf(call: PromiseLike<unknown>): Promise<Refused & { requestId: string }> {
  const outcome = await Promise.resolve(call).then(
    () => null,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error("The call was not refused");
  const { name, code, status, message, details, requestId } = outcome as Error & Refused & { requestId: string };
  return { name, code, status, message, details, requestId };
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export const says = (message: string) => ({ kind: "message" as const, source: "customer" as const, data: { message } });
export const ABSENT = "01890000-0000-7000-8000-000000000000";
