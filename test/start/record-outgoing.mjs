// Loaded before a program: whatever it would send beyond this machine is refused, and written to the file OUTGOING_RECORD.
import dgram from "node:dgram";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import net from "node:net";

const LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+|0\.0\.0\.0|::)$/;

function refuse(what) {
  appendFileSync(process.env.OUTGOING_RECORD, `${what}\n`);
  return Object.assign(new Error(`Outgoing connection refused: ${what}`), { code: "EOUTGOING" });
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  const { host, port, path } = typeof options === "object" ? options : { port: options, host: args[1] };
  if (path || !host || LOCAL.test(host)) return connect.apply(this, args);
  const error = refuse(`${host}:${port}`);
  process.nextTick(() => this.destroy(error));
  return this;
};

for (const resolver of [dns, dns.promises]) {
  const { lookup } = resolver;
  resolver.lookup = function (host, ...rest) {
    if (!host || LOCAL.test(host)) return lookup.call(this, host, ...rest);
    const error = refuse(`lookup of ${host}`);
    const callback = rest.at(-1);
    if (typeof callback !== "function") return Promise.reject(error);
    process.nextTick(callback, error);
  };
}

dgram.Socket.prototype.send = () => {
  throw refuse("a datagram");
};
