"use client";

import { useEffect, useMemo, useState } from "react";
import type { SimClient } from "../create-client.ts";
import { ConnectionError } from "../error-classes.ts";
import { SimParlantError } from "../errors.ts";
import type { StreamOptions } from "../events.ts";
import type { Event } from "../generated/schemas.ts";

const DEFAULT_KEEP = 1_000;

export interface FollowOptions extends Pick<StreamOptions, "fromOffset" | "kinds"> {
  /** How many events are kept, the latest ones; with 0 none. 1,000 unless given. */
  keep?: number | undefined;
  /** False follows nothing. */
  enabled?: boolean | undefined;
}

/** What is known of a session that is followed. */
export interface SessionEvents {
  /** Each once and in order. */
  events: readonly Event[];
  /** following, until the component goes; failed, where the session is no longer the user's to see; idle, where not enabled. */
  status: "idle" | "following" | "failed";
  error: SimParlantError | null;
}

const IDLE: SessionEvents = { events: [], status: "idle", error: null };
const FOLLOWING: SessionEvents = { events: [], status: "following", error: null };

/**
 * Follows a session: its events from an offset on, and those to come as they come. A connection that breaks is resumed
 * behind the last event; nothing is open any more once the component is gone. Losing the permission is an error, and the
 * events that were seen are gone with it.
 */
export function useSessionEvents(
  sim: SimClient,
  workspaceId: string,
  sessionId: string,
  { fromOffset = 0, kinds, keep = DEFAULT_KEEP, enabled = true }: FollowOptions = {},
): SessionEvents {
  const [state, setState] = useState<SessionEvents & { of: object | null }>({ ...IDLE, of: null });
  // An array is another one at each render.
  const kindNames = kinds?.join();
  // The client is part of what is followed: another one may be another user's.
  const followed = useMemo(
    () => ({ sim, workspaceId, sessionId, fromOffset, kindNames, enabled }),
    [sim, workspaceId, sessionId, fromOffset, kindNames, enabled],
  );

  useEffect(() => {
    if (!followed.enabled) return;
    const ended = new AbortController();
    const { signal } = ended;
    const follow = async () => {
      const chosen = followed.kindNames?.split(",") as StreamOptions["kinds"];
      const { events } = followed.sim.workspace(followed.workspaceId);
      const options = { fromOffset: followed.fromOffset, kinds: chosen, signal };
      for await (const event of events.stream(followed.sessionId, options)) {
        if (signal.aborted) return;
        setState((known) => {
          const all = [...(known.of === followed ? known.events : []), event];
          return { ...FOLLOWING, of: followed, events: all.slice(Math.max(0, all.length - keep)) };
        });
      }
    };
    setState({ ...FOLLOWING, of: followed });
    follow().catch((error: unknown) => {
      if (signal.aborted) return;
      const known = SimParlantError.is(error)
        ? error
        : new ConnectionError("The session could not be followed", { cause: error });
      setState({ events: [], status: "failed", error: known, of: followed });
    });
    return () => ended.abort();
  }, [followed, keep]);

  // Of what was followed before nothing is shown, not even for the one render before the effect.
  if (!enabled) return IDLE;
  return state.of === followed ? state : FOLLOWING;
}
