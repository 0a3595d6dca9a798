import { randomBytes } from "node:crypto";
import { assert, call, check, collect, connected, once } from "./harness.mjs";

check("a buffer there and back", async () => {
  const socket = await connected();
  const blob = randomBytes(1_000);
  socket.emit("echo", blob);
  const [back] = await once(socket, "echo");
  assert.ok(Buffer.isBuffer(back), "came as a Buffer");
  assert.ok(blob.equals(back));
});

check("every byte, and no byte", async () => {
  const socket = await connected();
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  socket.emit("echo", all, Buffer.alloc(0));
  const [back, empty] = await once(socket, "echo");
  assert.ok(all.equals(back));
  assert.equal(empty.length, 0);
});

check("typed arrays and array buffers", async () => {
  const socket = await connected();
  socket.emit("echo", new Uint8Array([1, 2, 3]), new Uint16Array([513]).buffer);
  const [a, b] = await once(socket, "echo");
  // socket.io-msgpack-parser has the reference send array buffers back.
  assert.deepEqual([...Buffer.from(a)], [1, 2, 3]);
  assert.deepEqual([...Buffer.from(b)], [1, 2]);
}, { since: 2 });

check("buffers inside of objects and lists, with text around", async () => {
  const socket = await connected();
  const sent = { list: [Buffer.from("a"), { deep: Buffer.from("b") }], text: "_placeholder", n: 1, none: null };
  socket.emit("echo", "first", sent, [Buffer.from("c")]);
  const [first, back, [c]] = await once(socket, "echo");
  assert.equal(first, "first");
  assert.equal(back.list[0].toString(), "a");
  assert.equal(back.list[1].deep.toString(), "b");
  assert.deepEqual([back.text, back.n, back.none], ["_placeholder", 1, null]);
  assert.equal(c.toString(), "c");
});

check("an acknowledgement with buffers, from the server", async () => {
  const socket = await connected();
  const [a, { b }] = await call(socket, "ack", Buffer.from("one"), { b: Buffer.from("two") });
  assert.equal(a.toString(), "one");
  assert.equal(b.toString(), "two");
  const [made] = await call(socket, "make", "binary", 100);
  assert.deepEqual([...made], Array(100).fill(7));
});

check("an acknowledgement with buffers, from the client", async () => {
  const socket = await connected();
  socket.on("question", (blob, ack) => ack({ twice: Buffer.concat([blob, blob]) }, 1));
  const [word, { twice }, one] = await call(socket, "ask", 5_000, "question", Buffer.from("ab"));
  assert.deepEqual([word, twice.toString(), one], ["reply", "abab", 1]);
});

check("text and binary events in turn keep their order", async () => {
  const socket = await connected();
  const got = collect(socket, "echo", 300);
  for (let i = 0; i < 300; i++) socket.emit("echo", i % 3 ? i : Buffer.from(String(i)));
  assert.deepEqual((await got).map((x) => Number(x.toString())), Array.from({ length: 300 }, (_, i) => i));
});

check("ten attachments in one event", async () => {
  const socket = await connected();
  const sent = Array.from({ length: 10 }, (_, i) => Buffer.alloc(i * 100, i));
  socket.emit("echo", ...sent);
  const back = await once(socket, "echo");
  back.forEach((b, i) => assert.ok(sent[i].equals(b), `attachment ${i}`));
});
