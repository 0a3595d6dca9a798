// The layer below, with its own official client: plain messages, no events.

import { Socket } from "engine.io-client";
import { after, assert, ca, check, collect, mode, once, transports, url } from "./harness.mjs";

function open(query = {}) {
  const socket = new Socket(url, { path: "/engine.io/", transports, query, ca });
  after(() => socket.close());
  return socket;
}

async function opened(query) {
  const socket = open(query);
  await once(socket, "open");
  if (mode === "upgrade") await once(socket, "upgrade");
  return socket;
}

check("text there and back", async () => {
  const socket = await opened();
  const got = collect(socket, "message", 4);
  for (const m of ["a", "", "naïve 漢字 🌬️", "\u001e4x"]) socket.send(m);
  const back = await got;
  // An empty message is undefined to this client. The separator of payloads cannot be carried by
  // polling: the reference splits there too.
  assert.deepEqual(back.slice(0, 3), ["a", undefined, "naïve 漢字 🌬️"]);
  if (mode !== "polling") assert.equal(back[3], "\u001e4x");
});

check("binary there and back", async () => {
  const socket = await opened();
  socket.binaryType = "nodebuffer";
  const got = collect(socket, "message", 2);
  socket.send(Buffer.from([0, 1, 254, 255]));
  socket.send(new Uint8Array([]));
  const [a, b] = await got;
  assert.deepEqual([...Buffer.from(a)], [0, 1, 254, 255]);
  assert.equal(b.byteLength ?? b.length, 0);
});

check("2,000 messages keep their order", async () => {
  const socket = await opened();
  const got = collect(socket, "message", 2_000);
  for (let i = 0; i < 2_000; i++) socket.send(String(i));
  assert.deepEqual(await got, Array.from({ length: 2_000 }, (_, i) => String(i)));
});

check("messages that the server sent first", async () => {
  const socket = open({ burst: 300 });
  const got = collect(socket, "message", 300);
  assert.deepEqual(await got, Array.from({ length: 300 }, (_, i) => `seq ${i}`));
});

check("1 MB there and back", async () => {
  const socket = await opened();
  const text = "é".repeat(500_000);
  socket.send(text);
  const [back] = await once(socket, "message");
  assert.ok(back === text);
});

check("the server closes", async () => {
  const socket = await opened();
  const ended = once(socket, "close");
  socket.send("close");
  assert.equal((await ended)[0], "transport close");
});

check("the handshake's words", async () => {
  const socket = open();
  const [handshake] = await once(socket, "handshake");
  assert.deepEqual(Object.keys(handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  assert.deepEqual({ ...handshake, sid: "" }, { sid: "", upgrades: mode === "websocket" ? [] : ["websocket"], pingInterval: 1_000, pingTimeout: 2_500, maxPayload: 2_000_000 });
});
