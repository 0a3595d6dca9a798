import { assert, call, check, connected, sleep } from "./harness.mjs";

check("the server acknowledges with the same arguments", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "ack"), []);
  assert.deepEqual(await call(socket, "ack", 1, "two", { three: [3] }, null), [1, "two", { three: [3] }, null]);
});

check("a typed handler: one object in, one object back", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "add", { a: 2, b: 40 }), [{ sum: 42 }]);
});

check("emitWithAck as a promise", async () => {
  const socket = await connected();
  assert.equal(await socket.timeout(5_000).emitWithAck("ack", "x"), "x");
}, { since: 4.8 });

check("500 acknowledgements in flight find their callers", async () => {
  const socket = await connected();
  const replies = await Promise.all(Array.from({ length: 500 }, (_, i) => call(socket, "ack", i)));
  assert.deepEqual(replies, Array.from({ length: 500 }, (_, i) => [i]));
});

check("the client acknowledges what the server asks", async () => {
  const socket = await connected();
  socket.on("question", (a, b, ack) => ack(b, a, { ok: true }));
  assert.deepEqual(await call(socket, "ask", 5_000, "question", 1, "two"), ["reply", "two", 1, { ok: true }]);
});

check("an acknowledgement that takes a while", async () => {
  const socket = await connected();
  socket.on("question", async (ack) => { await sleep(100); ack("late but there"); });
  assert.deepEqual(await call(socket, "ask", 5_000, "question"), ["reply", "late but there"]);
});

check("no acknowledgement: the server's timeout", async () => {
  const socket = await connected();
  assert.deepEqual(await call(socket, "ask", 60, "nobody-listens"), ["timeout"]);
});

check("an acknowledgement after the timeout is ignored", async () => {
  const socket = await connected();
  let late;
  socket.on("question", (ack) => { late = ack; });
  assert.deepEqual(await call(socket, "ask", 60, "question"), ["timeout"]);
  late("too late");
  late("and twice");
  assert.deepEqual(await call(socket, "ack", "alive"), ["alive"]);
});

check("no acknowledgement: the client's timeout", async () => {
  const socket = await connected();
  await assert.rejects(socket.timeout(60).emitWithAck("nobody-listens"), /timed out/);
}, { since: 4.8 });

check("both directions at once", async () => {
  const socket = await connected();
  socket.on("question", (i, ack) => ack(i * 2));
  const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => call(socket, "ask", 10_000, "question", i)));
  assert.deepEqual(replies, Array.from({ length: 100 }, (_, i) => ["reply", i * 2]));
});
