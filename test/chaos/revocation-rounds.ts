import { setTimeout } from "node:timers/promises";
import type { History } from "./history.ts";
import type { Subject } from "./revocations.ts";

const WARM_UP_TRIES = 200;
/** Between the calls of the load, so that it leaves room for the rounds. */
const LOAD_PAUSE_MS = 25;

/** The ways in which a subject asks for its agent; each answers whether it was let through. */
const CALLS: Record<string, (url: string, subject: Subject) => Promise<boolean>> = {
  get: async (url, subject) => (await send("GET", agentUrl(url, subject), subject)).status === 200,
  list: async (url, subject) => {
    const { status, body } = await send("GET", agentUrl(url, subject).replace(/\/[^/]+$/, ""), subject);
    return status === 200 && body.includes(subject.agentId);
  },
  change: async (url, subject) => (await send("PATCH", agentUrl(url, subject), subject, "{}")).status === 200,
};

/**
 * Revokes and restores each subject's access so many times in all, with calls of it under way on every server the whole
 * time, and writes down what each call came to.
 */
export async function recordRounds(urls: readonly string[], subjects: readonly Subject[], rounds: number): Promise<History> {
  const history: History = { calls: [], revocations: [] };
  let left = rounds;
  const ask = async (server: string, subject: Subject, what: string): Promise<boolean> => {
    const startedAt = performance.now();
    const isAllowed = (await CALLS[what]?.(server, subject)) ?? false;
    history.calls.push({ subject: subject.id, server, what, startedAt, endedAt: performance.now(), isAllowed });
    return isAllowed;
  };
  const kindsOf = ({ mayChange }: Subject) => (mayChange ? ["get", "list", "change"] : ["get", "list"]);
  const warmUp = async (server: string, subject: Subject) => {
    for (let attempt = 0; !(await ask(server, subject, "list")); attempt++) {
      if (attempt === WARM_UP_TRIES) throw new Error(`${subject.kind}: a restored access is not let through`);
    }
  };
  const play = async (subject: Subject) => {
    let isOver = false;
    const load = urls.map(async (server, index) => {
      for (let turn = index; !isOver; turn++) {
        await ask(server, subject, kindsOf(subject)[turn % kindsOf(subject).length] ?? "get");
        await setTimeout(LOAD_PAUSE_MS);
      }
    });
    try {
      while (left-- > 0) {
        await Promise.all(urls.map((server) => warmUp(server, subject)));
        await subject.revoke();
        const committedAt = performance.now();
        await Promise.all(
          urls.map((server, index) => ask(server, subject, kindsOf(subject)[(left + index) % kindsOf(subject).length] ?? "get")),
        );
        history.revocations.push({ subject: subject.id, kind: subject.kind, committedAt, undoneFrom: performance.now() });
        await subject.restore();
      }
    } finally {
      isOver = true;
      await Promise.all(load);
    }
  };
  await Promise.all(subjects.map(play));
  return history;
}

function agentUrl(url: string, { workspaceId, agentId }: Subject): string {
  return `${url}/api/v1/workspaces/${workspaceId}/agents/${agentId}`;
}

async function send(method: string, url: string, { headers }: Subject, body?: string): Promise<{ status: number; body: string }> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    ...(body && { body }),
  });
  return { status: response.status, body: await response.text() };
}
