import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A relay before PostgreSQL that looks to its client as a pooler does. */
export interface PosingPooler {
  url: string;
  /** The names under which statements were sent to be parsed, in turn; "" for one without a name. */
  parsed: string[];
  close(): Promise<void>;
}

export interface PosingPoolerOptions {
  /** Whether it tells a process id of its own making, as a pooler's is. */
  isPidItsOwn: boolean;
  /** Puts its own names in place of the client's, as a pooler does that keeps track of prepared statements. */
  rename?(name: string): string;
}

/** Messages of PostgreSQL's protocol that are of interest here, by their type. */
const BACKEND_KEY_DATA = "K";
const PARSE = "P";
const BIND = "B";
const DESCRIBE = "D";
const CLOSE = "C";
const OWN_PID = 1;

export async function startPosingPooler(databaseUrl: string, options: PosingPoolerOptions): Promise<PosingPooler> {
  const target = new URL(databaseUrl);
  const { isPidItsOwn, rename = (name: string) => name } = options;
  const parsed: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const postgres = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [[client, postgres] as const, [postgres, client] as const]) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
    }
    // A client's first message, its startup, has no type.
    eachMessage(client, false, (type, body) => postgres.write(renamed(type, body, rename, parsed)));
    eachMessage(postgres, true, (type, body) => {
      if (type === BACKEND_KEY_DATA && isPidItsOwn) body.writeInt32BE(OWN_PID, 5);
      client.write(body);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    parsed,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Calls back with each message whole, its type and length included. */
function eachMessage(socket: Socket, isTyped: boolean, handle: (type: string, message: Buffer) => void): void {
  let pending = Buffer.alloc(0);
  let hasType = isTyped;
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const lengthAt = hasType ? 1 : 0;
      if (pending.length < lengthAt + 4) return;
      const end = lengthAt + pending.readInt32BE(lengthAt);
      if (pending.length < end) return;
      const message = Buffer.from(pending.subarray(0, end));
      pending = pending.subarray(end);
      handle(hasType ? message.toString("latin1", 0, 1) : "", message);
      hasType = true;
    }
  });
}

function renamed(type: string, message: Buffer, rename: (name: string) => string, parsed: string[]): Buffer {
  let at: number;
  if (type === PARSE) at = 5;
  // The name of a statement follows that of the portal.
  else if (type === BIND) at = message.indexOf(0, 5) + 1;
  else if ((type === DESCRIBE || type === CLOSE) && message[5] === "S".charCodeAt(0)) at = 6;
  else return message;
  const end = message.indexOf(0, at);
  const name = message.toString("utf8", at, end);
  if (type === PARSE) parsed.push(name);
  if (name === "") return message;
  const changed = Buffer.concat([message.subarray(0, at), Buffer.from(rename(name)), message.subarray(end)]);
  changed.writeInt32BE(changed.length - 1, 1);
  return changed;
}
