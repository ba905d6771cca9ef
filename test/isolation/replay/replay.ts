import { type Asked, comparable, secretIn, withoutTheTime } from "./answers.ts";
import { type ExampleInput, exampleInputs, type Filling, type IdSlot } from "./example-inputs.ts";
import { absentId, isOurs, type Place, type Procedures } from "./place.ts";
import type { Stage } from "./stage.ts";
import type { Answer, Transport } from "./transports.ts";

/** Procedures that are meant for a deleted thing, which whoever manages it can therefore tell from one that never was. */
const REACHES_DELETED: ReadonlySet<string> = new Set(["workspaces.agents.restore"]);

/** Procedures that answer what they are asked of an absent thing, as of a hidden one, and do not refuse. */
const ANSWERS_FOR_ABSENT: ReadonlySet<string> = new Set(["workspaces.access.check", "workspaces.access.explain"]);

type Ids = (slot: IdSlot) => string;

/**
 * Replays a procedure with ids that are not the caller's to see, by every transport and for every place of an id in its
 * input: what it gives away, none for a procedure that confines itself. One's own ids must be answered with success,
 * since nothing is learnt from a call that is always refused.
 */
export async function replay(stage: Stage, path: string, procedures: Procedures, transports: Transport[]): Promise<string[]> {
  const findings: string[] = [];
  const replayed = new Set<string>();
  for (const [index, { name, slots }] of examplesOf(path, procedures, stage.mine).entries()) {
    const places = slots.map((slot) => slot.path).filter((place) => place !== "workspaceId" && !replayed.has(place));
    for (const place of places) replayed.add(place);
    for (const [turn, transport] of transports.entries()) {
      const call = { path, procedures, transport, name, text: `Example ${index}-${turn}` };
      const found = await new Replay(stage, call).run(index === 0, places);
      findings.push(...found.map((finding) => `${path} by ${transport.name}, ${name}: ${finding}`));
    }
  }
  const changes = await stage.changes();
  return [...findings, ...changes.map((change) => `${path}: outside the workspace, ${change}`)];
}

export function examplesOf(path: string, procedures: Procedures, place: Place, filling: Partial<Filling> = {}): ExampleInput[] {
  const procedure = procedures[path];
  if (!procedure) throw new Error(`There is no procedure "${path}"`);
  return exampleInputs(path, procedure.input, { text: "Example", idOf: ({ kind }) => place.live[kind] ?? "", ...filling });
}

interface Call {
  path: string;
  procedures: Procedures;
  transport: Transport;
  /** Which example input it is made with, and the text in it: a name is taken once it was given. */
  name: string;
  text: string;
}

/** Whether only Sim's backend may make the call: always, or because simIntegration's permission is asked in the workspaces named, and none is. */
function isSimsAlone({ path, procedures }: Call, slots: readonly IdSlot[]): boolean {
  const permission = procedures[path]?.meta.permission ?? "";
  return (
    permission === "internal" || (permission.startsWith("integration:") && !slots.some(({ kind }) => kind === "workspaceId"))
  );
}

class Replay {
  readonly #findings: string[] = [];
  readonly #stage: Stage;
  readonly #call: Call;

  constructor(stage: Stage, call: Call) {
    this.#stage = stage;
    this.#call = call;
  }

  /** With every credential or the session alone, and with ids swapped at the given places. */
  async run(isWithEveryCredential: boolean, places: readonly string[]): Promise<string[]> {
    const { mine, credentials } = this.#stage;
    const { slots } = this.#input(this.#own);
    const used = Object.entries(credentials).slice(0, isWithEveryCredential ? undefined : 1);
    if (isSimsAlone(this.#call, slots)) {
      for (const [credential, headers] of used) await this.#replayRefused(credential, headers);
      await this.#control(this.#stage.sim);
      return this.#findings;
    }
    if (slots.some(({ path }) => path === "workspaceId")) {
      for (const [credential, headers] of used) await this.#replayWorkspaces(credential, headers);
    }
    for (const slot of slots.filter(({ path }) => places.includes(path))) {
      await this.#replayId(slot, "admin", mine.admin.headers);
      await this.#replayId(slot, "reader", mine.reader.headers);
    }
    await this.#control();
    return this.#findings;
  }

  /** Whatever is named in it, a call that is Sim's backend's alone is refused to everyone else in the same way. */
  async #replayRefused(credential: string, headers: Record<string, string>): Promise<void> {
    const { mine, strangers } = this.#stage;
    const refused = await this.#ask(headers, ({ kind }) => absentId(kind));
    if (refused.status !== 403) this.#find(`with ${credential}, what is Sim's backend's alone is ${refused.status}`);
    for (const { live, gone } of [mine, ...Object.values(strangers)]) {
      for (const contents of [live, gone]) {
        this.#compare(`with ${credential}`, await this.#ask(headers, this.#idsIn(contents)), refused);
      }
    }
  }

