import { assert, call, check, client, collect, connected, never, once, parsed } from "./harness.mjs";

check("hello on connection", async () => {
  const socket = client("/", { query: { token: "t 1&2" }, auth: { user: "ünï" }, extraHeaders: { "X-Token": "abc" } });
  const [hello] = await once(socket, "hello");
  assert.deepEqual(hello, { id: socket.id, auth: { user: "ünï" }, token: "t 1&2", header: "abc" });
  assert.match(socket.id, /^[\w-]{20}$/);
  assert.notEqual(socket.id, socket.io.engine.id);
}, { since: 3 });

const values = [
  [],
  [1],
  [-0.5, parsed === "msgpack" ? 1e15 : 1e21, 0], // the client's MessagePack has no integers above 2^64
  [null, true, false],
  ["", "text", 'quotes " and \\ and \n and \u0000'],
  ["naïve 漢字 🌬️ \u2028"],
  [{}, [], [[]], { a: { b: { c: [1, { d: null }] } } }],
  [{ _placeholder: false, num: 0 }],
  ["4", "[", "{", "\u001e", "42[\"x\"]"],
  Array.from({ length: 50 }, (_, i) => i),
];

for (const [i, args] of values.entries()) {
  check(`echo of values ${i}: ${JSON.stringify(args).slice(0, 40)}`, async () => {
    const socket = await connected();
    const back = once(socket, "echo");
    socket.emit("echo", ...args);
    assert.deepEqual(await back, args);
  });
}

check("event names of every kind", async () => {
  const socket = await connected();
  for (const name of ["a b", "é", 'q"uote', "1,2", "/x,", "constructor", "__proto__", "toString"]) {
    socket.emit(name, 1); // nobody listens: nothing must happen
  }
  const [seen] = await call(socket, "seen");
  assert.deepEqual(seen, ["/x,", "constructor", "__proto__", "toString", "seen"]);
});

check("any-listeners see both directions", async () => {
  const socket = await connected();
  socket.emit("echo", 1);
  await once(socket, "echo");
  const [seen, sent] = await call(socket, "seen");
  assert.deepEqual(seen, ["echo", "seen"]);
  assert.deepEqual(sent, ["hello", "echo"]);
});

check("1,000 events keep their order, both ways", async () => {
  const socket = await connected();
  const back = collect(socket, "echo", 1_000);
  for (let i = 0; i < 1_000; i++) socket.emit("echo", i);
  assert.deepEqual(await back, Array.from({ length: 1_000 }, (_, i) => i));
});

check("a burst of 5,000 events from the server keeps its order", async () => {
  const socket = await connected();
  const got = collect(socket, "seq", 5_000);
  socket.emit("burst", 5_000);
  assert.deepEqual(await got, Array.from({ length: 5_000 }, (_, i) => i));
});

check("what is emitted before the connection arrives after it", async () => {
  const socket = client();
  const back = collect(socket, "echo", 3);
  for (let i = 0; i < 3; i++) socket.emit("echo", i);
  assert.deepEqual(await back, [0, 1, 2]);
});

check("twenty clients at once, each gets its own", async () => {
  const sockets = await Promise.all(Array.from({ length: 20 }, () => connected()));
  const replies = await Promise.all(sockets.map((s, i) => call(s, "ack", i, s.id)));
  assert.deepEqual(replies, sockets.map((s, i) => [i, s.id]));
  assert.equal(new Set(sockets.map((s) => s.id)).size, 20);
});

check("volatile events", async () => {
  const socket = await connected();
  const got = [];
  socket.on("maybe", (i) => got.push(i));
  for (let round = 0; round < 5; round++) {
    socket.emit("volatile", 3);
    await once(socket, "surely");
  }
  // How many of them come is the server's choice: at least the first on an idle connection, never out of order.
  assert.ok(got.length >= 1 && got.length <= 15, `${got.length} of 15 came`);
  assert.equal(got[0], 0);
});

check("a volatile event of an unconnected client is dropped", async () => {
  const socket = client("/", { autoConnect: false });
  socket.volatile.emit("echo", "lost");
  socket.connect();
  await never(socket, "echo", 300);
}, { since: 3 });
