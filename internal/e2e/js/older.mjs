// What clients of Socket.IO 1 and 2 do otherwise: "/" without asking, queries of namespaces, errors
// without a message around them, ids made of the session's.

import { assert, call, check, client, connect, connected, mode, never, once, version } from "./harness.mjs";

check("hello on connection: the id is the session's", async () => {
  const socket = client("/", { query: { token: "t 1&2" }, extraHeaders: { "X-Token": "abc" } });
  const [hello] = await once(socket, "hello");
  assert.equal(hello.id, socket.io.engine.id);
  assert.equal(hello.id, socket.id);
  assert.deepEqual([hello.auth, hello.token], [{}, "t 1&2"]);
  assert.equal(hello.header, "abc");
});

check("the query of a namespace is its auth, the last value of a key counts", async () => {
  const socket = client("/custom?token=a%20b&n=1&n=2&empty=", {});
  const [auth] = await once(socket, "auth");
  for (const added of ["EIO", "transport", "t", "b64"]) delete auth[added]; // client 1.x sends its connection's too
  assert.deepEqual(auth, { token: "a b", n: "2", empty: "" });
  if (version >= 2) assert.equal(socket.id, `/custom#${socket.io.engine.id}`);
});

check("no query is an empty object", async () => {
  const socket = client("/custom");
  assert.deepEqual(await once(socket, "auth"), [{}]);
});

check("a long query of a namespace", async () => {
  const token = "x".repeat(5_000);
  const socket = client(`/custom?token=${token}`);
  const [auth] = await once(socket, "auth");
  assert.equal(auth.token, token);
});

check("an unknown namespace", async () => {
  const socket = client("/nowhere");
  const [error] = await once(socket, "error");
  assert.deepEqual(error, { message: "Invalid namespace" });
  assert.equal(socket.connected, false);
});

check("a refusal with data is the data", async () => {
  const socket = client("/admin?token=wrong");
  const [error] = await once(socket, "error");
  assert.deepEqual(error, { code: 401, retry: false });
});

check("a namespace lets in who has its token", async () => {
  const socket = await connected("/admin?token=secret");
  socket.emit("echo", "in");
  assert.deepEqual(await once(socket, "echo"), ["in"]);
});

check("a middleware of the main namespace refuses, plainly: the text alone", async () => {
  const socket = client("/", { query: { refuse: "plain" } });
  const [error] = await once(socket, "error");
  assert.equal(error, "refused");
});

check("a middleware of the main namespace refuses, with data: the data alone", async () => {
  const socket = client("/", { query: { refuse: "data" } });
  const [error] = await once(socket, "error");
  assert.deepEqual(error, { code: 42, why: ["no", "entry"] });
});

check("who is refused and stays is closed at the connect timeout", async () => {
  const socket = client("/", { query: { refuse: "plain" } });
  await once(socket, "error");
  await once(socket.io.engine, "close");
});

check("a room with the id of a socket in a namespace", async () => {
  const main = await connected();
  const other = await connected();
  const custom = other.io.socket("/custom");
  await connect(custom);
  const got = Promise.all([once(other, "room"), never(main, "room"), never(custom, "room")]);
  main.emit("tell", other.id, "psst");
  assert.deepEqual((await got)[0], ["psst"]);
  assert.deepEqual(await call(other, "rooms"), [[], true]);
});

check("base64 when asked for", async () => {
  const socket = await connected("/", { forceBase64: true });
  socket.emit("echo", { b: Buffer.from([0, 200, 255]) }, "tail");
  const [{ b }, tail] = await once(socket, "echo");
  assert.deepEqual([...Buffer.from(b)], [0, 200, 255]);
  assert.equal(tail, "tail");
  assert.deepEqual(await call(socket, "transport"), [mode === "polling" ? "polling" : "websocket"]);
});
