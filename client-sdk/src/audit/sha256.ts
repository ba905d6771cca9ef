import type { Bytes } from "./bytes.ts";

interface NativeCrypto {
  hash?(algorithm: "sha256", data: Uint8Array, encoding: "buffer"): Bytes;
}

/** SHA-256 (FIPS 180-4), synchronous: Node's own where there is one, since Web Crypto's costs a promise per hash. */
export const sha256: (data: Uint8Array) => Bytes = nativeSha256() ?? portableSha256;

function nativeSha256(): ((data: Uint8Array) => Bytes) | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const crypto = process?.getBuiltinModule?.("node:crypto") as NativeCrypto | undefined;
  return crypto?.hash ? (data) => crypto.hash?.("sha256", data, "buffer") ?? portableSha256(data) : undefined;
}

const ROUNDS = 64;
const BLOCK_BYTES = 64;

/** The fractional bits of the roots of the first primes: square roots begin the state, cube roots are the rounds' constants. */
const [INITIAL_STATE, ROUND_CONSTANTS] = deriveConstants();

function deriveConstants(): [Uint32Array, Uint32Array] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < ROUNDS; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  const fraction = (root: number) => Math.floor((root % 1) * 2 ** 32);
  return [
    Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    Uint32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  ];
}

/** The same without any help, for browsers and edge runtimes. */
export function portableSha256(data: Uint8Array): Bytes {
  const padded = new Uint8Array(Math.ceil((data.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor((data.length * 8) / 2 ** 32));
  view.setUint32(padded.length - 4, (data.length * 8) >>> 0);

  const state = Uint32Array.from(INITIAL_STATE);
  const words = new Uint32Array(ROUNDS);
  for (let offset = 0; offset < padded.length; offset += BLOCK_BYTES) compress(state, words, view, offset);

  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => {
    digest.setUint32(index * 4, word);
  });
  return new Uint8Array(digest.buffer);
}

function compress(state: Uint32Array, words: Uint32Array, view: DataView, offset: number): void {
  const word = (index: number) => words[index] as number;
  for (let index = 0; index < 16; index++) words[index] = view.getUint32(offset + index * 4);
  for (let index = 16; index < ROUNDS; index++) {
    const older = word(index - 15);
    const newer = word(index - 2);
    const s0 = rotate(older, 7) ^ rotate(older, 18) ^ (older >>> 3);
    const s1 = rotate(newer, 17) ^ rotate(newer, 19) ^ (newer >>> 10);
    words[index] = word(index - 16) + s0 + word(index - 7) + s1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let index = 0; index < ROUNDS; index++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + (ROUND_CONSTANTS[index] as number) + word(index)) | 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, index) => {
    state[index] = (state[index] as number) + value;
  });
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
