import { expect, test } from "vitest";
import { createLogWalks } from "../../server/audit/log-walks.ts";

function hold() {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { held, release };
}

test("one log is gone through once at a time, and few of them at once; whoever ends makes room, by failing too", async () => {
  const walks = createLogWalks(2);
  const [one, two] = [hold(), hold()];
  const first = walks.run("a", () => one.held);
  await expect(walks.run("a", async () => {})).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 2 });
  const second = walks.run("b", async () => {
    await two.held;
    throw new Error("broken");
  });
  await expect(walks.run("c", async () => {})).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE", retryAfterSeconds: 2 });
  two.release();
  await expect(second).rejects.toThrow("broken");
  expect(await walks.run("c", async () => 1)).toBe(1);
  one.release();
  await first;
  expect(await walks.run("a", async () => 2)).toBe(2);
  // The control: with room for three, the third one is let through.
  const roomy = createLogWalks(3);
  expect(await Promise.all(["a", "b", "c"].map((id) => roomy.run(id, async () => id)))).toEqual(["a", "b", "c"]);
});
