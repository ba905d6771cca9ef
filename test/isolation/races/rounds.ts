import { EventEmitter } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { runBound } from "../../../server/db/binding.ts";
import { AGENTS_EACH, type Racer, type Row } from "./racers.ts";

/** What a run of races came to. */
export interface Tally {
  rounds: number;
  /** Statements that were answered. */
  answers: number;
  /** Rows of another workspace, each of them a leak. */
  crossed: number;
  /** Answers that lack own rows, as a statement does that was bound to another workspace. */
  lacking: number;
  /** Statements of a transaction that has ended: each was refused. */
  refusedAfterEnd: number;
}

export type Kind = keyof typeof KINDS;

/** Runs the rounds, `width` at once, each by one of the racers and of one of the kinds, in turn. */
export async function race(
  racers: readonly Racer[],
  { rounds, width, kinds = Object.keys(KINDS) as Kind[] }: { rounds: number; width: number; kinds?: readonly Kind[] },
): Promise<Tally> {
  const tally: Tally = { rounds: 0, answers: 0, crossed: 0, lacking: 0, refusedAfterEnd: 0 };
  const runs = Array.from({ length: width }, async () => {
    while (tally.rounds < rounds) {
      const round = tally.rounds++;
      const kind = KINDS[pick(kinds, round)];
      // Not in step with the kinds, so that every racer comes to do each.
      const turn = Math.floor(round / kinds.length);
      await kind({ own: pick(racers, turn), other: pick(racers, turn + 1), racers, round, judge: judgeInto(tally), tally });
    }
  });
  await Promise.all(runs);
  return tally;
}

interface Round {
  own: Racer;
  other: Racer;
  racers: readonly Racer[];
  round: number;
  judge: Judge;
  tally: Tally;
}

type Judge = (racer: Racer, rows: readonly (Row | null)[], expected: number) => void;

const KINDS = {
  async staggered({ own, round, judge }: Round) {
    await tick(round % 7);
    judge(own, await own.list(), AGENTS_EACH);
  },

  /** Of one tick, which Prisma joins into one statement where it may. */
  async sameTick({ racers, judge }: Round) {
    const found = await Promise.all(racers.map((racer) => racer.find()));
    for (const [index, racer] of racers.entries()) judge(racer, [found[index] ?? null], 1);
  },

  async insideTransaction({ own, round, judge }: Round) {
    await own.transaction(async (tx) => {
      const reads = [0, 1, 2].map((turn) => tick((round + turn * 3) % 5).then(() => tx.list()));
      const [first, second, third, marked] = await Promise.all([...reads, tx.mark(own.workspaceId)]);
      for (const rows of [first, second, third]) judge(own, rows as Row[], AGENTS_EACH);
      judge(own, Array<Row>((marked as { count: number }).count).fill(own), 1);
    });
  },

  async rolledBack({ own, other, judge }: Round) {
    const reason = new Error("changed my mind");
    const run = own.transaction(async (tx) => {
      await tx.mark(other.workspaceId);
      judge(own, await tx.list(), AGENTS_EACH);
      throw reason;
    });
    await run.catch((error: unknown) => {
      if (error !== reason) throw error;
    });
  },

  /** Made in one workspace, awaited in another's context. */
  async lazy({ own, other, judge }: Round) {
    const made = { query: own.list() };
    judge(own, await runBound(other.binding, async () => await made.query), AGENTS_EACH);
  },

  /** Statements of a transaction that are sent, first awaited or made when it is over and its connection may serve another. */
  async leaked({ own, other, judge, tally }: Round) {
    const { tx, sent, unsent } = await own.transaction(async (tx) => ({
      tx,
      sent: settled(tx.list()),
      unsent: { query: tx.list() },
    }));
    const used = other.list();
    for (const late of [sent, settled(unsent.query), settled(tx.list())]) {
      const rows = await late;
      if (rows) judge(own, rows, AGENTS_EACH);
      else tally.refusedAfterEnd++;
    }
    judge(other, await used, AGENTS_EACH);
  },

  /** A listener runs in the context of whoever emits. */
  async emitted({ own, other, judge }: Round) {
    const emitter = new EventEmitter();
    const answer = new Promise<Row[]>((resolve, reject) => emitter.once("ask", () => own.list().then(resolve, reject)));
    await runBound(other.binding, async () => emitter.emit("ask"));
    judge(own, await answer, AGENTS_EACH);
  },

  async posted({ own, other, judge }: Round) {
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise<Row[]>((resolve, reject) => port1.once("message", () => own.list().then(resolve, reject)));
    await runBound(other.binding, async () => port2.postMessage("ask"));
    judge(own, await answer.finally(() => port1.close()), AGENTS_EACH);
  },

  async immediate({ own, other, judge }: Round) {
    const answer = runBound(
      other.binding,
      () => new Promise<Row[]>((resolve, reject) => setImmediate(() => own.list().then(resolve, reject))),
    );
    judge(own, await answer, AGENTS_EACH);
  },
};

/** The rows, or null where the statement was refused. */
async function settled(query: Promise<Row[]>): Promise<Row[] | null> {
  return query.catch(() => null);
}

function judgeInto(tally: Tally): Judge {
  return (racer, rows, expected) => {
    const there = rows.filter((row) => row !== null);
    tally.answers++;
    tally.crossed += there.filter(({ workspaceId }) => workspaceId !== racer.workspaceId).length;
    if (there.filter(({ workspaceId }) => workspaceId === racer.workspaceId).length !== expected) tally.lacking++;
  };
}

function tick(turns: number): Promise<void> {
  return new Promise((resolve) => (turns === 0 ? resolve() : setImmediate(() => resolve(tick(turns - 1)))));
}

function pick<Element>(elements: readonly Element[], index: number): Element {
  return elements[index % elements.length] as Element;
}