  /** A workspace that is closed to the caller, whatever else is named in it, is one that is not there. */
  async #replayWorkspaces(credential: string, headers: Record<string, string>): Promise<void> {
    const { mine, strangers } = this.#stage;
    const inWorkspace = (workspaceId: string, ids: Ids) =>
      this.#ask(headers, (slot) => (slot.path === "workspaceId" ? workspaceId : ids(slot)));
    const absent = await inWorkspace(absentId("workspaceId"), ({ kind }) => absentId(kind));
    if (absent.status !== 404) this.#find(`with ${credential}, an absent workspace is ${absent.status}`);
    for (const [whose, place] of Object.entries(strangers)) {
      for (const contents of [place.live, place.gone, mine.live, {}]) {
        const answer = await inWorkspace(place.workspaceId, this.#idsIn(contents));
        this.#compare(`with ${credential}, ${whose} workspace`, answer, absent);
      }
    }
  }

  /** In one's own workspace an id from elsewhere is one that nothing has. */
  async #replayId(slot: IdSlot, caller: string, headers: Record<string, string>): Promise<void> {
    const { mine, strangers } = this.#stage;
    const { kind, path } = slot;
    const put = async (id: string): Promise<Asked> => ({
      answer: await this.#ask(headers, (other) => (other.path === path ? id : this.#own(other))),
      id,
    });
    const absent = [await put(absentId(kind)), await put(absentId(kind))] as const;
    const isNamed = slot.isRequired && isOurs(kind) && caller === "admin" && !ANSWERS_FOR_ABSENT.has(this.#call.path);
    if (isNamed && absent[0].answer.status !== 404) this.#find(`an absent ${path} is ${absent[0].answer.status}`);
    const elsewhere: [string, string | undefined][] = Object.entries(strangers).flatMap(([whose, place]) => [
      [whose, place.live[kind]],
      [`${whose}, deleted`, place.gone[kind]],
    ]);
    if (!(REACHES_DELETED.has(this.#call.path) && caller === "admin")) elsewhere.push(["one's own deleted", mine.gone[kind]]);
    for (const [whose, id] of elsewhere) {
      // The admin of two workspaces is one person in both.
      if (id === undefined || Object.values(mine.live).includes(id)) continue;
      const { seen, expected } = comparable(await put(id), absent);
      if (seen !== expected) this.#find(`to the ${caller}, ${path} of ${whose}: ${seen} instead of ${expected}`);
    }
  }

  /** The same call on one's own ids succeeds. */
  async #control(headers: Record<string, string> = this.#stage.mine.admin.headers): Promise<void> {
    const { mine, act, refurnish } = this.#stage;
    const { path, procedures, transport } = this.#call;
    const set = path.replace(/\.remove$/, ".set");
    if (set !== path && procedures[set]) await act(set, mine.admin, examplesOf(set, procedures, mine)[0]?.value);
    const { status, body } = await this.#ask(headers, this.#own);
    if (!transport.isSuccess(status)) this.#find(`control: on one's own ids it is ${status} ${body}`);
    if (procedures[path]?.type === "mutation") await refurnish();
  }

  readonly #own: Ids = ({ kind }) => this.#stage.mine.live[kind] ?? "";

  #idsIn(ids: Readonly<Record<string, string>>): Ids {
    return ({ kind }) => ids[kind] ?? absentId(kind);
  }

  #input(idOf: Ids): ExampleInput {
    const { path, procedures, name, text } = this.#call;
    const found = examplesOf(path, procedures, this.#stage.mine, { idOf, text }).find((example) => example.name === name);
    if (!found) throw new Error(`${path} has no example "${name}"`);
    return found;
  }

  async #ask(headers: Record<string, string>, ids: Ids): Promise<Answer> {
    const { value } = this.#input(ids);
    const askedAtMs = Date.now();
    const answer = withoutTheTime(await this.#call.transport.send(headers, value), askedAtMs);
    const leaked = secretIn(answer, [headers, value], this.#stage.secrets);
    if (leaked !== undefined) this.#find(`"${leaked}" of another workspace stands in ${JSON.stringify(answer)}`);
    return answer;
  }

  #compare(what: string, answer: Answer, expected: Answer): void {
    const [seen, absent] = [JSON.stringify(answer), JSON.stringify(expected)];
    if (seen !== absent) this.#find(`${what}: ${seen} instead of ${absent}`);
  }

  #find(finding: string): void {
    this.#findings.push(finding);
  }
}
