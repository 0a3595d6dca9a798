// The reference's parser of Engine.IO 3 against the vectors that ours is tested with.

import { readFileSync } from "node:fs";
import { assert, check } from "./harness.mjs";
import parser from "../node_modules/engine.io/build/parser-v3/index.js";

const lines = readFileSync(new URL("../../../eio/testdata/payload3.txt", import.meta.url), "utf8").trim().split("\n");

const body = (s) => (s.startsWith('"') ? JSON.parse(s) : Buffer.from(s.replaceAll(" ", ""), "hex"));
const words = (s) => s.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];

/** Decodes a payload, and words it as the file does. */
function decode(payload) {
  const got = [];
  let broken = false;
  parser.decodePayload(payload, (packet) => {
    if (broken || packet.type === undefined) return;
    got.push(packet.type);
    if (Buffer.isBuffer(packet.data)) got.push(`x${packet.data.toString("hex")}`);
    else if (packet.type === "error") broken = true;
    else if (packet.data !== undefined && packet.data !== "") got.push(JSON.stringify(packet.data));
  });
  return got;
}

const types = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];

function packet(word) {
  if (word.startsWith("x")) return { type: "message", data: Buffer.from(word.slice(1), "hex") };
  const text = JSON.parse(word);
  return { type: types[Number(text[0])], data: text.length > 1 ? text.slice(1) : undefined };
}

let last;
for (const [i, line] of lines.entries()) {
  const [kind] = line.split(" ");
  const rest = line.slice(kind.length + 1);
  if (kind === "packets") last = { line: i + 1, packets: words(rest).map(packet) };
  else if (last?.packets && ["text", "octets", "base64"].includes(kind)) {
    const { line: at, packets } = last;
    check(`line ${at}: ${kind}`, async () => {
      const got = await new Promise((resolve) => parser.encodePayload(packets, kind !== "base64", resolve));
      assert.deepEqual(Buffer.from(got), Buffer.from(body(rest)));
    });
    if (kind === "base64") last = undefined;
  } else if (kind === "text" || kind === "octets") {
    const vector = { in: body(rest) };
    for (const next of lines.slice(i + 1)) {
      if (next.startsWith("=")) vector.want = next.slice(2);
      else if (next.startsWith("~")) vector.want = next.slice(2).split(" # ")[0];
      else break;
    }
    check(`line ${i + 1}`, async () => assert.deepEqual(decode(vector.in).filter((w) => w !== "noop" || vector.want.includes("noop")), words(vector.want).map((w) => (w.startsWith('"') ? JSON.stringify(JSON.parse(w)) : w)).filter((w) => w !== '""')));
  }
}
