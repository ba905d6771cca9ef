"use client";

import { useEffect, useState } from "react";
import type { SimClient } from "../create-client.ts";
import { ConnectionError } from "../error-classes.ts";
import { SimParlantError } from "../errors.ts";
import type { StreamOptions } from "../events.ts";
import type { Event } from "../generated/schemas.ts";

const DEFAULT_KEEP = 1_000;

export interface FollowOptions extends Pick<StreamOptions, "fromOffset" | "kinds"> {
  /** How many events are kept, the latest ones. 1,000 unless given. */
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
  const [state, setState] = useState<SessionEvents & { of: string }>({ ...IDLE, of: "" });
  // An array is another one at each render.
  const kindNames = kinds?.join();
  const of = JSON.stringify([workspaceId, sessionId, fromOffset, kindNames, enabled]);

  useEffect(() => {
    if (!enabled) return;
    const ended = new AbortController();
    const { signal } = ended;
    const follow = async () => {
      const chosen = kindNames?.split(",") as StreamOptions["kinds"];
      const { events } = sim.workspace(workspaceId);
      for await (const event of events.stream(sessionId, { fromOffset, kinds: chosen, signal })) {
        if (signal.aborted) return;
        setState((known) => ({
          ...FOLLOWING,
          of,
          events: [...(known.of === of ? known.events : []), event].slice(-keep),
        }));
      }
    };
    setState({ ...FOLLOWING, of });
    follow().catch((error: unknown) => {
      if (signal.aborted) return;
      const known = SimParlantError.is(error)
        ? error
        : new ConnectionError("The session could not be followed", { cause: error });
      setState({ events: [], status: "failed", error: known, of });
    });
    return () => ended.abort();
  }, [sim, workspaceId, sessionId, fromOffset, kindNames, keep, enabled, of]);

  // Of another session nothing is shown, not even for the one render before the effect.
  if (!enabled) return IDLE;
  return state.of === of ? state : FOLLOWING;
}
