// Sends COUNT random packets, encoded by socket.io-msgpack-parser, to the Go side, which decodes them and encodes them
// again, and compares what comes back with what was sent.

import { createInterface } from "node:readline";
import parser from "socket.io-msgpack-parser";
import { canonical } from "./msgpack-tags.mjs";

// Random numbers that are the same each time (mulberry32).
let state = Number(process.env.SEED ?? 1);
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const int = (n) => Math.floor(random() * n);
const pick = (list) => list[int(list.length)];
const size = () => pick([0, 1, 2, 5, 15, 16, 31, 32, 40]);
const text = () => Array.from({ length: size() }, () => pick(["a", "Z", " ", "é", "日", "😀", "\u0000", "\"", "\\"])).join("");
const bytes = () => Buffer.from(Array.from({ length: pick([0, 1, 3, 255, 256, 300]) }, () => int(256)));

function number() {
  const n = pick([2 ** 5, 2 ** 7, 2 ** 8, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 53 - 2]);
  return pick([int(n), -int(n), n, -n, n - 1, random(), -random() * 1e-9, random() * 1e12 + 0.5, NaN, Infinity, -Infinity, 0]);
}

function value(depth) {
  const kind = int(depth > 0 ? 10 : 8);
  switch (kind) {
    case 0: return null;
    case 1: return random() < 0.5;
    case 2: return new Date(int(2 ** 42) - 2 ** 41);
    case 3: return bytes();
    case 4: return text();
    case 8: return Array.from({ length: size() }, () => value(depth - 1));
    case 9: return Object.fromEntries(Array.from({ length: size() }, () => [text(), value(depth - 1)]));
    default: return number();
  }
}

function packet() {
  const { CONNECT, DISCONNECT, EVENT, ACK } = parser.PacketType;
  const p = { type: pick([CONNECT, DISCONNECT, EVENT, EVENT, EVENT, ACK, ACK]), nsp: pick(["/", "/admin", "/é"]) };
  if (p.type === CONNECT && random() < 0.5) p.data = { token: value(2) };
  if (p.type === EVENT || p.type === ACK) p.data = Array.from({ length: int(4) }, () => value(4));
  if (p.type === EVENT) p.data.unshift(text());
  if (p.type === ACK || p.type === EVENT && random() < 0.3) p.id = int(2 ** 32);
  return p;
}

const encoder = new parser.Encoder();
function decode(bytes) {
  let packet;
  const decoder = new parser.Decoder();
  decoder.on("decoded", (p) => { packet = p; });
  decoder.add(bytes);
  return packet;
}

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const special = [ // what is too long to come up by chance
  { type: 2, nsp: "/", data: ["str32", "é".repeat(40_000)] },
  { type: 2, nsp: "/", data: ["bin32", Buffer.alloc(70_000, 7)] },
  { type: 2, nsp: "/", data: ["array32", ...Array(66_000).fill(1)] },
  { type: 2, nsp: "/", data: ["map32", Object.fromEntries(Array.from({ length: 66_000 }, (_, i) => [`k${i}`, i]))] },
];
const wrong = [];
for (let i = 0; i < Number(process.env.COUNT); i++) {
  const sent = special[i] ?? packet();
  const [message] = encoder.encode(sent);
  console.log(JSON.stringify({ fact: "packet", value: message.toString("base64") }));
  const { value: back } = await answers.next();
  const want = canonical(sent), got = canonical(decode(Buffer.from(back, "base64")));
  if (want !== got) wrong.push(`${want.slice(0, 500)} came back as ${got.slice(0, 500)}`);
}
console.log(JSON.stringify({ check: "packets come back as they were sent", ok: wrong.length === 0, ms: 0, error: `${wrong.length}, such as ${wrong[0]}` }));
process.exit(wrong.length ? 1 : 0);
