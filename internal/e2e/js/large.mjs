import { randomBytes } from "node:crypto";
import { assert, call, check, client, collect, connected, fact, mode, once } from "./harness.mjs";

const MB = 1_000_000;

check("1 MB of text to the server", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "size", "x".repeat(MB)), [MB]);
});

check("1 MB of text from the server", async () => {
  const socket = await connected();
  const [text] = await call(socket, "make", "text", MB);
  assert.equal(text, "é".repeat(MB / 2));
});

check("1 MB of text there and back", async () => {
  const socket = await connected();
  const text = randomBytes(MB / 2).toString("hex");
  const back = once(socket, "echo");
  socket.emit("echo", text, "tail");
  const [got, tail] = await back;
  assert.ok(got === text, "the same text");
  assert.equal(tail, "tail");
});

check("1 MB of binary to the server", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "size", randomBytes(MB)), [MB]);
});

check("1 MB of binary from the server", async () => {
  const socket = await connected();
  const [blob] = await call(socket, "make", "binary", MB);
  assert.ok(Buffer.alloc(MB, 7).equals(blob));
});

check("1 MB of binary there and back, small events around it", async () => {
  const socket = await connected();
  const blob = randomBytes(MB);
  const got = collect(socket, "echo", 3);
  socket.emit("echo", "before");
  socket.emit("echo", blob);
  socket.emit("echo", "after");
  const [before, back, after] = await got;
  assert.equal(before, "before");
  assert.ok(blob.equals(back));
  assert.equal(after, "after");
});

check("ten times 1 MB in a row", async () => {
  const socket = await connected();
  for (let i = 0; i < 10; i++) assert.deepEqual(await call(socket, "size", "y".repeat(MB - i)), [MB - i]);
}, { within: 60_000 });

check("above the limit the connection ends, and others do not notice", async () => {
  const other = await connected();
  const socket = await connected();
  const ended = once(socket, "disconnect");
  socket.emit("echo", "z".repeat(2_100_000));
  const [reason] = await ended;
  fact(`the client's reason above the limit, ${mode}`, reason);
  assert.ok(["transport close", "transport error"].includes(reason), reason);
  const [reasons] = await call(other, "reasons", socket.id ?? "");
  assert.ok(reasons === null || reasons.length <= 2);
  assert.deepEqual(await call(other, "ack", "fine"), ["fine"]);
});

check("the limit is told in the handshake", async () => {
  const socket = client();
  const [hello] = await once(socket, "hello");
  assert.ok(hello);
  assert.equal(socket.io.engine.maxPayload ?? socket.io.engine._maxPayload, 2 * MB);
}, { since: 4.8 });
