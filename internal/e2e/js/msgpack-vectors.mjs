// Captures what the packets below look like when socket.io-msgpack-parser has encoded them: prints the golden vectors of
// sio/msgpack, one JSON object a line. TestMsgpackVectors compares them with the file that is committed.

import parser from "socket.io-msgpack-parser";
import { tagged } from "./msgpack-tags.mjs";

const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR } = parser.PacketType;
const nested = (n) => (n === 0 ? 1 : [nested(n - 1)]);
const event = (...args) => ({ type: EVENT, data: ["e", ...args], nsp: "/" });

const packets = {
  "CONNECT": { type: CONNECT, nsp: "/" },
  "CONNECT as the client sends it": { type: CONNECT, data: undefined, nsp: "/" },
  "CONNECT with auth": { type: CONNECT, data: { token: "secret" }, nsp: "/admin" },
  "CONNECT as the server answers": { type: CONNECT, data: { pid: undefined, sid: "abcdefghijklmnopqrst" }, nsp: "/" },
  "DISCONNECT": { type: DISCONNECT, nsp: "/" },
  "CONNECT_ERROR": { type: CONNECT_ERROR, data: { data: { code: 42 }, message: "no" }, nsp: "/x" },
  "EVENT without arguments": event(),
  "EVENT with an acknowledgement": { type: EVENT, data: ["e", 1], id: 0, nsp: "/" },
  "EVENT with options": { type: EVENT, data: ["e"], options: { compress: true }, id: 12, nsp: "/" },
  "EVENT named by a number": { type: EVENT, data: [7, "x"], nsp: "/" },
  "keys in another order": { nsp: "/n", id: 300, data: ["e", null], type: EVENT },
  "ACK": { type: ACK, data: ["yes", { ok: true }], id: 70_000, nsp: "/" },
  "ACK without arguments": { type: ACK, data: [], id: 5_000_000_000, nsp: "/" },
  "nil and booleans": event(null, true, false),
  "undefined": event(undefined, [undefined], { gone: undefined, here: 1 }),
  "unsigned integers": event(0, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER),
  "negative integers": event(-1, -32, -33, -128, -129, -32_768, -32_769, -2_147_483_648, -2_147_483_649, Number.MIN_SAFE_INTEGER),
  "fractions": event(0.5, -1.25, 1e-7, 1.7976931348623157e308, Math.PI),
  "no numbers": event(NaN, Infinity, -Infinity),
  "strings": event("", "a", "é", "日本", "😀", "x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256)),
  "buffers": event(Buffer.alloc(0), Buffer.from([1, 2, 3]), Buffer.alloc(255, 1), Buffer.alloc(256, 2)),
  "byte arrays": event(new Uint8Array([1, 2, 3]), new Uint8Array(8).buffer, new Uint8Array(256).fill(9)),
  "dates": event(new Date(0), new Date(1_700_000_000_123), new Date(-1), { when: new Date(253_402_300_799_999) }),
  "arrays": event([], [1, [2, [3]]], Array(15).fill(0), Array(16).fill(0)),
  "objects": event({}, { a: { b: { c: [Buffer.from("x"), { d: null }] } } }, Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i + 10}`, i]))),
  "odd keys": event({ "": 1, "é": 2, [`${"k".repeat(40)}`]: 3 }),
  "what toJSON gives": event({ toJSON: () => ({ json: 1 }) }),
  "functions are left out": event({ a: 1, f() {} }),
  "as deep as we take by default": event(nested(127)),
};

const encoder = new parser.Encoder();
for (const [name, packet] of Object.entries(packets)) {
  const [bytes] = encoder.encode(packet);
  let back;
  const decoder = new parser.Decoder();
  decoder.on("decoded", (p) => { back = p; });
  decoder.add(bytes);
  console.log(JSON.stringify({ name, hex: bytes.toString("hex"), packet: tagged(back) }));
}
