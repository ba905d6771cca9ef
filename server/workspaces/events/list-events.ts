import type { WorkspaceContext } from "../../permissions/workspace-context.ts";
import { untilCredentialEnds } from "./credential-end.ts";
import { readEvents } from "./read-events.ts";
import type { EventPage, ListEventsInput } from "./schemas.ts";
import { openAlarm } from "./session-alarm.ts";

/** How often a caller that waits looks again without being woken, and its right to is checked. */
const POLL_MS = 1_000;

/** Events of a session from an offset on; where there are none yet, the caller may wait for the first. */
export async function listEvents(ctx: WorkspaceContext, input: ListEventsInput): Promise<EventPage> {
  const { workspaceId, sessionId, waitSeconds, limit } = input;
  const kinds = input.kinds ?? null;
  const endsAtMs = performance.now() + Math.min(waitSeconds * 1_000, untilCredentialEnds(ctx));
  // Before the first look, so that nothing comes between the look and the waiting.
  const alarm = openAlarm(ctx.sessionWakes, { workspaceId, sessionId });
  try {
    for (let minOffset = input.minOffset; ; ) {
      alarm.reset();
      const page = await readEvents(ctx, { sessionId, minOffset, kinds, limit });
      const leftMs = endsAtMs - performance.now();
      if (page.data.length > 0 || leftMs <= 0 || ctx.sessionWakes.isClosing()) return page;
      minOffset = page.nextOffset;
      await alarm.rings(Math.min(leftMs, POLL_MS));
    }
  } finally {
    alarm.close();
  }
}
