import { assert, call, check, checkBinary, client, collect, connect, connected, never, once, until, version } from "./harness.mjs";

check("auth reaches the namespace", async () => {
  const socket = client("/custom", { auth: { token: "t", nested: { n: [1] } } });
  assert.deepEqual(await once(socket, "auth"), [{ token: "t", nested: { n: [1] } }]);
}, { since: 3 });

check("auth by a function", async () => {
  const socket = client("/custom", { auth: (cb) => cb({ later: true }) });
  assert.deepEqual(await once(socket, "auth"), [{ later: true }]);
}, { since: 3 });

check("no auth is an empty object", async () => {
  const socket = client("/custom");
  assert.deepEqual(await once(socket, "auth"), [{}]);
}, { since: 3 });

check("an unknown namespace", async () => {
  const socket = client("/nowhere");
  const [error] = await once(socket, "connect_error");
  assert.equal(error.message, "Invalid namespace");
  assert.equal(error.data, undefined);
  assert.equal(socket.connected, false);
}, { since: 3 });

check("CONNECT_ERROR with data", async () => {
  const socket = client("/admin", { auth: { token: "wrong" } });
  const [error] = await once(socket, "connect_error");
  assert.equal(error.message, "not authorized");
  assert.deepEqual(error.data, { code: 401, retry: false });
  socket.auth = { token: "secret" };
  socket.connect();
  await connect(socket);
  socket.emit("echo", "in");
  assert.deepEqual(await once(socket, "echo"), ["in"]);
}, { since: 3 });

check("a middleware of the main namespace refuses, plainly", async () => {
  const socket = client("/", { query: { refuse: "plain" } });
  const [error] = await once(socket, "connect_error");
  assert.equal(error.message, "refused");
  assert.equal(error.data, undefined);
}, { since: 3 });

check("a middleware of the main namespace refuses, with data", async () => {
  const socket = client("/", { query: { refuse: "data" } });
  const [error] = await once(socket, "connect_error");
  assert.deepEqual(error.data, { code: 42, why: ["no", "entry"] });
}, { since: 3 });

/** Two namespaces over one connection. */
async function pair() {
  const main = await connected("/", { forceNew: true });
  const custom = main.io.socket("/custom");
  await connect(custom);
  return { main, custom };
}

check("two namespaces share a connection and nothing else", async () => {
  const { main, custom } = await pair();
  assert.equal(main.io.engine.id, custom.io.engine.id);
  if (version >= 2) assert.notEqual(main.id, custom.id);
  const got = Promise.all([once(custom, "echo"), never(main, "echo")]);
  custom.emit("echo", "c");
  assert.deepEqual((await got)[0], ["c"]);
  const silent = Promise.all([once(custom, "room"), never(main, "room")]);
  custom.emit("all", 1);
  await silent;
});

check("leaving one namespace leaves the other alone", async () => {
  const { main, custom } = await pair();
  custom.disconnect();
  assert.deepEqual(await call(main, "ack", 1), [1]);
  custom.connect();
  await connect(custom);
  custom.emit("echo", "again");
  assert.deepEqual(await once(custom, "echo"), ["again"]);
});

check("the server ends one namespace, not the connection", async () => {
  const { main, custom } = await pair();
  const ended = once(custom, "disconnect");
  custom.emit("bye");
  assert.deepEqual((await ended)[0], "io server disconnect");
  assert.deepEqual(await call(main, "ack", 1), [1]);
});

check("a namespace made by its pattern", async () => {
  const socket = await connected("/dynamic-7");
  assert.deepEqual(await call(socket, "name"), ["/dynamic-7"]);
});

check("a namespace that no pattern matches", async () => {
  const socket = client("/dynamic-7x");
  assert.equal((await once(socket, "connect_error"))[0].message, "Invalid namespace");
}, { since: 3 });

check("a namespace made by a function", async () => {
  const socket = client("/acme", { auth: { tenant: "other" } });
  assert.equal((await once(socket, "connect_error"))[0].message, "Invalid namespace");
  socket.auth = { tenant: "acme" };
  socket.connect();
  await connect(socket);
  assert.deepEqual(await call(socket, "name"), ["/acme"]);
}, { since: 3 });

check("what a parent emits reaches all its children", async () => {
  const sockets = await Promise.all(["/dynamic-1", "/dynamic-2", "/dynamic-2"].map((name) => connected(name)));
  const got = Promise.all(sockets.map((s) => once(s, "room")));
  sockets[0].emit("all", 1, "x");
  assert.deepEqual(await got, [[1, "x"], [1, "x"], [1, "x"]]);
});

/** Leaves a namespace, and waits until the server knows: it may take a CONNECT right behind for one too many. */
async function leave(main, socket) {
  socket.disconnect();
  assert.deepEqual(await call(main, "ack", 1), [1]);
}

check("an empty child goes, and is made again", async () => {
  const main = await connected("/");
  const name = `/dynamic-${Date.now()}`;
  const child = main.io.socket(name);
  await connect(child);
  const second = await connected(name);
  await leave(main, child);
  child.connect();
  await connect(child); // the other socket kept it alive
  assert.deepEqual(await call(main, "made", name), [1]);
  second.disconnect();
  await until(async () => {
    await leave(main, child);
    child.connect();
    await connect(child);
    return (await call(main, "made", name))[0] > 1;
  });
});

check("a middleware of the parent refuses, and the child goes", async () => {
  const main = await connected("/");
  const name = `/dynamic-${Date.now()}`;
  const child = main.io.socket(name, { auth: { refuse: true } });
  assert.equal((await once(child, "connect_error"))[0].message, "refused");
  assert.deepEqual(await call(main, "made", name), [1]);
  await leave(main, child);
  child.connect();
  assert.equal((await once(child, "connect_error"))[0].message, "refused");
  assert.deepEqual(await call(main, "made", name), [2]);
}, { since: 3 });

checkBinary("binary in a namespace", async () => {
  const socket = await connected("/custom");
  socket.emit("echo", { b: Buffer.from("xyz") }, "tail");
  const [{ b }, tail] = await once(socket, "echo");
  assert.equal(b.toString(), "xyz");
  assert.equal(tail, "tail");
});

check("order in two namespaces at once", async () => {
  const { main, custom } = await pair();
  const got = Promise.all([collect(main, "echo", 300), collect(custom, "echo", 300)]);
  for (let i = 0; i < 300; i++) {
    main.emit("echo", i);
    custom.emit("echo", i);
  }
  const want = Array.from({ length: 300 }, (_, i) => i);
  assert.deepEqual(await got, [want, want]);
});
